// What the health checks of its containers say of a task. Pure.
#pragma once
#include "agent/model/task.h"
#include "agent/model/task_definition.h"

namespace agent::control {

// The healthStatus of DescribeTasks, over the essential containers: UNHEALTHY if one is, HEALTHY if all are.
model::HealthStatus health_of(const model::Task& task);

enum class ContainerChecks { kNone, kPending, kHealthy, kUnhealthy };
// Over the essential containers that the task definition gives a health check; the worst decides. nullptr: a
// definition that is gone, which checks nothing.
ContainerChecks container_checks(const model::Task& task, const model::TaskDefinition* definition);

}  // namespace agent::control
