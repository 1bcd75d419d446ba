#include "shared/net/https_url.h"

#include <algorithm>

#include "shared/base/text.h"

namespace shared::net {
namespace {

constexpr std::string_view kScheme = "https://";

Error bad_url(std::string_view text, std::string_view why) {
  return Error("malformed", "'" + std::string(text) + "': " + std::string(why), Blame::kClient);
}

bool has_scheme(std::string_view text) {
  return text.size() >= kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), text.begin(),
                    [](char wanted, char c) { return wanted == lower_case(c); });
}

// `begin`: where the host begins.
Result<HttpsUrl> parse_behind_scheme(std::string_view text, std::size_t begin, std::uint16_t usual_port) {
  // A backslash is a slash to some readers, and would then end the host elsewhere.
  const auto visible = [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; };
  if (!std::all_of(text.begin(), text.end(), visible)) {
    return bad_url(text, "has characters that a URL cannot have");
  }
  if (text.find('#') != std::string_view::npos) return bad_url(text, "has a fragment");
  const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
  std::string authority(text.substr(begin, end - begin));
  if (authority.empty()) return bad_url(text, "has no host");
  if (authority.find('@') != std::string::npos) return bad_url(text, "has user information");
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port = colon != std::string::npos && (bracket == std::string::npos ? true : colon > bracket);
  if (!has_port) authority += ":" + std::to_string(usual_port);
  auto to = parse_endpoint(authority);
  if (!to || to->is_unix()) return bad_url(text, to ? "has no host" : to.error().text());
  if (to->port == 0) return bad_url(text, "has the port 0");
  HttpsUrl url;
  url.to = *std::move(to);
  const std::string_view rest = text.substr(end);
  if (!rest.empty()) url.target = rest.front() == '?' ? "/" + std::string(rest) : std::string(rest);
  return url;
}

}  // namespace

std::string authority_of(const Endpoint& to, std::uint16_t usual_port) {
  std::string text = to_string(to);
  if (to.port == usual_port) text.resize(text.rfind(':'));
  return text;
}

Result<HttpsUrl> parse_https_url(std::string_view text) {
  if (!has_scheme(text)) return bad_url(text, "does not begin with https://");
  return parse_behind_scheme(text, kScheme.size(), kHttpsPort);
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  constexpr std::string_view kPlain = "http://";
  const bool tls = text.starts_with(kScheme);
  if (!tls && !text.starts_with(kPlain))
    return Error("malformed", "'" + std::string(text) + "' does not begin with http:// or https://");
  auto at = tls ? parse_behind_scheme(text, kScheme.size(), kHttpsPort)
                : parse_behind_scheme(text, kPlain.size(), kHttpPort);
  if (!at) return at.error();
  return HttpUrl{tls, *std::move(at)};
}

}  // namespace shared::net
