// http and https URLs as settings and configurations name them (a key set, an ACME directory, a hook).
// Values; no I/O.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/net/endpoint.h"

namespace shared::net {

inline constexpr std::uint16_t kHttpPort = 80;
inline constexpr std::uint16_t kHttpsPort = 443;

// As a Host header has it: the port only where it is not the scheme's usual one.
std::string authority_of(const Endpoint& to, std::uint16_t usual_port);

struct HttpsUrl {
  Endpoint to{};             // an IP address without brackets, or a host name
  std::string target = "/";  // path and query, undecoded

  bool operator==(const HttpsUrl&) const = default;
  std::string authority() const { return authority_of(to, kHttpsPort); }
};

// Visible ASCII only; no user information, no fragment, a port from 1 to 65535. Error "malformed" names the
// text and what is wrong.
Result<HttpsUrl> parse_https_url(std::string_view text);

struct HttpUrl {
  bool tls = false;
  HttpsUrl at{};  // host, port and target, of http too
};
// http or https, otherwise as parse_https_url takes it.
Result<HttpUrl> parse_http_url(std::string_view text);

}  // namespace shared::net
