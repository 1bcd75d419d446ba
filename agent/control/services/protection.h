// Task scale-in protection (UpdateTaskProtection, GetTaskProtection): a protected task of a service is not
// chosen when the service shrinks, nor when a deployment or a DRAINING instance wants it replaced, until the
// protection ends. It is still stopped by StopTask, when it is unhealthy, and with its service.
#pragma once
#include <optional>
#include <string>

#include "agent/control/state/step.h"

namespace agent::control {

bool is_protected(const model::Task& task, shared::WallTime now);

// Why the task has no protection to ask for, in ECS's words: MISSING, TASK_NOT_VALID (it is no service's,
// a DAEMON service's, or on its way out). Empty: it has.
std::string why_not_protectable(const State& state, const model::Task* task);
// From now on for so long, or no more. Returns why not: as above, or DEPLOYMENT_BLOCKED while more protected
// tasks than are desired hold a deployment up. Empty when it is done.
std::string protect_task(Step& step, const std::string& key, std::optional<shared::Millis> lasts);

}  // namespace agent::control
