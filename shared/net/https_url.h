// An https URL as settings and configurations name one (a key set, an ACME directory). A value; no I/O.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/net/endpoint.h"

namespace shared::net {

inline constexpr std::uint16_t kHttpsPort = 443;

struct HttpsUrl {
  Endpoint to{};             // an IP address without brackets, or a host name
  std::string target = "/";  // path and query, undecoded

  bool operator==(const HttpsUrl&) const = default;
  // As a Host header has it: the port only where it is not 443.
  std::string authority() const;
};

// Visible ASCII only; no user information, no fragment, a port from 1 to 65535. Error "malformed" names the
// text and what is wrong.
Result<HttpsUrl> parse_https_url(std::string_view text);

}  // namespace shared::net
