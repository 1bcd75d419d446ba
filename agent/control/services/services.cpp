#include "agent/control/services/services.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <map>

#include "agent/control/services/judge.h"
#include "agent/control/services/plan.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"
#include "agent/control/tasks/tasks.h"
#include "agent/scheduler/placement.h"

namespace agent::control {

using model::DesiredStatus;
using model::RolloutState;
using model::ServiceStatus;
using model::TaskStatus;
using shared::WallTime;

namespace {

// One event names the tasks of one pass, so this also bounds an event's length.
constexpr int kMaxStartsPerPass = 10;
constexpr const char* kSteady = "has reached a steady state.";
constexpr const char* kUnplaceable =
    "was unable to place a task because no container instance met all of its requirements. ";
constexpr const char* kSeeGuide =
    " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
constexpr const char* kPercentagesInTheWay =
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again.";

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

Starting start_tasks(Step& step, const std::string& key, int count) {
  const model::Service& service = *step.state.services.find(key);
  const auto [started, failure] =
      start_service_tasks(step, service, service.deployments.front(), std::min(count, kMaxStartsPerPass));
  if (!started.empty()) {
    std::string text = "has started " + std::to_string(started.size()) + " tasks:";
    for (const std::string& task : started) text += " (task " + id_in(task) + ")";
    add_event(step, service, text + ".");
  }
  tell_of_waiting_tasks(step, key, started);
  if (failure.reason.empty()) return Starting::kAllowed;
  rows(step).live.starved.insert(key);
  add_event_once(step, key, placement_trouble(failure));
  // Stopping an old task can make room for a new one; it cannot bring an agent back.
  return scheduler::room_would_help(failure.reason) ? Starting::kBlocked : Starting::kForbidden;
}

struct ChosenStop {
  std::string task_key;
  StopCause cause;
};

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

// Older deployments leave the list when none of their tasks is wanted any more.
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
    rows(step).services.edit(key, [&](model::Service& service) {
      model::Deployment& primary = service.deployments.front();
      primary.rollout_state = RolloutState::kCompleted;
      primary.rollout_state_reason = "ECS deployment " + primary.id + " completed.";
      primary.failed_tasks = 0;
      primary.updated_at = step.now;
      service.last_completed_task_definition = primary.task_definition_arn;
    });
    add_event(step, found, "(deployment " + found.deployments.front().id + ") deployment completed.");
  }
  if (!newest_event_is(step.state, found, kSteady)) add_event(step, found, kSteady);
}

// To the task definition that was last completed, with what its deployment had beside it.
void roll_back(Step& step, const std::string& key) {
  std::string predecessor;
  rows(step).services.edit(key, [&](model::Service& service) {
    const std::string& definition = service.last_completed_task_definition;
    const auto completed =
        std::find_if(service.deployments.begin(), service.deployments.end(), [&](const auto& each) {
          return each.rollout_state == RolloutState::kCompleted && each.task_definition_arn == definition;
        });
    service.task_definition_arn = definition;
    if (completed != service.deployments.end()) service.load_balancers = completed->load_balancers;
    model::Deployment back = new_deployment(step, service);
    predecessor = completed == service.deployments.end() ? back.id : completed->id;
    back.is_rollback = true;
    back.rollout_state_reason =
        "ECS deployment circuit breaker: rolling back to deploymentId " + predecessor + ".";
    begin_deployment(service, std::move(back));
  });
  add_event(step, *step.state.services.find(key), "rolling back to deployment " + predecessor + ".");
}

// True when the deployment was given up.
bool trip_circuit_breaker(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  const model::Deployment& failing = found.deployments.front();
  if (!found.configuration.circuit_breaker || failing.rollout_state != RolloutState::kInProgress)
    return false;
  if (failing.failed_tasks < circuit_breaker_threshold(found.desired_count)) return false;
  rows(step).services.edit(key, [&](model::Service& service) {
    model::Deployment& primary = service.deployments.front();
    primary.rollout_state = RolloutState::kFailed;
    primary.rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start.";
    primary.updated_at = step.now;
  });
  add_event(step, found, "(deployment " + failing.id + ") deployment failed: tasks failed to start.");
  const bool can_go_back = found.configuration.circuit_breaker_rollback &&
                           !found.last_completed_task_definition.empty() && !failing.is_rollback;
  if (can_go_back) roll_back(step, key);
  return true;
}

