// The header of the PROXY protocol (haproxy's proxy-protocol.txt), versions 1 and 2: who the client of a
// connection is, told by who passes it on, in front of everything else. Sans-io: bytes in, values out.
// Extensions (TLVs) of version 2 are skipped. Not built with a package: Debian has none for C++. Thread: any.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/loop/socket.h"

namespace balancer::proxy_protocol {

inline constexpr std::size_t kMaxTextHeader = 107;  // version 1, with its CRLF
// Version 2, extensions included. The protocol allows 64 KiB; what proxies send is a few hundred bytes.
inline constexpr std::size_t kMaxBinaryHeader = 4096;

struct Addresses {
  loop::Address source;
  loop::Address destination;
};

enum class ReadState { kIncomplete, kComplete, kError };

struct Read {
  ReadState state = ReadState::kIncomplete;
  std::size_t bytes = 0;  // of the header, where it is complete
  // Nothing where the sender speaks for itself (LOCAL, UNKNOWN, UNSPEC), or of another kind than TCP over
  // IPv4 or IPv6: then the connection's own addresses hold.
  std::optional<Addresses> told{};
  std::string_view problem{};  // a word for logs, where it is an error
};

// Looks at what has come of a connection, from its first byte on. Strict: what cannot be a header is an error
// at its first wrong byte, a header that is too long is one as soon as that shows.
Read read(std::string_view bytes);

// What a connection to a target begins with. Addresses of both families become one of IPv6; without an
// address of the client it is the header that speaks for ourselves.
std::string write_v1(const Addresses& addresses);
std::string write_v2(const Addresses& addresses);

}  // namespace balancer::proxy_protocol
