#include "agent/control/tasks/placing.h"

#include <algorithm>

namespace agent::control {

using shared::Result;

model::Resources resources_of(const model::TaskDefinition& definition, const Sizes& overrides) {
  model::Resources needed;
  for (const model::ContainerDefinition& container : definition.containers) {
    std::int64_t cpu = container.cpu;
    auto hard = container.memory;
    auto soft = container.memory_reservation;
    for (const ContainerOverride& each : overrides.containers) {
      if (each.name != container.name) continue;
      cpu = each.cpu.value_or(static_cast<int>(cpu));
      if (each.memory) hard = each.memory;
      if (each.memory_reservation) soft = each.memory_reservation;
    }
    needed.cpu += cpu;
    needed.memory += soft.value_or(0) > 0 ? *soft : hard.value_or(0);
    for (const model::PortMapping& mapping : container.port_mappings) {
      const int port = definition.network_mode == model::NetworkMode::kHost && mapping.host_port == 0
                           ? mapping.container_port
                           : mapping.host_port;
      const bool on_host = definition.network_mode == model::NetworkMode::kHost ||
                           definition.network_mode == model::NetworkMode::kBridge;
      if (port == 0 || !on_host) continue;
      (mapping.protocol == "udp" ? needed.udp_ports : needed.tcp_ports).insert(port);
    }
  }
  if (const auto cpu = overrides.cpu ? overrides.cpu : definition.cpu) needed.cpu = *cpu;
  if (const auto memory = overrides.memory ? overrides.memory : definition.memory) needed.memory = *memory;
  return needed;
}

namespace {

int gpus_of(const model::TaskDefinition& definition, const Sizes& overrides) {
  int gpus = 0;
  for (const model::ContainerDefinition& container : definition.containers) {
    const auto it =
        std::find_if(overrides.containers.begin(), overrides.containers.end(),
                     [&](const ContainerOverride& each) { return each.name == container.name && each.gpus; });
    gpus += it == overrides.containers.end() ? container.gpus : *it->gpus;
  }
  return gpus;
}

}  // namespace

Result<scheduler::Demand> demand_of(const model::TaskDefinition& definition, const Sizes& overrides,
                                    const std::vector<model::PlacementStrategy>& strategies,
                                    const std::vector<model::PlacementConstraint>& constraints,
                                    const std::string& group) {
  scheduler::Demand demand;
  demand.each = resources_of(definition, overrides);
  demand.required_attributes = definition.requires_attributes;
  demand.platform = definition.platform;
  demand.gpus = gpus_of(definition, overrides);
  demand.strategies = strategies;
  demand.group = group;
  std::vector<std::string> expressions = definition.placement_expressions;
  for (const model::PlacementConstraint& each : constraints) {
    if (each.type == model::ConstraintType::kDistinctInstance) {
      demand.distinct_instance = true;
    } else {
      expressions.push_back(each.expression);
    }
  }
  auto queries = scheduler::parse_constraints(expressions);
  if (!queries) return queries.error();
  demand.member_of = std::move(*queries);
  return demand;
}

std::string attribute_of(const model::ContainerInstance& instance, const std::string& name) {
  for (const model::NameValue& each : instance.attributes) {
    if (each.name == name) return each.value;
  }
  return {};
}

}  // namespace agent::control
