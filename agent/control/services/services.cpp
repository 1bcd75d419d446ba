#include "agent/control/services/services.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <limits>
#include <map>

#include "agent/control/services/history.h"
#include "agent/control/services/judge.h"
#include "agent/control/services/plan.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/services/task_sets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"
#include "agent/control/tasks/tasks.h"
#include "agent/scheduler/placement.h"
#include "shared/base/check.h"

namespace agent::control {

using model::DesiredStatus;
using model::RolloutState;
using model::ServiceStatus;
using model::TaskStatus;
using shared::WallTime;

namespace {

// One event names the tasks of one pass, so this also bounds an event's length.
constexpr int kMaxStartsPerPass = 10;
constexpr char kSetMark = '#';  // in no name
constexpr const char* kSteady = "has reached a steady state.";
constexpr const char* kUnplaceable =
    "was unable to place a task because no container instance met all of its requirements. ";
constexpr const char* kSeeGuide =
    " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
constexpr const char* kPercentagesInTheWay =
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again.";

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

// True when the deployment was given up.
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

// `deployment`: of a service with task sets, or that goes by stages, the one that is meant.
Starting may_start(Step& step, const model::Service& service, const model::Deployment* deployment = nullptr) {
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

// What is shown of a task set. One that drains leaves with its last task.
void note_task_set(Step& step, const std::string& key, const std::string& id, int desired, bool stable,
                   bool has_tasks) {
  const model::Deployment& found = deployment_named(*step.state.services.find(key), id);
  const bool gone = found.status == model::DeploymentStatus::kDraining && !has_tasks;
  if (!gone && found.desired_count == desired && found.stable == stable) return;
  rows(step).services.edit(key, [&](model::Service& row) {
    if (gone) {
      std::erase_if(row.deployments, [&](const auto& each) { return each.id == id; });
      return;
    }
    for (model::Deployment& each : row.deployments) {
      if (each.id != id) continue;
      each.desired_count = desired;
      each.updated_at = step.now;
      if (each.stable != stable) each.stable_at = step.now;
      each.stable = stable;
    }
    if (stable) {
      row.failed_starts = 0;
      row.next_start_at.reset();
    }
  });
}

// What judging a task takes from its service.
std::string terms_of(const model::Service& service) {
  std::string terms = std::to_string(service.health_check_grace_seconds);
  if (service.scheduling == model::SchedulingStrategy::kDaemon) {
    for (const auto& each : service.placement_constraints) terms += " " + each.expression;
  }
  if (service.status != ServiceStatus::kActive) terms += " deleted";
  if (goes_by_stages(service)) terms += " by stages";
  for (const model::Deployment& each : service.deployments) {
    terms += " " + each.id;
    if (each.status == model::DeploymentStatus::kDraining) terms += " draining";
    for (const model::ServiceLoadBalancer& wanted : each.load_balancers)
      terms += "," + wanted.target_group_arn;
  }
  return terms;
}

// On the agenda where it is its turn.
void note_service(Step& step, const std::string& key) {
  const bool daemon = step.state.live.daemons.contains(key);
  rows(step).live.agenda.note(daemon ? Concern::kDaemonService : Concern::kService, key);
}

// What DescribeServices shows is what was counted.
void set_desired(Step& step, const std::string& key, int desired) {
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

// ARNs of the instances where a task is wanted and none is, as far as one could be there at all.
std::set<std::string> without_task(const Step& step, const DaemonHosts& wanted,
                                   const std::vector<DaemonHost>& hosts, const model::Service& service) {
  std::set<std::string> arns;
  for (const DaemonHost& host : hosts) {
    if (host.standing != DaemonStanding::kWanted || !host.tasks.empty()) continue;
    const auto* instance = step.state.instances.find(service.cluster + "/" + std::string(host.name));
    const bool could = instance != nullptr && wanted.each().cpu <= instance->registered.cpu &&
                       wanted.each().memory <= instance->registered.memory;
    const auto& usage = step.state.task_index().usage(could ? instance->arn : std::string());
    if (could && !usage.groups.contains("service:" + service.name)) arns.insert(instance->arn);
  }
  return arns;
}

// On each of these hosts; of those without room one is told of. What is kept free for the service there is
// free for it.
void start_daemons(Step& step, const std::string& key, const std::vector<std::string>& instance_ids) {
  const model::Service& service = *step.state.services.find(key);
  std::vector<std::string> started;
  PlacementFailure failure;
  for (const std::string& id : instance_ids) {
    const model::ContainerInstance* instance = step.state.instances.find(service.cluster + "/" + id);
    if (instance == nullptr) continue;
    auto& room = rows(step).live.daemon_room[instance->arn];
    const auto kept = room.extract(key);
    auto result = start_daemon_task(step, service, service.deployments.front(), *instance);
    if (result.task_keys.empty() && !kept.empty()) room.emplace(key, kept.mapped());
    for (std::string& task : result.task_keys) started.push_back(std::move(task));
    if (failure.reason.empty()) failure = result.failure;
  }
  tell_of_started(step, key, started);
  if (failure.reason.empty()) return;
  rows(step).live.starved.insert(key);
  add_event_once(step, key, placement_trouble(failure));
}

}  // namespace

int circuit_breaker_threshold(int desired_count, const model::BreakerThreshold& by) {
  constexpr int kFewest = 3;
  constexpr int kMost = 200;
  constexpr std::int64_t kHundred = 100;
  if (by.type == model::BreakerThresholdType::kCount) return by.value;
  const auto share = (std::int64_t{desired_count} * by.value + kHundred - 1) / kHundred;
  const bool bounded = by.type == model::BreakerThresholdType::kBoundedPercent;
  return static_cast<int>(bounded ? std::clamp<std::int64_t>(share, kFewest, kMost)
                                  : std::clamp<std::int64_t>(share, 1, std::numeric_limits<int>::max()));
}

void ServiceReconciler::judge(Step& step, const std::string& task_key) {
  const model::Task* task = step.state.tasks.find(task_key);
  const bool live = task != nullptr && task->last_status != TaskStatus::kStopped && !task->service.empty();
  const std::string key = live ? task->cluster + "/" + task->service : std::string();
  const model::Service* service = live ? step.state.services.find(key) : nullptr;
  if (service == nullptr) return forget(step, task_key);
  const bool of_set =
      service->controller == model::DeploymentController::kExternal || goes_by_stages(*service);
  const std::string book = of_set ? key + kSetMark + task->deployment_id : key;
  if (const auto before = service_of_.find(task_key); before != service_of_.end() && before->second != book)
    books_[before->second].book.erase(task_key);
  service_of_[task_key] = book;
  note_service(step, key);
  if (books_[key].terms.empty())
    return;  // the service is looked at for the first time, and all its tasks with it
  step.subject = {Concern::kServiceTask, task_key};
  Book::Entry entry = judge_task(step, *service, *task);
  const bool in_service = entry.task.health == PlanHealth::kHealthy && !task->targets.empty();
  if (in_service && !task->in_service_at)
    rows(step).tasks.edit(task_key, [&](model::Task& row) { row.in_service_at = step.now; });
  books_[book].book.put(task_key, std::move(entry));
}

void ServiceReconciler::forget(Step& step, const std::string& task_key) {
  const auto known = service_of_.find(task_key);
  if (known == service_of_.end()) return;
  note_service(step, known->second.substr(0, known->second.find(kSetMark)));
  books_[known->second].book.erase(task_key);
  service_of_.erase(known);
}

void ServiceReconciler::judge_on_new_terms(Step& step, const std::string& key) {
  Known& known = books_[key];
  std::string terms = terms_of(*step.state.services.find(key));
  if (known.terms == terms) return;
  known.terms = std::move(terms);
  for (const std::string& task : step.state.task_index().of_service(key)) judge(step, task);
  const model::Service& service = *step.state.services.find(key);
  if (service.scheduling == model::SchedulingStrategy::kDaemon) known.hosts.look_at_all(step, service);
}

void ServiceReconciler::look_at_daemon_host(Step& step, const std::string& instance_key) {
  for (const std::string& key : daemons_of(step.state, instance_key.substr(0, instance_key.find('/')))) {
    books_[key].hosts.look_at(step.state, instance_key);
    note_service(step, key);
  }
}

std::size_t ServiceReconciler::reconcile(Step& step, std::size_t most_services) {
  Agenda& agenda = rows(step).live.agenda;
  for (const std::string& task : agenda.take(Concern::kServiceTask, step.now)) judge(step, task);
  for (const std::string& host : agenda.take(Concern::kDaemonHost, step.now)) look_at_daemon_host(step, host);
  for (const std::string& key : agenda.take(Concern::kDaemonService, step.now))
    reconcile_due(step, Concern::kDaemonService, key);
  const auto due = agenda.take(Concern::kService, step.now, most_services);
  for (const std::string& key : due) reconcile_due(step, Concern::kService, key);
  return due.size();
}

void ServiceReconciler::reconcile_due(Step& step, Concern concern, const std::string& key) {
  const model::Service* service = step.state.services.find(key);
  if (service == nullptr || service->status == ServiceStatus::kInactive) {
    rows(step).live.starved.erase(key);
    keep_room(step, key, {});
    if (service == nullptr) {
      books_.erase(key);
      std::erase_if(books_, [&](const auto& each) { return each.first.starts_with(key + kSetMark); });
    }
    return;
  }
  judge_on_new_terms(step, key);
  step.subject = {concern, key};
  if (service->controller == model::DeploymentController::kExternal) return reconcile_task_sets(step, key);
  if (service->status == ServiceStatus::kActive &&
      (trip_circuit_breaker(step, key) || trip_alarms(step, key))) {
    judge_on_new_terms(step, key);
    step.subject = {concern, key};
  }
  if (goes_by_stages(*service)) return reconcile_by_stages(step, key);
  rows(step).live.shifting.erase(key);
  rows(step).live.hooked.erase(key);
  if (service->scheduling == model::SchedulingStrategy::kDaemon) {
    reconcile_daemon(step, key);
  } else {
    reconcile_one(step, key);
  }
}

void ServiceReconciler::reconcile_daemon(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const bool active = service.status == ServiceStatus::kActive;
  Known& known = books_[key];
  DaemonFacts facts;
  facts.minimum_percent = service.configuration.minimum_healthy_percent;
  facts.starting = may_start(step, service);
  facts.hosts = known.hosts.facts(known.book);
  const DaemonPlan next = plan_daemon(facts);
  const std::vector<std::string> start(next.start.begin(), next.start.end());
  std::vector<ChosenStop> stops;
  for (const auto& [task, cause] : next.stop) stops.push_back({std::string(task), cause});
  rows(step).live.starved.erase(key);
  if (active) set_desired(step, key, next.desired);
  start_daemons(step, key, start);
  keep_room(step, key,
            active ? without_task(step, known.hosts, facts.hosts, service) : std::set<std::string>());
  stop_tasks(step, key, known.book, stops);
  if (!active) {
    if (stops.empty()) finish_deletion(step, key, known.book);
    return;
  }
  update_deployments(step, key, known.book);
  if (next.progress == Progress::kSteady && service.deployments.size() == 1) mark_steady(step, key);
  if (next.progress == Progress::kStuck) add_event_once(step, key, kPercentagesInTheWay);
}

// Who waits for room in the cluster is looked at when some of it is given back.
void ServiceReconciler::keep_room(Step& step, const std::string& key, std::set<std::string> instance_arns) {
  const auto it = books_.find(key);
  if (it == books_.end() || it->second.kept_room == instance_arns) return;
  State& state = rows(step);
  for (const std::string& arn : it->second.kept_room) {
    const auto kept = state.live.daemon_room.find(arn);
    if (kept == state.live.daemon_room.end()) continue;
    kept->second.erase(key);
    if (kept->second.empty()) state.live.daemon_room.erase(kept);
    state.capacity().note_usage(arn);
  }
  for (const std::string& arn : instance_arns) {
    state.live.daemon_room[arn][key] = it->second.hosts.each();
    state.capacity().note_usage(arn);
  }
  it->second.kept_room = std::move(instance_arns);
  const std::string prefix = key.substr(0, key.find('/') + 1);
  std::erase_if(state.live.unplaceable, [&](const auto& each) { return each.first.starts_with(prefix); });
  for (const std::string& each : std::set<std::string>(state.live.starved)) {
    if (each.starts_with(prefix) && each != key) note_service(step, each);
  }
}

bool ServiceReconciler::any_task_left(const std::string& key) const {
  const std::string prefix = key + kSetMark;
  for (auto it = books_.lower_bound(prefix); it != books_.end() && it->first.starts_with(prefix); ++it) {
    if (it->second.book.any_wanted() || it->second.book.any_waits_to_stop()) return true;
  }
  return false;
}

// Each task set for itself, as if it were a service that is never deployed anew.
void ServiceReconciler::reconcile_task_sets(Step& step, const std::string& key) {
  const bool active = step.state.services.find(key)->status == ServiceStatus::kActive;
  const std::string prefix = key + kSetMark;
  rows(step).live.starved.erase(key);
  bool steady = active;
  for (const std::string& id : books_of(step, key)) {
    const Planned planned = plan_apart(step, key, id);
    const bool stable = planned.progress == Progress::kSteady;
    steady = steady && stable;
    const auto& sets = step.state.services.find(key)->deployments;
    const bool there = std::any_of(sets.begin(), sets.end(), [&](const auto& each) { return each.id == id; });
    if (!there) continue;
    const Book& book = books_[prefix + id].book;
    note_task_set(step, key, id, planned.desired, stable, book.any_wanted() || book.any_waits_to_stop());
  }
  if (!active && !any_task_left(key)) {
    rows(step).services.edit(key, [](model::Service& row) { row.status = ServiceStatus::kInactive; });
    rows(step).live.unplaceable.erase(key);
    return;
  }
  const model::Service& service = *step.state.services.find(key);
  if (steady && !service.deployments.empty() && !newest_event_is(step.state, service, kSteady))
    add_event(step, service, kSteady);
}

// Each deployment for itself, and then how far the PRIMARY one is.
void ServiceReconciler::reconcile_by_stages(Step& step, const std::string& key) {
  std::vector<Standing> standings;
  rows(step).live.starved.erase(key);
  for (const std::string& id : books_of(step, key)) {
    const Planned planned = plan_apart(step, key, id);
    const Book& book = books_[key + kSetMark + id].book;
    standings.push_back({id, planned.desired, planned.progress == Progress::kSteady,
                         !book.any_wanted() && !book.any_waits_to_stop()});
    if (planned.progress == Progress::kGuarded)
      add_event_once(step, key, too_many_protected(*step.state.services.find(key)));
  }
  const bool complete = advance_rollout(step, key, standings) == RolloutIs::kComplete;
  const model::Service& service = *step.state.services.find(key);
  const bool steady =
      service.deployments.size() == 1 &&
      service.deployments.front().rollout_state == RolloutState::kCompleted &&
      std::all_of(standings.begin(), standings.end(), [](const Standing& each) { return each.whole; });
  if (complete || steady) mark_steady(step, key);
}

// Ids of the deployments that have a book of their own, and of those that had one and have tasks left.
std::vector<std::string> ServiceReconciler::books_of(const Step& step, const std::string& key) {
  const std::string prefix = key + kSetMark;
  for (const model::Deployment& each : step.state.services.find(key)->deployments)
    books_.try_emplace(prefix + each.id);
  std::vector<std::string> ids;
  for (auto it = books_.lower_bound(prefix); it != books_.end() && it->first.starts_with(prefix); ++it)
    ids.push_back(it->first.substr(prefix.size()));
  return ids;
}

// One deployment of several, as if it were a service that is never deployed anew.
ServiceReconciler::Planned ServiceReconciler::plan_apart(Step& step, const std::string& key,
                                                         const std::string& id) {
  const model::Service& service = *step.state.services.find(key);
  const auto row = std::find_if(service.deployments.begin(), service.deployments.end(),
                                [&](const auto& each) { return each.id == id; });
  const bool there = row != service.deployments.end();
  const bool external = service.controller == model::DeploymentController::kExternal;
  Book& book = books_[key + kSetMark + id].book;
  PlanFacts facts;
  facts.desired = !there ? 0 : external ? computed_desired_count(service, *row) : staged_count(service, *row);
  facts.minimum_percent = service.configuration.minimum_healthy_percent;
  facts.maximum_percent = service.configuration.maximum_percent;
  facts.tasks = book.counts();
  facts.starting = there ? may_start(step, service, &*row) : Starting::kForbidden;
  ServicePlan next = plan_service(facts);
  if (next.start > 0) {
    if (const Starting outcome = start_tasks(step, key, id, next.start); outcome != Starting::kAllowed) {
      facts.starting = outcome;
      next = plan_service(facts);
    }
  }
  stop_tasks(step, key, book, choose_tasks(step, book, service, next.stop));
  if (next.progress == Progress::kStuck) add_event_once(step, key, kPercentagesInTheWay);
  if (!there && facts.tasks == PlanCounts{}) books_.erase(key + kSetMark + id);
  return {facts.desired, next.progress};
}

void ServiceReconciler::reconcile_one(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const bool active = service.status == ServiceStatus::kActive;
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
    const Starting outcome = start_tasks(step, key, service.deployments.front().id, next.start);
    if (outcome != Starting::kAllowed) {
      facts.starting = outcome;
      next = plan_service(facts);
    }
  }
  stop_tasks(step, key, book, choose_tasks(step, book, service, next.stop));
  if (!active) return finish_deletion(step, key, book);
  update_deployments(step, key, book);
  if (next.progress == Progress::kSteady && service.deployments.size() == 1) mark_steady(step, key);
  if (next.progress == Progress::kGuarded) add_event_once(step, key, too_many_protected(service));
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
