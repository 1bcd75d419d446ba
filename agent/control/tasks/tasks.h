// Tasks: how they are asked for and placed.
#pragma once
#include <optional>
#include <string>
#include <vector>

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

}  // namespace agent::control
