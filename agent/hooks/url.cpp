#include "agent/hooks/url.h"

#include <string>

namespace agent::hooks {

shared::Result<HookUrl> parse_hook_url(std::string_view text) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  constexpr std::uint16_t kHttpPort = 80;
  if (text.starts_with(kTls)) {
    auto url = shared::net::parse_https_url(text);
    if (!url) return url.error();
    return HookUrl{true, *std::move(url)};
  }
  if (!text.starts_with(kPlain))
    return shared::Error("malformed", "'" + std::string(text) + "' does not begin with http:// or https://");
  const std::string_view rest = text.substr(kPlain.size());
  auto url = shared::net::parse_https_url(std::string(kTls) + std::string(rest));
  if (!url) return url.error();
  // A port that is not there is another one than with https.
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!has_port) url->to.port = kHttpPort;
  return HookUrl{false, *std::move(url)};
}

}  // namespace agent::hooks
