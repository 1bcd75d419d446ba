#include "agent/control/services/protection.h"

#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"

namespace agent::control {
namespace {

const model::Service* owner_of(const State& state, const model::Task& task) {
  return task.service.empty() ? nullptr : state.services.find(task.cluster + "/" + task.service);
}

bool holds_a_deployment_up(const Step& step, const model::Service& service) {
  if (service.deployments.size() < 2) return false;
  int guarded = 0;
  for (const std::string& key : step.state.task_index().of_service(key_of(service))) {
    const model::Task& task = *step.state.tasks.find(key);
    const bool stays = task.desired_status == model::DesiredStatus::kRunning;
    guarded += stays && is_protected(task, step.now) ? 1 : 0;
  }
  return guarded > service.desired_count;
}

}  // namespace

bool is_protected(const model::Task& task, shared::WallTime now) {
  if (BERTH_PLANTED(kStopProtected)) return false;
  return task.protected_until && *task.protected_until > now;
}

std::string why_not_protectable(const State& state, const model::Task* task) {
  if (task == nullptr) return "MISSING";
  const model::Service* service = owner_of(state, *task);
  const bool can = service != nullptr && service->scheduling == model::SchedulingStrategy::kReplica &&
                   task->desired_status == model::DesiredStatus::kRunning;
  return can ? "" : "TASK_NOT_VALID";
}

std::string protect_task(Step& step, const std::string& key, std::optional<shared::Millis> lasts) {
  const model::Task* task = step.state.tasks.find(key);
  if (std::string why = why_not_protectable(step.state, task); !why.empty()) return why;
  const bool is_new = lasts && !is_protected(*task, step.now);
  if (is_new && holds_a_deployment_up(step, *owner_of(step.state, *task))) return "DEPLOYMENT_BLOCKED";
  if (!lasts && !task->protected_until) return {};
  rows(step).tasks.edit(key, [&](model::Task& row) {
    row.protected_until = lasts ? std::optional(step.now + *lasts) : std::nullopt;
    ++row.version;
  });
  return {};
}

}  // namespace agent::control
