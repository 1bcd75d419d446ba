// Ranges of IPv4 addresses. Pure; thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agent::control::network {

struct Cidr {
  std::uint32_t base = 0;
  int bits = 32;
  std::uint64_t size() const { return std::uint64_t{1} << (32 - bits); }
  bool contains(const Cidr& other) const;
  bool overlaps(const Cidr& other) const { return contains(other) || other.contains(*this); }
};

// "10.0.0.0/16"; bits of the host part are dropped, as EC2 does. nullopt: it is none.
std::optional<Cidr> parse_cidr(std::string_view text);
std::string to_string(const Cidr& cidr);
std::string address_text(std::uint32_t address);
// Of IPv6: characters and a length only; nothing is routed by it.
bool looks_like_cidr6(std::string_view text);

}  // namespace agent::control::network
