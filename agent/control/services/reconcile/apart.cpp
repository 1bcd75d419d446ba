// Services whose deployments are planned apart: task sets, and deployments by stages.
#include <algorithm>

#include "agent/control/services/reconcile/carry_out.h"
#include "agent/control/services/services.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/services/task_sets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"
#include "agent/model/words.h"

namespace agent::control {

using model::RolloutState;
using model::ServiceStatus;

namespace {

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

}  // namespace

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

}  // namespace agent::control
