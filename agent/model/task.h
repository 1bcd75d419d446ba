#pragma once
#include "agent/model/common.h"

namespace agent::model {

// In ECS's order; a status only moves forward.
enum class TaskStatus {
  kProvisioning,
  kPending,
  kActivating,
  kRunning,
  kDeactivating,
  kStopping,
  kDeprovisioning,
  kStopped
};
enum class DesiredStatus { kRunning, kStopped };
enum class ContainerStatus { kPending, kRunning, kStopped };
enum class HealthStatus { kUnknown, kHealthy, kUnhealthy };

struct NetworkBinding {
  std::string bind_ip = "0.0.0.0";
  int container_port = 0;
  int host_port = 0;
  std::string protocol = "tcp";
  bool operator==(const NetworkBinding&) const = default;
};

struct Container {
  std::string arn;
  std::string name;
  std::string image;
  std::string image_digest;
  std::string runtime_id;
  ContainerStatus status = ContainerStatus::kPending;
  std::optional<int> exit_code;  // only of a container that really ran
  std::string reason;
  std::vector<NetworkBinding> bindings;
  HealthStatus health = HealthStatus::kUnknown;
  bool essential = true;
  int cpu = 0;
  std::optional<int> memory;
  std::optional<int> memory_reservation;
};

// A registration this task has made in a target group; the row itself is a RegisteredTarget.
struct TaskTarget {
  std::string target_group_arn;
  std::string registration;
};

// Key: "<cluster>/<id>".
struct Task {
  std::string arn;
  std::string id;
  std::string cluster;  // name
  std::string task_definition_arn;
  std::string family;
  int revision = 0;
  std::string container_instance_arn;  // empty until placed
  std::string group;
  std::string started_by;
  std::string service;        // service name, empty for standalone tasks
  std::string deployment_id;  // "ecs-svc/..." for service tasks
  LaunchType launch_type = LaunchType::kEc2;
  TaskStatus last_status = TaskStatus::kPending;
  DesiredStatus desired_status = DesiredStatus::kRunning;
  std::vector<Container> containers;
  std::vector<TaskTarget>
      targets;            // empty once all are gone: only then may the agent be told to stop the task
  Resources reserved;     // held on the instance from placement until STOPPED
  std::string overrides;  // JSON object as given, "{}" if none
  bool enable_execute_command = false;
  // RunTask's client token, and the digest of the request it came with: a repeat is answered with these
  // tasks.
  std::string client_token;
  std::string request_digest;
  std::vector<Tag> tags;
  std::string
      stop_code;  // UserInitiated, EssentialContainerExited, TaskFailedToStart, ServiceSchedulerInitiated
  std::string stopped_reason;
  std::int64_t version = 1;
  WallTime created_at{};
  std::optional<WallTime> pull_started_at;
  std::optional<WallTime> pull_stopped_at;
  std::optional<WallTime> connectivity_at;
  std::optional<WallTime> started_at;
  // All its targets were healthy for the first time; it was told to stop and they began to drain; every
  // balancer has acknowledged that. When the last of them was gone is stopping_at.
  std::optional<WallTime> in_service_at{};
  std::optional<WallTime> draining_at{};
  std::optional<WallTime> acknowledged_at{};
  std::optional<WallTime> stopping_at;
  std::optional<WallTime> execution_stopped_at;
  std::optional<WallTime> stopped_at;
  // Scale-in and deployments leave it alone until then (UpdateTaskProtection).
  std::optional<WallTime> protected_until{};
  std::vector<std::string> registered_in{};  // ids of services of Cloud Map that have an instance for it
  std::string capacity_provider{};  // name, of a task that was placed by a strategy
};

}  // namespace agent::model
