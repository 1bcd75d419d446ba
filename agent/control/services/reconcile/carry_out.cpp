#include "agent/control/services/reconcile/carry_out.h"

#include <algorithm>
#include <map>

#include "agent/control/services/history.h"
#include "agent/control/services/requests.h"
#include "agent/control/services/services.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/services/task_sets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/service_events.h"
#include "agent/scheduler/placement.h"
#include "shared/base/check.h"

namespace agent::control {

using model::DesiredStatus;
using model::RolloutState;
using model::ServiceStatus;
using model::TaskStatus;

namespace {

// One event names the tasks of one pass, so this also bounds an event's length.
constexpr int kMaxStartsPerPass = 10;
constexpr const char* kUnplaceable =
    "was unable to place a task because no container instance met all of its requirements. ";
constexpr const char* kSeeGuide =
    " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

// Placed, and yet nobody begins with it: its host has enough to start.
bool waits_for_its_turn(const State& state, const Settings& settings, const std::string& task_key) {
  if (!state.live.unsent_tasks.contains(task_key)) return false;
  const model::Task& task = *state.tasks.find(task_key);
  const auto* instance = find_instance_by_arn(state, task.container_instance_arn);
  return instance != nullptr && is_connected(state, *instance) &&
         state.task_index().usage(instance->arn).pending > settings.max_starting_tasks_per_instance;
}

void tell_of_waiting_tasks(Step& step, const std::string& key, const std::vector<std::string>& started) {
  if (std::none_of(started.begin(), started.end(), [&](const std::string& task) {
        return waits_for_its_turn(step.state, step.settings, task);
      })) {
    return;
  }
  add_event_once(step, key,
                 "has tasks waiting to be started: a container instance is handed at most " +
                     std::to_string(step.settings.max_starting_tasks_per_instance) +
                     " tasks that are not up yet (max_starting_tasks_per_instance).");
}

}  // namespace

std::string too_many_protected(const model::Service& service) {
  return "was unable to reach steady state because task set (" + service.deployments.front().id +
         ") was unable to scale in. Reason: The number of protected tasks are more than the desired count of "
         "tasks.";
}

std::string placement_trouble(const PlacementFailure& failure) {
  if (failure.arn.empty()) return std::string(kUnplaceable) + "Reason: " + failure.reason + kSeeGuide;
  static const std::map<std::string, std::string> kWords = {
      {"RESOURCE:CPU", "has insufficient CPU units available."},
      {"RESOURCE:MEMORY", "has insufficient memory available."},
      {"RESOURCE:PORTS", "is already using a port required by your task."},
      {"RESOURCE:PORTS_UDP", "is already using a port required by your task."},
      {scheduler::kTooManyTasks, "has too many tasks."},
      {"ATTRIBUTE", "is missing an attribute required by your task."}};
  const auto it = kWords.find(failure.reason);
  const std::string words = it == kWords.end() ? "encountered error \"" + failure.reason + "\"." : it->second;
  return std::string(kUnplaceable) + "The closest matching (container-instance " +
         instance_id_in(failure.arn) + ") " + words + kSeeGuide +
         (failure.detail.empty() ? "" : " " + failure.detail);
}

void tell_of_started(Step& step, const std::string& key, const std::vector<std::string>& started) {
  for (std::size_t i = 0; i < started.size(); i += kMaxStartsPerPass) {
    const auto end = std::min(started.size(), i + kMaxStartsPerPass);
    std::string text = "has started " + std::to_string(end - i) + " tasks:";
    for (std::size_t k = i; k < end; ++k) text += " (task " + id_in(started[k]) + ")";
    add_event(step, *step.state.services.find(key), text + ".");
  }
  tell_of_waiting_tasks(step, key, started);
}

const model::Deployment& deployment_named(const model::Service& service, const std::string& id) {
  const model::Deployment* found = find_deployment(service, id);
  BERTH_CHECK(found != nullptr, "tasks are started of deployments that are there");
  return *found;
}

Starting start_tasks(Step& step, const std::string& key, const std::string& deployment_id, int count) {
  const model::Service& service = *step.state.services.find(key);
  const auto [started, failure] = start_service_tasks(step, service, deployment_named(service, deployment_id),
                                                      std::min(count, kMaxStartsPerPass));
  tell_of_started(step, key, started);
  if (failure.reason.empty()) return Starting::kAllowed;
  rows(step).live.starved.insert(key);
  add_event_once(step, key, placement_trouble(failure));
  // Stopping an old task can make room for a new one; it cannot bring an agent back.
  return scheduler::room_would_help(failure.reason) ? Starting::kBlocked : Starting::kForbidden;
}

std::vector<ChosenStop> choose_tasks(Step& step, Book& book, const model::Service& service,
                                     const std::vector<PlannedStop>& stops) {
  std::vector<ChosenStop> chosen;
  for (const PlannedStop& each : stops) {
    for (auto& key : book.take(step.state, each.kinds, each.count, service.placement_strategy))
      chosen.push_back({std::move(key), each.cause});
  }
  return chosen;
}

void stop_tasks(Step& step, const std::string& key, const Book& book, const std::vector<ChosenStop>& stops) {
  const model::Service& service = *step.state.services.find(key);
  std::string stopped;
  int draining = 0;
  std::map<std::string, int> deregistered;
  for (const ChosenStop& each : stops) {
    const model::Task& task = *step.state.tasks.find(each.task_key);
    const Judgement& judgement = book.find(each.task_key)->judgement;
    stopped += " (task " + task.id + ")";
    draining += task.targets.empty() ? 0 : 1;
    for (const model::TaskTarget& target : task.targets) ++deregistered[target.target_group_arn];
    std::string reason = "Scaling activity initiated by (deployment " + task.deployment_id + ")";
    const bool never_ran = task.last_status < TaskStatus::kRunning;
    if ((each.cause == StopCause::kUnhealthy || never_ran) && !judgement.stop_reason.empty()) {
      reason = judgement.stop_reason;
      if (!never_ran) note_task_unhealthy(step, task);
      add_event(step, service, judgement.event);
    }
    stop_task(step, each.task_key, {.code = "ServiceSchedulerInitiated", .reason = reason});
  }
  if (stops.empty()) return;
  if (draining > 0) {
    add_event(step, service, "has begun draining connections on " + std::to_string(draining) + " tasks.");
  }
  for (const auto& [group, count] : deregistered) {
    add_event(step, service,
              "deregistered " + std::to_string(count) + " targets in (target-group " + group + ")");
  }
  add_event(step, service, "has stopped " + std::to_string(stops.size()) + " running tasks:" + stopped + ".");
}

void update_deployments(Step& step, const std::string& key, const Book& book) {
  const model::Service& found = *step.state.services.find(key);
  const auto over = [&](const model::Deployment& each) {
    return each.status != model::DeploymentStatus::kPrimary && book.wanted(each.id) == 0;
  };
  const auto& all = found.deployments;
  const bool stale = std::any_of(all.begin(), all.end(), [&](const model::Deployment& each) {
    return over(each) ||
           (each.status != model::DeploymentStatus::kPrimary && each.desired_count != book.wanted(each.id));
  });
  if (!stale) return;
  rows(step).services.edit(key, [&](model::Service& service) {
    std::erase_if(service.deployments, over);
    for (model::Deployment& each : service.deployments) {
      if (each.status == model::DeploymentStatus::kPrimary) continue;
      each.desired_count = book.wanted(each.id);
      each.updated_at = step.now;
    }
  });
}

void mark_steady(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  if (found.failed_starts != 0 || found.next_start_at) {
    rows(step).services.edit(key, [](model::Service& service) {
      service.failed_starts = 0;
      service.next_start_at.reset();
    });
  }
  if (found.deployments.front().rollout_state == RolloutState::kInProgress) {
    if (!has_baked(step, key)) return;
    rows(step).services.edit(key, [&](model::Service& service) {
      model::Deployment& primary = service.deployments.front();
      primary.rollout_state = RolloutState::kCompleted;
      primary.rollout_state_reason = "ECS deployment " + primary.id + " completed.";
      primary.failed_tasks = 0;
      primary.rollout.hooks.clear();
      primary.updated_at = step.now;
      service.last_completed_task_definition = primary.task_definition_arn;
      service.last_completed_revision = primary.revision;
    });
    note_deployment_completed(step, key);
    add_event(step, found, "(deployment " + found.deployments.front().id + ") deployment completed.");
  }
  if (!newest_event_is(step.state, found, kSteady)) add_event(step, found, kSteady);
}

bool trip_circuit_breaker(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  const model::Deployment& failing = found.deployments.front();
  if (!found.configuration.circuit_breaker || failing.rollout_state != RolloutState::kInProgress ||
      failing.rollout.going_back)
    return false;
  if (failing.failed_tasks < circuit_breaker_threshold(found.desired_count, found.configuration.threshold))
    return false;
  fail_deployment(step, key,
                  {.by = FailedBy::kCircuitBreaker,
                   .what = "tasks failed to start",
                   .reason = "ECS deployment circuit breaker: tasks failed to start",
                   .why = "ECS deployment circuit breaker",
                   .back = found.configuration.circuit_breaker_rollback});
  return true;
}

Starting may_start(Step& step, const model::Service& service, const model::Deployment* deployment) {
  if (service.deployments.empty()) return Starting::kForbidden;
  const model::Deployment& meant = deployment == nullptr ? service.deployments.front() : *deployment;
  const bool failed = meant.rollout_state == RolloutState::kFailed;
  if (failed && service.controller == model::DeploymentController::kEcs) return Starting::kForbidden;
  if (service.next_start_at && *service.next_start_at > step.now) {
    step.wake_at(*service.next_start_at);
    return Starting::kForbidden;
  }
  return Starting::kAllowed;
}

void finish_deletion(Step& step, const std::string& key, const Book& book) {
  if (book.any_wanted() || book.any_waits_to_stop()) return;
  rows(step).services.edit(key, [](model::Service& row) { row.status = ServiceStatus::kInactive; });
  rows(step).live.unplaceable.erase(key);
}

void note_service(Step& step, const std::string& key) {
  const bool daemon = step.state.live.daemons.contains(key);
  rows(step).live.agenda.note(daemon ? Concern::kDaemonService : Concern::kService, key);
}

void set_desired_count(Step& step, const std::string& key, int desired) {
  const model::Service& found = *step.state.services.find(key);
  const bool same = found.desired_count == desired &&
                    (found.deployments.empty() || found.deployments.front().desired_count == desired);
  if (same) return;
  rows(step).services.edit(key, [&](model::Service& row) {
    row.desired_count = desired;
    if (row.deployments.empty()) return;
    row.deployments.front().desired_count = desired;
    row.deployments.front().updated_at = step.now;
  });
}

}  // namespace agent::control
