#include "agent/control/services/history.h"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/control/alarms/alarms.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"

namespace agent::control {
namespace {

using model::ServiceDeployment;
using model::ServiceDeploymentStatus;

// As AWS makes them: 21 of letters, digits, _ and -.
std::string new_history_id(Step& step) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  constexpr std::size_t kLength = 21;
  std::string id;
  while (id.size() < kLength) id += kLetters[step.random.below(kLetters.size())];
  return id;
}

bool is_open(const ServiceDeployment& row) {
  return row.status == ServiceDeploymentStatus::kInProgress ||
         row.status == ServiceDeploymentStatus::kRollbackInProgress;
}

// The change of the one that is under way, if any.
template <class Change>
void edit_current(Step& step, const std::string& service_key, Change change) {
  const ServiceDeployment* open = current_deployment(step.state, service_key);
  if (open == nullptr) return;
  const model::Service* service = step.state.services.find(service_key);
  rows(step).service_deployments.edit(service_key + "/" + open->id, [&](ServiceDeployment& row) {
    row.updated_at = step.now;
    for (const model::Deployment& each : service->deployments) {
      if (each.id == row.deployment_id) row.failed_tasks = each.failed_tasks;
    }
    change(row);
  });
}

void close(ServiceDeployment& row, ServiceDeploymentStatus status, const std::string& reason,
           shared::WallTime now) {
  row.status = status;
  if (!reason.empty()) row.status_reason = reason;
  row.finished_at = now;
  if (status == ServiceDeploymentStatus::kStopped) row.stopped_at = now;
}

// The oldest deployments go, and the revisions that no deployment is about any more.
void forget_oldest(Step& step, const std::string& service_key) {
  auto all = deployments_of(step.state, service_key);
  std::vector<std::string> over;
  for (std::size_t i = model::kMaxServiceDeployments; i < all.size(); ++i)
    over.push_back(service_key + "/" + all[i]->id);
  if (over.empty()) return;
  for (const std::string& key : over) rows(step).service_deployments.erase(key);
  std::set<std::string> used;
  for (const ServiceDeployment* each : deployments_of(step.state, service_key)) {
    used.insert(each->target_revision);
    used.insert(each->source_revisions.begin(), each->source_revisions.end());
    if (each->rollback) used.insert(each->rollback->revision);
  }
  const model::Service& service = *step.state.services.find(service_key);
  used.insert(service.last_completed_revision);
  for (const model::Deployment& each : service.deployments) used.insert(each.revision);
  for (const std::string& key : keys_under(step.state.service_revisions, service_key)) {
    if (!used.contains(id_in(key))) rows(step).service_revisions.erase(key);
  }
}

}  // namespace

std::vector<const ServiceDeployment*> deployments_of(const State& state, const std::string& service_key) {
  std::vector<const ServiceDeployment*> all;
  for (const std::string& key : keys_under(state.service_deployments, service_key))
    all.push_back(state.service_deployments.find(key));
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return std::pair(b->created_at, b->id) < std::pair(a->created_at, a->id);
  });
  return all;
}

const ServiceDeployment* current_deployment(const State& state, const std::string& service_key) {
  for (const std::string& key : keys_under(state.service_deployments, service_key)) {
    const ServiceDeployment* row = state.service_deployments.find(key);
    if (is_open(*row)) return row;
  }
  return nullptr;
}

const model::ServiceRevision* revision_of(const State& state, const std::string& service_key,
                                          const std::string& number) {
  return state.service_revisions.find(service_key + "/" + number);
}

