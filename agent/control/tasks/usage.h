// What tasks use, as agents tell it: figures of their services and clusters (AWS/ECS, CPUUtilization and
// MemoryUtilization), in percent of what they reserve. No rows.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"

namespace agent::control {

struct TaskUsage {
  std::string task_arn;
  double cpu = 0;     // percent of the whole host
  double memory = 0;  // MiB
};
// Tasks of other instances, and those that are gone, are left out.
void note_usage(Step& step, const std::string& instance_arn, const std::vector<TaskUsage>& usage);

}  // namespace agent::control
