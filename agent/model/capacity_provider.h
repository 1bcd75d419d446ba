// Capacity providers: named parts of the hosts of a cluster. A host belongs to the one that its attribute
// berth.capacity-provider names.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

// One item of a capacity provider strategy.
struct StrategyItem {
  std::string provider;  // name
  int weight = 0;        // its share of the tasks beyond all bases
  int base = 0;          // tasks that it gets first
  bool operator==(const StrategyItem&) const = default;
};

// What AWS would scale its Auto Scaling group by; kept and shown.
struct ManagedScaling {
  bool enabled = false;
  int target_capacity = 100;  // percent
  int minimum_step = 1;
  int maximum_step = 10'000;
  int warmup_seconds = 300;
};

// Key: name. FARGATE and FARGATE_SPOT have no rows.
struct CapacityProvider {
  std::string arn;
  std::string name;
  std::string auto_scaling_group;  // ARN or name, as it was given
  ManagedScaling scaling;
  bool termination_protection = false;
  bool managed_draining = true;
  std::string update_status;  // ECS's word; empty: it was never updated
  std::vector<Tag> tags;
  WallTime created_at{};
};

}  // namespace agent::model
