#include <algorithm>
#include <array>
#include <string_view>

#include "balancer/codec/body.h"
#include "balancer/codec/chars.h"

namespace balancer::codec {

namespace {

// Lower case, in order.
constexpr std::array<std::string_view, 41> kNeverTrailers = {
    "age",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-frame-options",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
};
static_assert(std::is_sorted(kNeverTrailers.begin(), kNeverTrailers.end()));
constexpr std::array<std::string_view, 9> kNeverPrefixes = {
    "accept", "access-control-", "content-", "if-", "proxy-", "sec-", "x-amzn-", "x-content-", "x-forwarded-",
};
constexpr std::size_t kLongestName = 256;  // of a trailer; longer ones are dropped

}  // namespace

bool may_be_trailer(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  std::array<char, kLongestName> space;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is(name[i], kAlphaChar) && !is(name[i], kDigitChar) && name[i] != '-') return false;
    space[i] = lower(name[i]);
  }
  const std::string_view lowered(space.data(), name.size());
  if (std::binary_search(kNeverTrailers.begin(), kNeverTrailers.end(), lowered)) return false;
  return std::none_of(kNeverPrefixes.begin(), kNeverPrefixes.end(),
                      [&](std::string_view prefix) { return lowered.starts_with(prefix); });
}

bool is_one_of(std::string_view name, std::span<const std::string> names) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& each) {
    return each.size() == name.size() && std::equal(name.begin(), name.end(), each.begin(),
                                                    [](char a, char b) { return lower(a) == lower(b); });
  });
}

std::string without_trailers(std::string_view lines, std::span<const std::string> names) {
  std::string out;
  while (!lines.empty()) {
    const auto end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end == std::string_view::npos ? lines.size() : end + 2);
    lines.remove_prefix(line.size());
    if (!is_one_of(line.substr(0, line.find(':')), names)) out += line;
  }
  return out;
}

}  // namespace balancer::codec
