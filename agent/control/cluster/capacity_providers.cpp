#include "agent/control/cluster/capacity_providers.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control {

using shared::Result;

namespace {

shared::Error no_such_provider() {
  return client_exception(
      "The specified capacity provider does not exist. Specify a valid name or ARN and try again.");
}

bool is_builtin(const std::string& name) {
  const auto& all = builtin_providers();
  return std::find(all.begin(), all.end(), name) != all.end();
}

bool names_it(const std::vector<model::StrategyItem>& strategy, const std::string& provider) {
  return std::any_of(strategy.begin(), strategy.end(),
                     [&](const auto& each) { return each.provider == provider; });
}

bool is_used_in(const State& state, const std::string& cluster, const std::string& provider) {
  bool used = false;
  each_of_cluster(state.services, cluster, [&](const model::Service& service) {
    const bool there = service.status != model::ServiceStatus::kInactive;
    used = used || (there && names_it(service.strategy, provider));
  });
  each_of_cluster(state.tasks, cluster, [&](const model::Task& task) {
    used = used || (task.last_status != model::TaskStatus::kStopped && task.capacity_provider == provider);
  });
  return used;
}

}  // namespace

const std::vector<std::string>& builtin_providers() {
  static const std::vector<std::string> kNames{"FARGATE", "FARGATE_SPOT"};
  return kNames;
}

Result<std::string> capacity_provider_name(const aws::Realm& realm, std::string_view name_or_arn) {
  if (!aws::looks_like_arn(name_or_arn)) return std::string(name_or_arn);
  const auto named = aws::parse_ecs_arn(realm, name_or_arn);
  if (!named) return named.error();
  if (named->kind != aws::EcsKind::kCapacityProvider)
    return invalid_parameter("Invalid identifier: '" + std::string(name_or_arn) +
                             "' is not the ARN of a capacity provider.");
  return named->parts[0];
}

Result<void> create_capacity_provider(Step& step, model::CapacityProvider wanted) {
  if (is_builtin(wanted.name) || step.state.capacity_providers.find(wanted.name) != nullptr) {
    return client_exception("A capacity provider with the name '" + wanted.name +
                            "' already exists. Specify a different name and try again.");
  }
  if (step.state.capacity_providers.rows().size() >= kMaxCapacityProviders) {
    return fault("LimitExceededException",
                 "There can be at most " + std::to_string(kMaxCapacityProviders) + " capacity providers.");
  }
  if (auto checked = check_capacity_provider(wanted); !checked) return checked;
  wanted.arn = step.arn(aws::EcsKind::kCapacityProvider, wanted.name);
  wanted.created_at = step.now;
  const std::string name = wanted.name;
  rows(step).capacity_providers.put(name, std::move(wanted));
  return {};
}

void apply(model::CapacityProvider& row, const UpdateCapacityProvider& update) {
  row.scaling.enabled = update.scaling_enabled.value_or(row.scaling.enabled);
  row.scaling.target_capacity = update.target_capacity.value_or(row.scaling.target_capacity);
  row.scaling.minimum_step = update.minimum_step.value_or(row.scaling.minimum_step);
  row.scaling.maximum_step = update.maximum_step.value_or(row.scaling.maximum_step);
  row.scaling.warmup_seconds = update.warmup_seconds.value_or(row.scaling.warmup_seconds);
  row.termination_protection = update.termination_protection.value_or(row.termination_protection);
  row.managed_draining = update.managed_draining.value_or(row.managed_draining);
}

Result<void> check_capacity_provider(const model::CapacityProvider& row) {
  const auto between = [](int value, int least, int most) { return value >= least && value <= most; };
  const model::ManagedScaling& scaling = row.scaling;
  const struct {
    const char* member;
    int value, least, most;
  } limits[] = {{"targetCapacity", scaling.target_capacity, 1, 100},
                {"minimumScalingStepSize", scaling.minimum_step, 1, 10'000},
                {"maximumScalingStepSize", scaling.maximum_step, 1, 10'000},
                {"instanceWarmupPeriod", scaling.warmup_seconds, 0, 10'000}};
  for (const auto& each : limits) {
    if (between(each.value, each.least, each.most)) continue;
    return invalid_parameter(std::string(each.member) + " must be between " + std::to_string(each.least) +
                             " and " + std::to_string(each.most) + ", got " + std::to_string(each.value) +
                             ".");
  }
  if (scaling.minimum_step > scaling.maximum_step)
    return invalid_parameter("minimumScalingStepSize must not be above maximumScalingStepSize.");
  if (row.termination_protection && !scaling.enabled) {
    return invalid_parameter(
        "The managed termination protection setting for the capacity provider is invalid. To enable managed "
        "termination protection for a capacity provider, managed scaling must be enabled.");
  }
  return {};
}

Result<void> update_capacity_provider(Step& step, const std::string& name,
                                      const UpdateCapacityProvider& update) {
  if (is_builtin(name)) return client_exception("The capacity provider " + name + " cannot be updated.");
  const model::CapacityProvider* found = step.state.capacity_providers.find(name);
  if (found == nullptr) return no_such_provider();
  model::CapacityProvider changed = *found;
  apply(changed, update);
  if (auto checked = check_capacity_provider(changed); !checked) return checked;
  changed.update_status = "UPDATE_COMPLETE";
  rows(step).capacity_providers.put(name, std::move(changed));
  return {};
}

Result<model::CapacityProvider> delete_capacity_provider(Step& step, const std::string& name) {
  if (is_builtin(name)) return client_exception("The capacity provider " + name + " cannot be deleted.");
  const model::CapacityProvider* found = step.state.capacity_providers.find(name);
  if (found == nullptr) return no_such_provider();
  for (const auto& [cluster, row] : step.state.clusters.rows()) {
    const auto& attached = row.capacity_providers;
    const bool there = row.status == model::ClusterStatus::kActive &&
                       std::find(attached.begin(), attached.end(), name) != attached.end();
    if (there || is_used_in(step.state, cluster, name)) {
      return client_exception(
          "The capacity provider cannot be deleted because it is associated with cluster: " + cluster +
          ". Remove the capacity provider from the cluster and try again.");
    }
  }
  model::CapacityProvider gone = *found;
  rows(step).capacity_providers.erase(name);
  return gone;
}

Result<void> check_providers(const State& state, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_builtin(name) || state.capacity_providers.find(name) != nullptr) continue;
    return invalid_parameter("The specified capacity provider '" + name + "' was not found.");
  }
  return {};
}

Result<void> put_cluster_providers(Step& step, const std::string& cluster, std::vector<std::string> names,
                                   std::vector<model::StrategyItem> default_strategy) {
  if (auto checked = check_providers(step.state, names); !checked) return checked;
  for (const std::string& each : step.state.clusters.find(cluster)->capacity_providers) {
    if (std::find(names.begin(), names.end(), each) != names.end()) continue;
    if (is_used_in(step.state, cluster, each)) {
      return fault("ResourceInUseException",
                   "The specified capacity provider is in use and cannot be removed.");
    }
  }
  rows(step).clusters.edit(cluster, [&](model::Cluster& row) {
    row.capacity_providers = std::move(names);
    row.default_strategy = std::move(default_strategy);
  });
  return {};
}

}  // namespace agent::control
