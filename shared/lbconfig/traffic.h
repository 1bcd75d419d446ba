// Parts of a configuration that are about how clients are kept with their targets, and what responses carry.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shared::lbconfig {

// Stickiness of a target group (attributes stickiness.*).
enum class StickinessType { kLbCookie, kAppCookie, kSourceIp };  // kSourceIp: TCP and TLS groups only
struct Stickiness {
  bool enabled = false;
  StickinessType type = StickinessType::kLbCookie;
  int seconds = 86'400;    // 1..604800, of the type that is set
  std::string app_cookie;  // kAppCookie only: the name of the application's own cookie
  bool operator==(const Stickiness&) const = default;
};
inline constexpr int kMaxStickySeconds = 604'800;

// Content codings that a balancer may put on the responses of a target group for clients that take them
// (attributes berth.compression.*).
enum class Coding : std::uint8_t { kGzip, kBrotli, kZstd };
inline constexpr std::array<std::string_view, 3> kCodingWords = {"gzip", "br", "zstd"};  // by Coding
struct Compression {
  std::vector<Coding> algorithms;          // the preferred one first; empty: off
  std::uint64_t minimum_length = 1024;     // bytes; shorter bodies of a known length go as they are
  int level = 4;                           // 1 to 9, of each algorithm's own scale
  std::vector<std::string> content_types;  // "text/html", "text/*"; empty: kCompressedTypes
  bool enabled() const { return !algorithms.empty(); }
  bool operator==(const Compression&) const = default;
};
inline constexpr std::uint64_t kMaxCompressionMinimum = 1'073'741'824;
inline constexpr int kMinCompressionLevel = 1;
inline constexpr int kMaxCompressionLevel = 9;
inline constexpr std::size_t kMaxCompressedTypes = 64;
inline constexpr std::array<std::string_view, 6> kCompressedTypes = {
    "text/*",           "application/javascript", "application/json",
    "application/wasm", "application/xml",        "image/svg+xml"};
// The types in force: the settings' own, else kCompressedTypes.
std::vector<std::string_view> compressed_types(const Compression& settings);
// Nullopt: no such word.
std::optional<Coding> coding_of(std::string_view word);
// "type/subtype" or "type/*" of tokens, or "*/*"; not gRPC's, which is never compressed.
bool is_compressible_type(std::string_view range);

// A header field of every response of a listener, whatever its status and whoever made it: it takes the place
// of the target's field of that name, and with an empty value it removes it (listener attributes
// routing.http.response.NAME.header_value).
struct ResponseHeader {
  std::string name;
  std::string value;
  bool operator==(const ResponseHeader&) const = default;
};
inline constexpr std::size_t kMaxResponseHeaders = 32;        // of a listener
inline constexpr std::size_t kMaxResponseHeaderValue = 1024;  // bytes
// Names that no listener may set: those that frame the response, belong to one connection, or are ours
// (x-amzn-*).
bool may_be_set_on_responses(std::string_view name);

// A key of stickiness cookies. Every balancer of one control has the same, so that a client may come to any.
inline constexpr std::size_t kCookieSecretBytes = 32;
inline constexpr std::size_t kMaxCookieKeys = 2;  // the current one, and the one before it
struct CookieKey {
  std::uint32_t id = 0;  // in clear in each cookie
  std::string secret;    // raw bytes; never logged, never on a page
  bool operator==(const CookieKey&) const = default;
};
// As JSON and rows keep a secret: two digits a byte. Empty for what is no such text.
std::string secret_to_hex(std::string_view secret);
std::string secret_from_hex(std::string_view text);
using CookieKeys = std::vector<CookieKey>;  // the current one first

}  // namespace shared::lbconfig
