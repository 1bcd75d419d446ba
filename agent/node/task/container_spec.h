// A task's container as the engine is to make it: names, labels, environment, mounts, limits as ECS hosts
// have them. Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/node/settings.h"
#include "agent/node/task/task_state.h"
#include "shared/base/result.h"

namespace agent::node {

// On every container of ours, beside ECS's own labels: tells them from those of an ECS agent on the same
// host.
inline constexpr const char* kInstanceLabel = "berth.instance-id";
// Which control plane's agents made it; kept apart from the label above, which goes with an agent's data.
inline constexpr const char* kInstallationLabel = "berth.installation";
inline constexpr const char* kTaskArnLabel = "com.amazonaws.ecs.task-arn";
inline constexpr const char* kContainerNameLabel = "com.amazonaws.ecs.container-name";
inline constexpr const char* kClusterLabel = "com.amazonaws.ecs.cluster";  // as the settings name it

// "ecs-<family>-<revision>-<container, only letters, digits and '-'>-<suffix>"
std::string engine_name(const Task& task, const Container& container, const std::string& suffix);

// Errors carry the code ECS shows ("InvalidVolumeError") and the volume or link that is wrong.
shared::Result<runtime::ContainerSpec> container_spec(const Task& task, const Container& container,
                                                      const NodeSettings& settings,
                                                      const std::string& instance_id);

}  // namespace agent::node
