#include "agent/node/host_resources.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "shared/base/units.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

constexpr std::int64_t kUnitsPerCpu = 1024;

// memoryReservation travels in the engine's host configuration, in bytes.
std::int64_t reservation_mib(const Container& c) {
  const auto config = shared::json::parse(c.spec.docker_host_config);
  if (config && config->is_object()) {
    const auto found = config->find("MemoryReservation");
    if (found != config->end() && found->is_number_integer() && found->get<std::int64_t>() > 0) {
      return found->get<std::int64_t>() / shared::kMiB;
    }
  }
  return c.spec.memory;
}

bool overlap(const std::set<int>& a, const std::set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int port) { return b.contains(port); });
}

}  // namespace

Demand demand_of(const Task& task) {
  Demand d;
  for (const Container& c : task.containers) {
    d.cpu += c.spec.cpu;
    d.memory += reservation_mib(c);
    for (const auto& port : c.spec.port_mappings) {
      const bool same = task.payload.network_mode == "host" && port.host_port == 0;
      const int on_host = same ? port.container_port : port.host_port;
      if (on_host > 0) (port.protocol == "udp" ? d.udp : d.tcp).insert(on_host);
    }
  }
  if (task.payload.cpu > 0) d.cpu = std::llround(task.payload.cpu * static_cast<double>(kUnitsPerCpu));
  if (task.payload.memory > 0) d.memory = task.payload.memory;
  return d;
}

std::optional<PortRange> unreserved(PortRange range, const std::set<int>& reserved) {
  std::optional<PortRange> longest;
  int first = range.first;
  const auto end_before = [&](int port) {
    if (port > first && (!longest || port - 1 - first > longest->last - longest->first))
      longest = PortRange{first, port - 1};
    first = port + 1;
  };
  for (auto it = reserved.lower_bound(range.first); it != reserved.end() && *it <= range.last; ++it)
    end_before(*it);
  end_before(range.last + 1);
  return longest;
}

HostResources::HostResources(const NodeSettings& settings)
    : cpu_(settings.cpus * kUnitsPerCpu),
      memory_(settings.memory_mib - settings.reserved_memory_mib),
      reserved_tcp_(settings.reserved_ports),
      reserved_udp_(settings.reserved_ports_udp) {}

bool HostResources::fits(const Demand& demand) const {
  std::int64_t cpu = demand.cpu;
  std::int64_t memory = demand.memory;
  if (overlap(demand.tcp, reserved_tcp_) || overlap(demand.udp, reserved_udp_)) return false;
  for (const auto& [arn, held] : held_) {
    cpu += held.cpu;
    memory += held.memory;
    if (overlap(demand.tcp, held.tcp) || overlap(demand.udp, held.udp)) return false;
  }
  return cpu <= cpu_ && memory <= memory_;
}

void HostResources::take(const std::string& task_arn, const Demand& demand) { held_[task_arn] = demand; }
void HostResources::release(const std::string& task_arn) { held_.erase(task_arn); }

}  // namespace agent::node
