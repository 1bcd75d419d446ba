// Where something listens or is dialled: an IPv4/IPv6 address and a port, or the path of a unix socket. A
// value; no I/O.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace shared::net {

inline constexpr int kMaxPort = 65'535;

struct Endpoint {
  // Numeric IP without brackets, or a host name where dialling allows one; empty for a unix socket.
  std::string address{};
  std::uint16_t port = 0;   // 0 when listening: the kernel chooses
  std::string unix_path{};  // non-empty: a unix socket, address and port are ignored

  bool operator==(const Endpoint&) const = default;
  bool is_unix() const { return !unix_path.empty(); }
};

// "127.0.0.1:80", "[::1]:80", "unix:/run/docker.sock". Errors name the text and the part that is wrong.
Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);
// True for a numeric IPv4 or IPv6 address.
bool is_ip_address(std::string_view text);

}  // namespace shared::net
