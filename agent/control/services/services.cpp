#include "agent/control/services/services.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <limits>

#include "agent/control/services/history.h"
#include "agent/control/services/judge.h"
#include "agent/control/services/plan.h"
#include "agent/control/services/reconcile/carry_out.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/services/task_sets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"
#include "agent/control/tasks/tasks.h"

namespace agent::control {

using model::DesiredStatus;
using model::RolloutState;
using model::ServiceStatus;
using model::TaskStatus;
using shared::WallTime;

namespace {

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
