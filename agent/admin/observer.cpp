#include "agent/admin/observer.h"

namespace agent::admin {

using model::TaskStatus;
using shared::WallTime;

namespace {

void add(shared::Durations& to, const std::optional<WallTime>& from, const std::optional<WallTime>& until) {
  if (from && until && *until >= *from) to.add(*until - *from);
}

}  // namespace

void Observer::look(const control::State& state, WallTime now) {
  if (!begun_) {
    begun_ = now;
    last_stop_ = {now, ""};
  }
  const auto gone = [&](const std::string& key) { return state.tasks.find(key) == nullptr; };
  std::erase_if(started_, gone);
  std::erase_if(healthy_, gone);
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status != TaskStatus::kStopped) count_start(key, task);
  }
  const auto& stopped = state.task_index().stopped();
  for (auto at = stopped.upper_bound(last_stop_); at != stopped.end(); ++at) {
    const model::Task& task = *state.tasks.find(at->second);
    count_start(at->second, task);
    count_stop(task);
    last_stop_ = *at;
  }
}

void Observer::count_start(const std::string& key, const model::Task& task) {
  if (task.started_at && *task.started_at >= *begun_ && started_.insert(key).second) {
    add(pull, task.created_at, task.pull_stopped_at);
    add(start, task.pull_stopped_at ? task.pull_stopped_at : task.created_at, task.started_at);
  }
  if (task.in_service_at && *task.in_service_at >= *begun_ && healthy_.insert(key).second)
    add(healthy, task.started_at, task.in_service_at);
}

void Observer::count_stop(const model::Task& task) {
  add(acknowledge, task.draining_at, task.acknowledged_at);
  add(drain, task.acknowledged_at, task.stopping_at);
  add(stop, task.stopping_at, task.stopped_at);
}

}  // namespace agent::admin