Starting may_start(Step& step, const model::Service& service) {
  if (service.deployments.empty()) return Starting::kForbidden;
  if (service.deployments.front().rollout_state == RolloutState::kFailed) return Starting::kForbidden;
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

// What judging a task takes from its service.
std::string terms_of(const model::Service& service) {
  std::string terms = std::to_string(service.health_check_grace_seconds);
  for (const model::Deployment& each : service.deployments) {
    terms += " " + each.id;
    for (const model::ServiceLoadBalancer& wanted : each.load_balancers)
      terms += "," + wanted.target_group_arn;
  }
  return terms;
}

}  // namespace

int circuit_breaker_threshold(int desired_count) {
  constexpr int kFewest = 3;
  constexpr int kMost = 200;
  return std::clamp(desired_count / 2 + desired_count % 2, kFewest, kMost);
}

void ServiceReconciler::judge(Step& step, const std::string& task_key) {
  const model::Task* task = step.state.tasks.find(task_key);
  const bool live = task != nullptr && task->last_status != TaskStatus::kStopped && !task->service.empty();
  const std::string key = live ? task->cluster + "/" + task->service : std::string();
  const model::Service* service = live ? step.state.services.find(key) : nullptr;
  if (service == nullptr) return forget(step, task_key);
  step.subject = {Concern::kServiceTask, task_key};
  service_of_[task_key] = key;
  books_[key].book.put(task_key, judge_task(step, *service, *task));
  rows(step).live.agenda.note(Concern::kService, key);
}

void ServiceReconciler::forget(Step& step, const std::string& task_key) {
  const auto known = service_of_.find(task_key);
  if (known == service_of_.end()) return;
  rows(step).live.agenda.note(Concern::kService, known->second);
  books_[known->second].book.erase(task_key);
  service_of_.erase(known);
}

void ServiceReconciler::judge_on_new_terms(Step& step, const std::string& key) {
  Known& known = books_[key];
  std::string terms = terms_of(*step.state.services.find(key));
  if (known.terms == terms) return;
  known.terms = std::move(terms);
  for (const std::string& task : step.state.task_index().of_service(key)) judge(step, task);
}

void ServiceReconciler::reconcile(Step& step) {
  Agenda& agenda = rows(step).live.agenda;
  for (const std::string& task : agenda.take(Concern::kServiceTask, step.now)) judge(step, task);
  for (const std::string& key : agenda.take(Concern::kService, step.now)) {
    const model::Service* service = step.state.services.find(key);
    if (service == nullptr || service->status == ServiceStatus::kInactive) {
      rows(step).live.starved.erase(key);
      if (service == nullptr) books_.erase(key);
      continue;
    }
    judge_on_new_terms(step, key);
    step.subject = {Concern::kService, key};
    reconcile_one(step, key);
  }
}

void ServiceReconciler::reconcile_one(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const bool active = service.status == ServiceStatus::kActive;
  if (active && trip_circuit_breaker(step, key)) judge_on_new_terms(step, key);
  step.subject = {Concern::kService, key};
  Book& book = books_[key].book;
  PlanFacts facts;
  facts.desired = service.desired_count;
  facts.minimum_percent = service.configuration.minimum_healthy_percent;
  facts.maximum_percent = service.configuration.maximum_percent;
  facts.tasks = book.counts();
  facts.starting = may_start(step, service);
  ServicePlan next = plan_service(facts);
  rows(step).live.starved.erase(key);
  if (next.start > 0) {
    const Starting outcome = start_tasks(step, key, next.start);
    if (outcome != Starting::kAllowed) {
      facts.starting = outcome;
      next = plan_service(facts);
    }
  }
  stop_tasks(step, key, book, choose_tasks(step, book, service, next.stop));
  if (!active) return finish_deletion(step, key, book);
  update_deployments(step, key, book);
  if (next.progress == Progress::kSteady && service.deployments.size() == 1) mark_steady(step, key);
  if (next.progress == Progress::kStuck) add_event_once(step, key, kPercentagesInTheWay);
}

namespace {

void count(const model::Task& task, ServiceCounts& counts) {
  if (task.desired_status != DesiredStatus::kRunning) return;
  if (task.last_status == TaskStatus::kRunning) ++counts.running;
  if (task.last_status < TaskStatus::kRunning) ++counts.pending;
}

}  // namespace

ServiceCounts count_tasks(const State& state, const model::Service& service) {
  ServiceCounts counts;
  for (const std::string& key : state.task_index().of_service(key_of(service))) {
    count(*state.tasks.find(key), counts);
  }
  return counts;
}

ServiceCounts count_tasks(const State& state, const model::Service& service,
                          const model::Deployment& deployment) {
  ServiceCounts counts;
  for (const std::string& key : state.task_index().of_service(key_of(service))) {
    const model::Task& task = *state.tasks.find(key);
    if (task.deployment_id == deployment.id) count(task, counts);
  }
  return counts;
}

}  // namespace agent::control
