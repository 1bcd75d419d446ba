#pragma once
#include "agent/model/capacity_provider.h"
#include "agent/model/common.h"

namespace agent::model {

enum class ClusterStatus { kActive, kInactive };

// Key: name. An INACTIVE cluster stays describable and may be revived by CreateCluster.
struct Cluster {
  std::string name;
  std::string arn;
  ClusterStatus status = ClusterStatus::kActive;
  std::vector<NameValue> settings;
  std::vector<Tag> tags;
  std::string document;  // JSON object: further members to echo (configuration, serviceConnectDefaults, ...),
                         // "{}" if none
  WallTime created_at{};
  std::optional<WallTime> inactive_since{};       // noted by the purge, which counts from then
  std::vector<std::string> capacity_providers{};  // names of those that are attached
  std::vector<StrategyItem> default_strategy{};   // of who names neither a strategy nor a launch type
};

}  // namespace agent::model
