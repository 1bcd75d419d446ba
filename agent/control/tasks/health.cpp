#include "agent/control/tasks/health.h"

#include <algorithm>

namespace agent::control {

model::HealthStatus health_of(const model::Task& task) {
  bool any = false;
  bool unknown = false;
  for (const model::Container& container : task.containers) {
    if (!container.essential) continue;
    any = true;
    if (container.health == model::HealthStatus::kUnhealthy) return model::HealthStatus::kUnhealthy;
    unknown = unknown || container.health == model::HealthStatus::kUnknown;
  }
  return any && !unknown ? model::HealthStatus::kHealthy : model::HealthStatus::kUnknown;
}

ContainerChecks container_checks(const model::Task& task, const model::TaskDefinition* definition) {
  if (definition == nullptr) return ContainerChecks::kNone;
  ContainerChecks all = ContainerChecks::kNone;
  for (const model::ContainerDefinition& each : definition->containers) {
    if (!each.essential || !each.has_health_check) continue;
    const auto container = std::find_if(task.containers.begin(), task.containers.end(),
                                        [&](const auto& c) { return c.name == each.name; });
    if (container == task.containers.end()) continue;
    if (container->health == model::HealthStatus::kUnhealthy) return ContainerChecks::kUnhealthy;
    if (container->health == model::HealthStatus::kUnknown) all = ContainerChecks::kPending;
    if (all == ContainerChecks::kNone) all = ContainerChecks::kHealthy;
  }
  return all;
}

}  // namespace agent::control
