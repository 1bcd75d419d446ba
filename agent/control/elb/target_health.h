// The health of targets as balancers report it (DescribeTargetHealth).
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"

namespace agent::control {

struct TargetHealth {
  lb::Health state = lb::Health::kInitial;
  std::string reason;  // ELBv2 reason code, empty when healthy
  std::string description;
};
// Over all connected balancers: the worst; unused when no listener or rule uses the row's group.
TargetHealth health_of(const State& state, const model::RegisteredTarget& target);
// ARNs of the load balancers whose listeners or rules use the group.
std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn);

}  // namespace agent::control
