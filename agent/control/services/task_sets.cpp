#include "agent/control/services/task_sets.h"

#include <algorithm>
#include <cmath>

#include "agent/control/services/requests.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/tasks.h"

namespace agent::control {

using model::DeploymentStatus;
using shared::Result;

namespace {

constexpr std::string_view kIdPrefix = "ecs-svc/";

template <class Change>
void edit_set(Step& step, const std::string& key, const std::string& id, Change change) {
  rows(step).services.edit(key, [&](model::Service& row) {
    for (model::Deployment& each : row.deployments) {
      if (each.id != id) continue;
      each.updated_at = step.now;
      change(each);
    }
  });
}

Result<const model::Deployment*> set_that_stays(const State& state, const std::string& key,
                                                const std::string& id) {
  const auto service = service_of_task_sets(state, key);
  if (!service) return service.error();
  auto set = find_task_set(state, key, id);
  if (set && (*set)->status == DeploymentStatus::kDraining)
    return invalid_parameter("The task set " + id + " is DRAINING.");
  return set;
}

}  // namespace

int computed_desired_count(const model::Service& service, const model::Deployment& set) {
  if (set.status == DeploymentStatus::kDraining) return 0;
  constexpr double kHundred = 100;
  return static_cast<int>(std::ceil(service.desired_count * set.scale / kHundred));
}

Result<const model::Service*> service_of_task_sets(const State& state, const std::string& key) {
  auto service = active_service(state, key);
  if (!service || (*service)->controller == model::DeploymentController::kExternal) return service;
  return invalid_parameter("Task sets are only of services with the EXTERNAL deployment controller.");
}

Result<const model::Deployment*> find_task_set(const State& state, const std::string& key,
                                               std::string_view id_or_arn) {
  std::string_view id = id_or_arn;
  if (aws::looks_like_arn(id)) {
    const std::string_view name = aws::name_in(aws::EcsKind::kTaskSet, id);
    id = name.starts_with(key + "/") ? name.substr(key.size() + 1) : std::string_view();
  }
  const model::Service* service = state.services.find(key);
  const auto& sets = service->deployments;
  const auto it = std::find_if(sets.begin(), sets.end(), [&](const auto& each) {
    return each.id == id || each.id.substr(kIdPrefix.size()) == id;
  });
  if (it != sets.end()) return &*it;
  return fault("TaskSetNotFoundException", "The specified task set was not found.");
}

Result<std::string> create_task_set(Step& step, const std::string& key, model::Deployment wanted) {
  const auto found = service_of_task_sets(step.state, key);
  if (!found) return found.error();
  const model::Service& service = **found;
  for (const model::Deployment& each : service.deployments) {
    if (!wanted.client_token.empty() && each.client_token == wanted.client_token) return each.id;
  }
  if (service.deployments.size() >= kMaxTaskSets) {
    return fault("LimitExceededException",
                 "A service can have at most " + std::to_string(kMaxTaskSets) + " task sets.");
  }
  const auto definition = runnable_definition(step, wanted.task_definition_arn);
  if (!definition) return definition.error();
  if (auto ok = check_load_balancers(step.state, **definition, wanted.load_balancers); !ok) return ok.error();
  if (auto ok = check_registries(step, **definition, wanted.registries); !ok) return ok.error();
  model::Deployment set = new_deployment(step, service);
  set.status = DeploymentStatus::kActive;
  set.task_definition_arn = (*definition)->arn;
  set.rollout_state = model::RolloutState::kCompleted;
  set.rollout_state_reason.clear();
  set.load_balancers = std::move(wanted.load_balancers);
  set.registries = std::move(wanted.registries);
  set.strategy = std::move(wanted.strategy);
  set.launch_type = wanted.launch_type;
  set.external_id = std::move(wanted.external_id);
  set.client_token = std::move(wanted.client_token);
  set.tags = std::move(wanted.tags);
  set.scale = wanted.scale;
  set.stable_at = step.now;
  set.desired_count = computed_desired_count(service, set);
  const std::string id = set.id;
  rows(step).services.edit(key, [&](model::Service& row) {
    row.deployments.push_back(std::move(set));
    row.failed_starts = 0;
    row.next_start_at.reset();
  });
  return id;
}

Result<void> scale_task_set(Step& step, const std::string& key, const std::string& id, double scale) {
  if (auto set = set_that_stays(step.state, key, id); !set) return set.error();
  const model::Service& service = *step.state.services.find(key);
  edit_set(step, key, id, [&](model::Deployment& set) {
    set.scale = scale;
    set.desired_count = computed_desired_count(service, set);
    if (set.stable) set.stable_at = step.now;
    set.stable = false;
  });
  return {};
}

Result<void> delete_task_set(Step& step, const std::string& key, const std::string& id, ForceTaskSet force) {
  const auto service = service_of_task_sets(step.state, key);
  if (!service) return service.error();
  const auto set = find_task_set(step.state, key, id);
  if (!set) return set.error();
  if ((*set)->status == DeploymentStatus::kDraining) return {};
  if (force == ForceTaskSet::kNo) {
    if ((*set)->status == DeploymentStatus::kPrimary)
      return invalid_parameter("The primary task set cannot be deleted without force.");
    if (computed_desired_count(**service, **set) > 0)
      return invalid_parameter(
          "The task set cannot be deleted while it is scaled above 0, unless force is used.");
  }
  const bool primary = (*set)->status == DeploymentStatus::kPrimary;
  edit_set(step, key, id, [&](model::Deployment& row) {
    row.status = DeploymentStatus::kDraining;
    row.desired_count = 0;
  });
  if (!primary) return {};
  rows(step).services.edit(key, [](model::Service& row) {
    row.task_definition_arn.clear();
    row.load_balancers.clear();
    row.registries.clear();
    row.strategy.clear();
  });
  return {};
}

Result<void> make_primary(Step& step, const std::string& key, const std::string& id) {
  if (auto set = set_that_stays(step.state, key, id); !set) return set.error();
  rows(step).services.edit(key, [&](model::Service& row) {
    for (model::Deployment& each : row.deployments) {
      if (each.id != id && each.status == DeploymentStatus::kPrimary) each.status = DeploymentStatus::kActive;
      if (each.id == id) each.status = DeploymentStatus::kPrimary;
      each.updated_at = step.now;
    }
    const auto it = std::find_if(row.deployments.begin(), row.deployments.end(),
                                 [&](const auto& each) { return each.id == id; });
    std::rotate(row.deployments.begin(), it, it + 1);
    const model::Deployment& primary = row.deployments.front();
    row.task_definition_arn = primary.task_definition_arn;
    row.load_balancers = primary.load_balancers;
    row.registries = primary.registries;
    row.strategy = primary.strategy;
    row.launch_type = primary.launch_type;
  });
  return {};
}

}  // namespace agent::control
