// What an agent is told about a task: the task definition and the task's overrides, mapped to the ECS agent
// protocol's payload. Pure. Not for tasks that need what this control plane does not offer (awsvpc
// interfaces, environment files in an object store): those members are left out. Keys of the task's roles are
// added by who sends it.
#pragma once
#include <string>

#include "agent/link/acs.h"
#include "agent/model/task.h"
#include "agent/model/task_definition.h"

namespace agent::control {

// Without a definition (its row is gone) only names and images are filled in: enough to stop the task.
link::TaskPayload task_payload(const model::TaskDefinition* definition, const model::Task& task,
                               const std::string& cluster_arn, model::DesiredStatus desired);

}  // namespace agent::control
