// The health of targets as balancers report it (DescribeTargetHealth).
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/control/state/step.h"

namespace agent::control {

struct TargetHealth {
  lb::Health state = lb::Health::kInitial;
  std::string reason;  // ELBv2 reason code, empty when healthy
  std::string description;
};
// Finds rows and tells their health without walking groups, listeners and rules each time. Valid until target
// groups, listeners or rules change.
class TargetLookup {
 public:
  explicit TargetLookup(const State& state) : state_(state) {}
  // nullptr: no such row.
  const model::RegisteredTarget* find(const std::string& target_group_arn, const std::string& registration);
  // Of a row of that group. Over all connected balancers: the worst; unused when no listener or rule uses the
  // group.
  TargetHealth health(const std::string& target_group_arn, const model::RegisteredTarget& row);
  const State& state() const { return state_; }

 private:
  struct Group {
    bool used = false;
    std::unordered_map<std::string_view, const model::RegisteredTarget*> rows;
  };
  const Group& group_of(const std::string& arn);
  const State& state_;
  std::map<std::string, Group> groups_;
};
// ARNs of the load balancers whose listeners or rules use the group.
std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn);

}  // namespace agent::control
