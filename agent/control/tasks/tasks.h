// Tasks: how they are asked for and placed.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxConstraints = 10;  // placementConstraints, with those of the task definition

struct ContainerOverride {
  std::string name;
  std::optional<int> cpu;
  std::optional<int> memory;
  std::optional<int> memory_reservation;
  std::optional<int> gpus;
};

// What makes a repeated call known; kept in the tasks that the first one made.
struct RunToken {
  std::string text;    // the caller's, empty: none, and then no digest either
  std::string digest;  // of the rest of the request: the same for the same request
};

// An instance as a caller names it; it need not exist.
struct NamedInstance {
  std::string key;
  std::string arn;  // that a failure shows
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
  std::string task_role_override;  // a name or an ARN; empty: the definition's
  std::string execution_role_override;
  std::vector<model::Tag> tags;
  bool enable_execute_command = false;
  RunToken token;
  std::vector<model::StrategyItem> providers;  // a capacity provider strategy; empty: any instance
  // StartTask: place on exactly these instances, one task each; strategy is ignored.
  std::vector<NamedInstance> on_instances;
};

struct PlacementFailure {
  std::string arn;     // the container instance that was tried, may be empty
  std::string reason;  // RESOURCE:CPU, RESOURCE:MEMORY, RESOURCE:PORTS, AGENT, ATTRIBUTE, MemberOf placement
                       // constraint, of a named instance MISSING, INACTIVE ...
  std::string detail;
};

struct RunTaskResult {
  std::vector<std::string> task_keys;
  std::vector<PlacementFailure> failures;
};

// The task definition of which something is to be started, named as requests do. Errors: ClientException when
// there is none or it is not ACTIVE, InvalidParameterException for an ARN that is none.
shared::Result<const model::TaskDefinition*> runnable_definition(const Step& step,
                                                                 std::string_view reference);

// Places up to count tasks; tasks + unplaced = count. Errors: InvalidParameterException "No Container
// Instances were found in your cluster.", those of runnable_definition; ClientException for a role that does
// not trust tasks.
shared::Result<RunTaskResult> run_task(Step& step, const RunTask& request);

// At most kMaxConstraints together: InvalidParameterException.
shared::Result<void> check_constraints(const std::vector<model::PlacementConstraint>& constraints,
                                       const model::TaskDefinition& definition);

// The tasks that an earlier call with this token made in the cluster, none for an empty token.
struct EarlierRun {
  std::vector<std::string> task_keys;
  bool same = true;  // its digest was this one
};
EarlierRun earlier_run(const State& state, const std::string& cluster, const RunToken& token);

// Up to `count` tasks of a service (used by the service reconciler), and when it is fewer, why.
struct ServiceTasksResult {
  std::vector<std::string> task_keys;
  PlacementFailure failure;  // empty: all were placed
};
ServiceTasksResult start_service_tasks(Step& step, const model::Service& service,
                                       const model::Deployment& deployment, int count);
// One task of a DAEMON service on this instance, if it fits there.
ServiceTasksResult start_daemon_task(Step& step, const model::Service& service,
                                     const model::Deployment& deployment,
                                     const model::ContainerInstance& instance);

}  // namespace agent::control
