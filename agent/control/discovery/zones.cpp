#include "agent/control/discovery/zones.h"

#include <arpa/inet.h>

#include <charconv>

#include "agent/control/discovery/discovery.h"
#include "agent/dns/message.h"

namespace agent::control::discovery {

namespace {

std::optional<dns::Host> host_of(const model::DiscoveryInstance& row, const std::string& service) {
  const auto name = dns::normal(row.id + "." + service);
  dns::Host host;
  host.name = name.value_or(service);  // one that is no name is no target, but has its address
  host.healthy = !row.unhealthy;
  std::array<std::uint8_t, 4> v4{};
  if (::inet_pton(AF_INET, value_in(row.attributes, kIpv4).c_str(), v4.data()) == 1) host.ipv4 = v4;
  std::array<std::uint8_t, 16> v6{};
  if (::inet_pton(AF_INET6, value_in(row.attributes, kIpv6).c_str(), v6.data()) == 1) host.ipv6 = v6;
  const std::string port = value_in(row.attributes, kPort);
  std::from_chars(port.data(), port.data() + port.size(), host.port);
  host.cname = dns::normal(value_in(row.attributes, kCname)).value_or("");
  return host;
}

dns::Named named(const model::DiscoveryService& service) {
  dns::Named out;
  out.one_at_a_time = service.routing == "WEIGHTED";
  for (const auto& each : service.records) {
    const auto ttl = static_cast<std::uint32_t>(each.ttl);
    if (each.type == "A") out.a = ttl;
    if (each.type == "AAAA") out.aaaa = ttl;
    if (each.type == "SRV") out.srv = ttl;
    if (each.type == "CNAME") out.cname = ttl;
  }
  return out;
}

}  // namespace

std::shared_ptr<const dns::Zones> build_zones(const State& state, std::uint32_t serial) {
  auto out = std::make_shared<dns::Zones>();
  out->serial = serial;
  const Neighbours& tables = state.neighbours();
  for (const auto& [id, space] : tables.namespaces.rows()) {
    const auto name = dns::normal(space.name);
    if (space.type == kHttp || !name) continue;
    dns::Zone& zone = out->zones[*name];
    zone.name = *name;
    zone.negative_ttl = static_cast<std::uint32_t>(space.soa_ttl);
  }
  for (const auto& [id, service] : tables.discovery_services.rows()) {
    const auto* space = tables.namespaces.find(service.namespace_id);
    if (space == nullptr || service.records.empty()) continue;
    const auto zone = out->zones.find(dns::normal(space->name).value_or(""));
    const auto name = dns::normal(service.name + "." + space->name);
    if (zone == out->zones.end() || !name) continue;
    dns::Named each = named(service);
    for (const auto* row : instances_of(state, id)) {
      if (auto host = host_of(*row, *name)) each.hosts.push_back(*std::move(host));
    }
    if (each.cname) std::erase_if(each.hosts, [](const dns::Host& host) { return host.cname.empty(); });
    if (each.hosts.empty()) continue;
    dns::Named& there = zone->second.names[*name];
    each.hosts.insert(each.hosts.end(), there.hosts.begin(), there.hosts.end());
    there = std::move(each);
  }
  return out;
}

}  // namespace agent::control::discovery
