// Tasks: placing, stopping, and what agents report about them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/control/elb/targets.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct ContainerOverride {
  std::string name;
  std::optional<int> cpu;
  std::optional<int> memory;
  std::optional<int> memory_reservation;
  std::optional<int> gpus;
};

struct RunTask {
  std::string cluster;  // name of an existing cluster
  std::string task_definition_arn;
  int count = 1;
  model::LaunchType launch_type = model::LaunchType::kEc2;
  std::string group;  // empty: "family:<family>"
  std::string started_by;
  std::vector<model::PlacementStrategy> strategy;
  std::vector<model::PlacementConstraint> constraints;  // besides those of the task definition
  std::string overrides = "{}";                         // JSON as given, already validated
  std::vector<ContainerOverride> container_overrides;   // the sizes in it
  std::optional<std::int64_t> cpu_override;             // task level
  std::optional<std::int64_t> memory_override;
  std::vector<model::Tag> tags;
  bool enable_execute_command = false;
  // StartTask: place on exactly these instances (ARNs), one task each; strategy is ignored.
  std::vector<std::string> on_instances;
};

struct PlacementFailure {
  std::string arn;     // the container instance that was tried, may be empty
  std::string reason;  // RESOURCE:CPU, RESOURCE:MEMORY, RESOURCE:PORTS, AGENT, ATTRIBUTE, MemberOf placement
                       // constraint ...
  std::string detail;
};

struct RunTaskResult {
  std::vector<std::string> task_keys;
  std::vector<PlacementFailure> failures;
};

// Places up to count tasks; tasks + unplaced = count. Errors: InvalidParameterException "No Container
// Instances were found in your cluster.", ClientException for an inactive definition.
shared::Result<RunTaskResult> run_task(Step& step, const RunTask& request);

// Up to `count` tasks of a service (used by the service reconciler), and when it is fewer, why.
struct ServiceTasksResult {
  std::vector<std::string> task_keys;
  PlacementFailure failure;  // empty: all were placed
};
ServiceTasksResult start_service_tasks(Step& step, const model::Service& service,
                                       const model::Deployment& deployment, int count);

// Wants the task stopped: desired STOPPED, its targets start draining, and once they are gone the agent is
// told. A task of which its agent was never told is STOPPED at once. No-op for a task that already wants to
// stop.
void stop_task(Step& step, const std::string& key, const std::string& stop_code, const std::string& reason);

// The agent may be told to stop the task: it wants to stop and none of its registrations exists any more.
// This is the ordering promise; nothing else may send a desired status of STOPPED.
bool may_tell_agent_to_stop(TargetLookup& targets, const model::Task& task);

struct ContainerChange {
  std::string name;
  std::string status;  // PENDING, RUNNING, STOPPED
  std::string runtime_id;
  std::string image_digest;
  std::string reason;
  std::optional<int> exit_code;
  std::vector<model::NetworkBinding> bindings;
};
struct TaskChange {
  std::string task;    // id or ARN
  std::string status;  // "", PENDING, RUNNING, STOPPED
  std::string reason;
  std::vector<ContainerChange> containers;
  std::optional<shared::WallTime> pull_started_at;
  std::optional<shared::WallTime> pull_stopped_at;
  std::optional<shared::WallTime> execution_stopped_at;
};
// SubmitTaskStateChange and SubmitContainerStateChange. Idempotent; late and repeated reports are harmless; a
// STOPPED task never runs again. Registers targets when the task of a service with load balancers comes up,
// frees its resources and takes its targets away when it stopped. A task of which an essential container has
// ended wants to stop from then on, with that as its cause, whatever its other containers still do; the
// target of an ended container is gone at once, the others drain.
shared::Result<void> apply_task_change(Step& step, const std::string& cluster, const TaskChange& change);

// The health of containers, as an agent's telemetry tells it again and again: what is known already touches
// no row. Containers and tasks that are not there (any more) are left out; InvalidParameterException for a
// task that is not on the instance whose agent tells it.
struct ContainerHealth {
  std::string container;
  model::HealthStatus status = model::HealthStatus::kUnknown;
};
shared::Result<void> apply_health(Step& step, const std::string& instance_arn, const std::string& task,
                                  const std::vector<ContainerHealth>& health);

// The task left the books although nobody saw it end (its instance was deregistered by force): STOPPED now,
// its targets drain on without it.
void orphan_task(Step& step, const std::string& key, const std::string& reason);

// Drops stopped tasks after Settings::stopped_task_retention; moves tasks whose targets are gone from
// DEACTIVATING on.
void reconcile_tasks(Step& step);

}  // namespace agent::control
