#include "agent/control/tasks/service_events.h"

#include <algorithm>

#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/service_log.h"

namespace agent::control {

using shared::Millis;

namespace {

constexpr int kTellInconsistentAfter = 3;
constexpr int kMaxDoublings = 20;

// These say that things are moving again, so that an old trouble is worth telling anew.
bool is_progress(const std::string& message) {
  return message.ends_with("has reached a steady state.") ||
         message.find(") has started ") != std::string::npos;
}

// The ACTIVE service with the task's deployment.
const model::Service* service_of(const State& state, const model::Task& task) {
  if (task.service.empty()) return nullptr;
  const model::Service* service = state.services.find(task.cluster + "/" + task.service);
  if (service == nullptr || service->status != model::ServiceStatus::kActive) return nullptr;
  const bool mine = std::any_of(service->deployments.begin(), service->deployments.end(),
                                [&](const auto& each) { return each.id == task.deployment_id; });
  return mine ? service : nullptr;
}

model::Deployment* find_deployment(model::Service& service, const std::string& id) {
  for (model::Deployment& each : service.deployments) {
    if (each.id == id) return &each;
  }
  return nullptr;
}

// A deployment that was completed once is not judged by its tasks any more.
void count_failure(model::Deployment& deployment) {
  if (deployment.rollout_state != model::RolloutState::kCompleted) ++deployment.failed_tasks;
}

Millis backoff(const Settings& settings, int failures) {
  Millis delay = settings.first_backoff;
  for (int i = 1; i < failures && i < kMaxDoublings && delay < settings.max_backoff; ++i) delay *= 2;
  return std::min(delay, settings.max_backoff);
}

}  // namespace

std::string event_text(const model::Service& service, const std::string& text) {
  return "(service " + service.name + ") " + text;
}

void add_event(Step& step, const model::Service& service, const std::string& text) {
  append_event(rows(step), key_of(service), {step.random.uuid(), step.now, event_text(service, text)});
}

void add_event_once(Step& step, const std::string& service_key, const std::string& text) {
  const model::Service* service = step.state.services.find(service_key);
  const std::string message = event_text(*service, text);
  for (const model::ServiceEvent* each : events_of(step.state, service_key)) {
    if (each->created_at + kRepeatEventAfter <= step.now || is_progress(each->message)) break;
    if (each->message == message) return step.wake_at(each->created_at + kRepeatEventAfter);
  }
  add_event(step, *service, text);
}

bool newest_event_is(const State& state, const model::Service& service, const std::string& text) {
  const model::ServiceEvent* newest = newest_event(state, key_of(service));
  return newest != nullptr && newest->message == event_text(service, text);
}

void note_task_running(Step& step, const model::Task& task) {
  const model::Service* service = service_of(step.state, task);
  if (service == nullptr) return;
  rows(step).services.edit(key_of(*service), [&](model::Service& row) {
    model::Deployment* deployment = find_deployment(row, task.deployment_id);
    if (deployment->reached_running) return;
    deployment->reached_running = true;
    if (row.configuration.reset_on_healthy_task) deployment->failed_tasks = 0;
    deployment->updated_at = step.now;
  });
}

void note_failed_start(Step& step, const model::Task& task, const std::string& event) {
  const model::Service* service = service_of(step.state, task);
  if (service == nullptr) return;
  rows(step).services.edit(key_of(*service), [&](model::Service& row) {
    model::Deployment* deployment = find_deployment(row, task.deployment_id);
    count_failure(*deployment);
    deployment->updated_at = step.now;
    ++row.failed_starts;
    row.next_start_at = step.now + backoff(step.settings, row.failed_starts);
  });
  if (!event.empty()) add_event_once(step, key_of(*service), event);
  if (service->failed_starts >= kTellInconsistentAfter) {
    add_event_once(step, key_of(*service),
                   "is unable to consistently start tasks successfully. For more information, see the "
                   "Troubleshooting section.");
  }
}

void note_task_stopped(Step& step, const model::Task& task, EndedBy ended_by) {
  const bool short_lived = !task.started_at || step.now - *task.started_at < kShortLife;
  if (ended_by == EndedBy::kUs || !short_lived) return;
  const bool never_ran = task.stop_code == "TaskFailedToStart";
  note_failed_start(step, task,
                    never_ran ? "was unable to place a task. Reason: " + task.stopped_reason + "." : "");
}

void note_task_unhealthy(Step& step, const model::Task& task) {
  rows(step).services.edit(task.cluster + "/" + task.service, [&](model::Service& row) {
    model::Deployment* deployment = find_deployment(row, task.deployment_id);
    if (deployment != nullptr && deployment->reached_running) count_failure(*deployment);
  });
}

}  // namespace agent::control
