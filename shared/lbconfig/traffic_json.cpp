#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/base/text.h"
#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

namespace {

using json::Reader;
using Value = nlohmann::json;

constexpr std::array<Choice<StickinessType>, 3> kStickinessTypes{{{"lb_cookie", StickinessType::kLbCookie},
                                                                  {"app_cookie", StickinessType::kAppCookie},
                                                                  {"source_ip", StickinessType::kSourceIp}}};

constexpr std::array<Choice<Coding>, 3> kCodings{
    {{kCodingWords[0], Coding::kGzip}, {kCodingWords[1], Coding::kBrotli}, {kCodingWords[2], Coding::kZstd}}};

bool is_token_text(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void read_compression(const Reader& in, Compression& compression) {
  in.only_members({"algorithms", "minimum_length", "level", "content_types"});
  for (const std::string& word : in.strings_or_empty("algorithms")) {
    const auto coding = coding_of(word);
    if (!coding) return in.fail("algorithms", "'" + word + "' is none of gzip, br, zstd");
    compression.algorithms.push_back(*coding);
  }
  compression.minimum_length = static_cast<std::uint64_t>(in.integer_or<std::int64_t>(
      "minimum_length", static_cast<std::int64_t>(compression.minimum_length), 0));
  compression.level = in.integer_or<int>("level", compression.level);
  compression.content_types = in.strings_or_empty("content_types");
}

Value write_compression(const Compression& compression) {
  Value value = {{"algorithms", Value::array()},
                 {"minimum_length", compression.minimum_length},
                 {"level", compression.level}};
  for (const Coding coding : compression.algorithms) value["algorithms"].push_back(word_of(coding, kCodings));
  if (!compression.content_types.empty()) value["content_types"] = compression.content_types;
  return value;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::vector<std::string_view> compressed_types(const Compression& settings) {
  if (settings.content_types.empty()) return {kCompressedTypes.begin(), kCompressedTypes.end()};
  return {settings.content_types.begin(), settings.content_types.end()};
}

std::optional<Coding> coding_of(std::string_view word) {
  for (const auto& [name, coding] : kCodings) {
    if (name == word) return coding;
  }
  return std::nullopt;
}

bool is_compressible_type(std::string_view range) {
  if (range == "*/*") return true;
  const auto slash = range.find('/');
  if (slash == std::string_view::npos || range.find('*') < slash) return false;
  const std::string_view subtype = range.substr(slash + 1);
  if (subtype != "*" && subtype.find('*') != std::string_view::npos) return false;
  return is_token_text(range.substr(0, slash)) && is_token_text(subtype) &&
         !range.starts_with("application/grpc");
}

std::string secret_to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15U];
  }
  return out;
}

std::string secret_from_hex(std::string_view text) {  // empty: no such number
  std::string out;
  if (text.size() % 2 != 0) return out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexDigits.find(text[i]);
    const auto low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return {};
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

void read_traffic(const Reader& in, TargetGroup& group) {
  group.anomaly_mitigation = in.boolean_or("anomaly_mitigation", group.anomaly_mitigation);
  if (const auto compression = in.child("compression")) read_compression(*compression, group.compression);
  const auto inner = in.child("stickiness");
  if (!inner) return;
  inner->only_members({"enabled", "type", "seconds", "app_cookie"});
  Stickiness& sticky = group.stickiness;
  sticky.enabled = inner->boolean_or("enabled", true);
  sticky.type = inner->choice("type", kStickinessTypes).value_or(sticky.type);
  sticky.seconds = inner->integer_or<int>("seconds", sticky.seconds);
  sticky.app_cookie = inner->string_or("app_cookie", "");
}

void write_traffic(const TargetGroup& group, Value& value) {
  if (group.anomaly_mitigation) value["anomaly_mitigation"] = true;
  if (group.compression != Compression()) value["compression"] = write_compression(group.compression);
  if (group.stickiness == Stickiness()) return;
  Value& sticky = value["stickiness"];
  sticky = {{"enabled", group.stickiness.enabled},
            {"type", word_of(group.stickiness.type, kStickinessTypes)},
            {"seconds", group.stickiness.seconds}};
  if (!group.stickiness.app_cookie.empty()) sticky["app_cookie"] = group.stickiness.app_cookie;
}

void read_traffic(const Reader& in, ListenerOptions& options) {
  for (const Reader& header : in.children("response_headers")) {
    header.only_members({"name", "value"});
    options.response_headers.push_back({header.required_string("name"), header.required_string("value")});
  }
  options.proxy_protocol_from = in.strings_or_empty("proxy_protocol_from");
}

void write_traffic(const ListenerOptions& options, Value& value) {
  for (const ResponseHeader& header : options.response_headers) {
    value["response_headers"].push_back({{"name", header.name}, {"value", header.value}});
  }
  if (!options.proxy_protocol_from.empty()) value["proxy_protocol_from"] = options.proxy_protocol_from;
}

CookieKeys read_cookie_keys(const Reader& in) {
  CookieKeys keys;
  for (const Reader& each : in.children("cookie_keys")) {
    each.only_members({"id", "secret"});
    keys.push_back(
        {each.required_integer<std::uint32_t>("id"), secret_from_hex(each.required_string("secret"))});
  }
  return keys;
}

Value write_cookie_keys(const CookieKeys& keys) {
  Value value = Value::array();
  for (const CookieKey& key : keys) value.push_back({{"id", key.id}, {"secret", secret_to_hex(key.secret)}});
  return value;
}

bool may_tell_of_tls(std::string_view name) {
  std::string lowered(name);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c == '_' ? '-' : lower_case(c); });
  constexpr std::string_view kNever[] = {
      "host",   "connection",       "content-length",    "content-type",        "transfer-encoding",
      "te",     "trailer",          "upgrade",           "keep-alive",          "proxy-connection",
      "expect", "cookie",           "authorization",     "proxy-authorization", "x-forwarded-for",
      "accept", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",    "x-amzn-trace-id",
      "date",   "http2-settings",   "traceparent"};
  return std::find(std::begin(kNever), std::end(kNever), lowered) == std::end(kNever);
}

bool may_be_set_on_responses(std::string_view name) {
  const std::string lowered = lower_case(std::string(name));
  constexpr std::string_view kNever[] = {"connection",
                                         "content-length",
                                         "date",
                                         "keep-alive",
                                         "te",
                                         "proxy-authenticate",
                                         "proxy-authorization",
                                         "proxy-connection",
                                         "trailer",
                                         "transfer-encoding",
                                         "upgrade"};
  return std::find(std::begin(kNever), std::end(kNever), lowered) == std::end(kNever) &&
         !lowered.starts_with("x-amzn-");
}

}  // namespace shared::lbconfig