void note_deployment_begun(Step& step, const std::string& service_key) {
  edit_current(step, service_key, [&](ServiceDeployment& row) {
    close(row, ServiceDeploymentStatus::kStopped, "The service deployment was stopped by a newer one.",
          step.now);
  });
  const model::Service& service = *step.state.services.find(service_key);
  const model::Deployment& primary = service.deployments.front();
  model::ServiceRevision revision;
  revision.cluster = service.cluster;
  revision.service = service.name;
  revision.number = primary.revision;
  revision.arn = step.arn(aws::EcsKind::kServiceRevision, service_key + "/" + revision.number);
  revision.task_definition_arn = primary.task_definition_arn;
  revision.launch_type = service.launch_type;
  revision.strategy = primary.strategy;
  revision.load_balancers = service.load_balancers;
  revision.registries = service.registries;
  if (primary.load_balancers != service.load_balancers) revision.resolved = primary.load_balancers;
  revision.created_at = step.now;
  rows(step).service_revisions.put(service_key + "/" + revision.number, revision);
  ServiceDeployment row;
  row.id = new_history_id(step);
  row.arn = step.arn(aws::EcsKind::kServiceDeployment, service_key + "/" + row.id);
  row.cluster = service.cluster;
  row.service = service.name;
  row.deployment_id = primary.id;
  row.target_revision = primary.revision;
  for (const model::Deployment& each : service.deployments) {
    const bool source = each.id != primary.id && !each.revision.empty() && each.revision != primary.revision;
    const auto& known = row.source_revisions;
    if (source && std::find(known.begin(), known.end(), each.revision) == known.end())
      row.source_revisions.push_back(each.revision);
  }
  row.configuration = service.configuration;
  if (const auto& alarms = service.configuration.strategy.alarms; alarms && alarms->enable) {
    for (const std::string& name : alarms->names) {
      if (alarms::in_alarm(step.state, name)) row.alarms_ignored.push_back(name);
    }
  }
  row.created_at = row.updated_at = step.now;
  const std::string key = service_key + "/" + row.id;
  rows(step).service_deployments.put(key, std::move(row));
  forget_oldest(step, service_key);
}

void note_deployment_completed(Step& step, const std::string& service_key) {
  const std::string primary = step.state.services.find(service_key)->deployments.front().id;
  edit_current(step, service_key, [&](ServiceDeployment& row) {
    if (row.rollback && row.rollback->deployment_id == primary) {
      close(row, ServiceDeploymentStatus::kRollbackSuccessful, "", step.now);
    } else if (row.deployment_id == primary) {
      close(row, ServiceDeploymentStatus::kSuccessful, "", step.now);
    }
  });
}

namespace {

std::string cause_of(const Given& up) {
  switch (up.by) {
    case FailedBy::kCircuitBreaker:
      return "because the circuit breaker threshold was exceeded.";
    case FailedBy::kCaller:
      return "because of a call of StopServiceDeployment.";
    case FailedBy::kAlarm:
    case FailedBy::kHook:
    case FailedBy::kStage:
      return "because of this: " + up.what + ".";
  }
  return ".";
}

std::string reason_of_rollback(const Given& up) {
  return "Service deployment rolled back " + cause_of(up) + up.more;
}

}  // namespace

void note_deployment_failed(Step& step, const std::string& service_key, const Given& up) {
  edit_current(step, service_key, [&](ServiceDeployment& row) {
    const bool goes_back = row.rollback.has_value();
    row.breaker_triggered = row.breaker_triggered || up.by == FailedBy::kCircuitBreaker;
    close(row, goes_back ? ServiceDeploymentStatus::kRollbackFailed : ServiceDeploymentStatus::kStopped,
          up.by == FailedBy::kCaller ? "Service deployment stopped by a call of StopServiceDeployment."
                                     : "Service deployment failed " + cause_of(up) + up.more,
          step.now);
  });
}

void note_rollback_begun(Step& step, const std::string& service_key, const Given& up) {
  const model::Deployment primary = step.state.services.find(service_key)->deployments.front();
  edit_current(step, service_key, [&](ServiceDeployment& row) {
    row.status = ServiceDeploymentStatus::kRollbackInProgress;
    row.breaker_triggered = up.by == FailedBy::kCircuitBreaker;
    row.status_reason = reason_of_rollback(up);
    row.rollback = model::Rollback{reason_of_rollback(up), step.now, primary.revision, primary.id};
  });
}

void note_service_deleted(Step& step, const std::string& service_key) {
  edit_current(step, service_key, [&](ServiceDeployment& row) {
    close(row, ServiceDeploymentStatus::kStopped, "The service was deleted.", step.now);
  });
}

}  // namespace agent::control
