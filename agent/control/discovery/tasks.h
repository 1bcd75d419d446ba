// The instances that ECS registers for its services' tasks (serviceRegistries). A task's instance comes when
// the task is about to run and is gone in the same step in which the task is wanted to stop: its agent hears
// of that only once the row's end is durable and the DNS zones are without it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::discovery {

struct TaskInstance {
  std::string registry_arn;  // of the Cloud Map service
  std::string task_key;
  std::map<std::string, std::string> attributes;
  bool healthy = true;  // nothing says yet that it is not
};
// The id of the service that has it now. Errors: those of register_instance.
shared::Result<std::string> register_task(Step& step, const TaskInstance& wanted);
// `services`: ids, of those that the task was registered in.
void deregister_task(Step& step, const std::string& task_key, const std::vector<std::string>& services);
// Of services with custom health; the others have none.
void set_task_health(Step& step, const std::string& task_key, const std::vector<std::string>& services,
                     bool healthy);

}  // namespace agent::control::discovery
