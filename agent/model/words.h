// The words of the APIs for the model's enums: "RUNNING", "spread", "EC2". Parsing is exact; nullopt for
// anything else.
#pragma once
#include <optional>
#include <string_view>

#include "agent/model/cluster.h"
#include "agent/model/container_instance.h"
#include "agent/model/rollout.h"
#include "agent/model/service.h"
#include "agent/model/service_history.h"
#include "agent/model/task.h"
#include "agent/model/task_definition.h"

namespace agent::model {

std::string_view word(ClusterStatus);
std::string_view word(TaskDefinitionStatus);
std::string_view word(NetworkMode);
std::string_view word(InstanceStatus);
std::string_view word(LaunchType);
std::string_view word(TaskStatus);
std::string_view word(DesiredStatus);
std::string_view word(ContainerStatus);
std::string_view word(HealthStatus);
std::string_view word(ServiceStatus);
std::string_view word(SchedulingStrategy);
std::string_view word(DeploymentStatus);
std::string_view word(DeploymentController);
std::string_view word(RolloutState);
std::string_view word(DeploymentStrategy);
std::string_view word(LifecycleStage);
std::string_view word(HookTarget);
std::string_view word(HookAction);
std::string_view word(HookStatus);
std::string_view word(StrategyType);
std::string_view word(BreakerThresholdType);
std::string_view word(ServiceDeploymentStatus);
std::string_view word(ConstraintType);

// from_word<TaskStatus>("RUNNING")
template <class Enum>
std::optional<Enum> from_word(std::string_view text);

}  // namespace agent::model
