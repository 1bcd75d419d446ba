#include "agent/control/tasks/usage.h"

#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control {

namespace {

constexpr double kWhole = 100;  // percent

}  // namespace

void note_usage(Step& step, const std::string& instance_arn, const std::vector<TaskUsage>& usage) {
  const model::ContainerInstance* instance = find_instance_by_arn(step.state, instance_arn);
  if (instance == nullptr) return;
  metrics::Store& store = *rows(step).live.metrics;
  const std::int64_t now = shared::whole_seconds(step.now);
  const auto add = [&](const char* metric, const model::Task& task, double used, std::int64_t reserved) {
    if (reserved <= 0) return;  // of nothing there is no share
    const auto figure = metrics::Figure::of(used / static_cast<double>(reserved) * kWhole);
    metrics::Name name{"AWS/ECS", metric, {{"ClusterName", task.cluster}}};
    (void)store.add(name, "Percent", figure, now);  // beyond its bound there is no figure
    if (task.service.empty()) return;
    name.dimensions.emplace_back("ServiceName", task.service);
    (void)store.add(name, "Percent", figure, now);
  };
  for (const TaskUsage& each : usage) {
    const model::Task* task = find_task_by_arn(step.state, each.task_arn);
    if (task == nullptr || task->container_instance_arn != instance_arn ||
        task->last_status != model::TaskStatus::kRunning)
      continue;
    add("CPUUtilization", *task, each.cpu / kWhole * static_cast<double>(instance->registered.cpu),
        task->reserved.cpu);
    add("MemoryUtilization", *task, each.memory, task->reserved.memory);
  }
}

}  // namespace agent::control
