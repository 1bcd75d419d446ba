#pragma once
#include "agent/model/common.h"

namespace agent::model {

enum class InstanceStatus { kActive, kDraining, kInactive };

// Key: "<cluster>/<id>". A host with an agent. Whether its agent is connected is volatile
// (control::Volatile).
struct ContainerInstance {
  std::string arn;
  std::string id;               // 32 hex digits, last part of the ARN
  std::string cluster;          // name
  std::string ec2_instance_id;  // "mi-..." ; the target id of its tasks in `instance` target groups
  std::string address;          // IP at which balancers reach its host ports (attribute berth.address)
  InstanceStatus status = InstanceStatus::kActive;
  std::string status_reason;
  Resources registered;                     // totals; ports = reserved ports
  std::vector<NameValue> attributes;        // value empty: name-only
  std::vector<std::string> put_attributes;  // names of those that PutAttributes set
  std::string agent_version;
  std::string agent_hash;
  std::string docker_version;
  std::vector<Tag> tags;
  std::int64_t version = 1;  // grows with every change that AWS would emit as an event
  WallTime registered_at{};
  std::optional<WallTime> inactive_since{};  // noted by the purge, which counts from then
};

}  // namespace agent::model
