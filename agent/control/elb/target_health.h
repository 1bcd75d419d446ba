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
// Finds rows and tells their health.
class TargetLookup {
 public:
  explicit TargetLookup(const State& state) : state_(state) {}
  // nullptr: no such row.
  const model::RegisteredTarget* find(const std::string& target_group_arn,
                                      const std::string& registration) const;
  // Over all connected balancers: the worst; unused when no listener or rule uses the row's group.
  TargetHealth health(const model::RegisteredTarget& row) const;
  const State& state() const { return state_; }

 private:
  const State& state_;
};
// ARNs of the load balancers whose listeners or rules use the group.
std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn);

}  // namespace agent::control
