// From state to the scheduler's values: a task definition with its overrides as a demand. Pure reads.
#pragma once
#include <string>
#include <vector>

#include "agent/control/tasks/tasks.h"
#include "agent/scheduler/placement.h"

namespace agent::control {

struct Sizes {
  std::vector<ContainerOverride> containers;
  std::optional<std::int64_t> cpu;  // task level
  std::optional<std::int64_t> memory;
};

// CPU, memory and fixed host ports of one task: task-level sizes if set, else the containers' sums, where a
// soft memory limit counts before a hard one.
model::Resources resources_of(const model::TaskDefinition& definition, const Sizes& overrides);
// InvalidParameterException for an expression that cannot be parsed.
shared::Result<scheduler::Demand> demand_of(const model::TaskDefinition& definition, const Sizes& overrides,
                                            const std::vector<model::PlacementStrategy>& strategies,
                                            const std::vector<model::PlacementConstraint>& constraints,
                                            const std::string& group);
// The value of an instance's attribute, empty if it has none.
std::string attribute_of(const model::ContainerInstance& instance, const std::string& name);

}  // namespace agent::control
