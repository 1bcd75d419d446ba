// What becomes of a task once it is placed: what agents report, and the one way in which it is stopped.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct StopReason {
  std::string code;    // UserInitiated, TaskFailedToStart ...
  std::string reason;  // for people
};
// Wants the task stopped: desired STOPPED, its targets start draining, and once they are gone the agent is
// told. A task of which its agent was never told is STOPPED at once. No-op for a task that already wants to
// stop.
void stop_task(Step& step, const std::string& key, const StopReason& cause);

// StopTask: the same, by a caller's wish, and the task loses its tags. InvalidParameterException for a task
// that is not there.
shared::Result<void> stop_task_by_caller(Step& step, const std::string& key, const std::string& reason);

// The agent may be told to stop the task: it wants to stop and none of its registrations exists any more.
// This is the ordering promise; nothing else may send a desired status of STOPPED.
bool may_tell_agent_to_stop(const State& state, const model::Task& task);

struct ContainerChange {
  std::string name;
  std::string status;  // RUNNING, STOPPED or DEAD; any other is a stage before RUNNING
  std::string runtime_id;
  std::string image_digest;
  std::string reason;
  std::optional<int> exit_code;
  std::vector<model::NetworkBinding> bindings;
};
struct TaskChange {
  std::string cluster;
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
shared::Result<void> apply_task_change(Step& step, const TaskChange& change);

// The health of containers, as an agent's telemetry tells it again and again: what is known already touches
// no row. Containers and tasks that are not there (any more) are left out; InvalidParameterException for a
// task that is not on the instance whose agent tells it.
struct ContainerHealth {
  std::string container;
  model::HealthStatus status = model::HealthStatus::kUnknown;
};
struct HealthReport {
  std::string instance_arn;  // whose agent tells it
  std::string task;          // id or ARN
  std::vector<ContainerHealth> containers;
};
shared::Result<void> apply_health(Step& step, const HealthReport& report);

// The task left the books although nobody saw it end (its instance was deregistered by force): STOPPED now,
// its targets drain on without it.
void orphan_task(Step& step, const std::string& key, const std::string& reason);

// Stopped tasks that are kept, of all clusters: a service whose tasks fail all the time must not fill memory.
inline constexpr std::size_t kMaxStoppedTasks = 10'000;
// Drops stopped tasks after Settings::stopped_task_retention, and the oldest of too many; moves tasks whose
// targets are gone from DEACTIVATING on: those that are on the agenda.
void reconcile_tasks(Step& step);

}  // namespace agent::control
