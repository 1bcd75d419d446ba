// Addresses as bytes, for source-ip conditions. IPv4 is kept as IPv4-mapped IPv6, so that both families
// compare alike.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace balancer::routing {

struct SourceAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const SourceAddress&) const = default;
};

// Numeric IPv4 or IPv6 without brackets; a zone ("%eth0") is ignored.
std::optional<SourceAddress> parse_source(std::string_view text);

struct Cidr {
  SourceAddress network;
  unsigned prefix = 0;  // bits of the mapped form: 96 more than written for IPv4
  bool contains(const SourceAddress& address) const;
};
// "10.0.0.0/8", "2001:db8::/32", or one address. Host bits are ignored.
std::optional<Cidr> parse_cidr(std::string_view text);

}  // namespace balancer::routing
