#pragma once
#include <map>

#include "agent/model/common.h"

namespace agent::model {

enum class NetworkMode { kBridge, kHost, kNone, kAwsvpc };
enum class TaskDefinitionStatus { kActive, kInactive, kDeleteInProgress };

struct PortMapping {
  int container_port = 0;
  int host_port = 0;  // 0 = dynamic (bridge)
  std::string protocol = "tcp";
};

struct Dependency {
  std::string container;
  std::string condition;  // START, COMPLETE, SUCCESS, HEALTHY
};

// The members decisions and the agent payload need. Everything registered is in TaskDefinition::document.
struct ContainerDefinition {
  std::string name;
  std::string image;
  int cpu = 0;
  std::optional<int> memory;              // MiB, hard limit
  std::optional<int> memory_reservation;  // MiB, soft; what placement counts when present
  bool essential = true;
  std::vector<PortMapping> port_mappings;
  std::vector<Dependency> depends_on;
  bool has_health_check = false;
  int gpus = 0;
  std::string document;  // this container definition as stored, JSON
};

// Key: "family:revision". Immutable but for status.
struct TaskDefinition {
  std::string arn;
  std::string family;
  int revision = 0;
  TaskDefinitionStatus status = TaskDefinitionStatus::kActive;
  NetworkMode network_mode = NetworkMode::kBridge;
  std::optional<std::int64_t> cpu;     // units
  std::optional<std::int64_t> memory;  // MiB
  std::vector<ContainerDefinition> containers;
  std::vector<std::string> requires_attributes;    // names an instance must have
  std::vector<std::string> placement_expressions;  // memberOf constraints
  std::vector<NameValue> platform;  // values of attributes that runtimePlatform asks for, when it is given
  std::string document;             // the stored definition as RegisterTaskDefinition answers it, without
                                    // arn/revision/status/times
  std::string task_role;            // as it was given, a name or an ARN; may be empty
  std::string execution_role;       // likewise
  std::vector<Tag> tags;
  WallTime registered_at{};
  std::optional<WallTime> deregistered_at;
  std::string registered_by;
};

// Key: name. Outlives its task definitions, so that no revision is given twice.
struct Family {
  std::string name;
  int last_revision = 0;  // the highest ever given
};

}  // namespace agent::model
