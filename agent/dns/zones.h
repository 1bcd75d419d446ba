// What the DNS server knows, as one immutable value: the zones that are Cloud Map's DNS namespaces. Names are
// in lower case, in the form of RFC 1035's master files without the dot at the end (dns::normal).
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agent::dns {

struct Host {
  std::string name;  // "<instance>.<service>.<zone>", the target of SRV records
  std::optional<std::array<std::uint8_t, 4>> ipv4{};
  std::optional<std::array<std::uint8_t, 16>> ipv6{};
  std::uint16_t port = 0;
  std::string cname{};
  bool healthy = true;
};

// Records of a name, and how long each may be kept; no value: there are none of this type.
struct Named {
  std::optional<std::uint32_t> a{}, aaaa{}, srv{}, cname{};  // seconds
  bool one_at_a_time = false;                                // WEIGHTED: one value in an answer
  std::vector<Host> hosts{};                                 // not empty
};

struct Zone {
  std::string name;
  std::uint32_t negative_ttl = 15;
  std::map<std::string, Named> names;
};

struct Zones {
  std::map<std::string, Zone> zones;  // by name
  std::uint32_t serial = 1;
};

}  // namespace agent::dns
