#include "agent/control/services/requests.h"

// What callers ask of services: create, update, delete. The reconciler in services.cpp does the rest.
#include <algorithm>

#include "agent/control/discovery/discovery.h"
#include "agent/control/elb/target_health.h"
#include "agent/control/services/history.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/services/strategy/traffic.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/service_log.h"
#include "agent/control/tasks/service_events.h"
#include "agent/control/tasks/tasks.h"
#include "agent/model/words.h"

namespace agent::control {

using shared::Result;

namespace {

constexpr std::size_t kDeploymentDigits = 19;

struct WantedPort {
  const std::string& container_name;
  int container_port;
};

Result<void> check_port(const model::TaskDefinition& definition, const WantedPort& wanted) {
  const auto container = std::find_if(definition.containers.begin(), definition.containers.end(),
                                      [&](const auto& each) { return each.name == wanted.container_name; });
  if (container == definition.containers.end()) {
    return invalid_parameter("The container " + wanted.container_name +
                             " does not exist in the task definition.");
  }
  const bool mapped =
      std::any_of(container->port_mappings.begin(), container->port_mappings.end(),
                  [&](const auto& each) { return each.container_port == wanted.container_port; });
  if (!mapped) {
    return invalid_parameter("The container " + wanted.container_name + " did not have a container port " +
                             std::to_string(wanted.container_port) + " defined.");
  }
  return {};
}

shared::Error service_not_found() { return fault("ServiceNotFoundException", "Service not found."); }

template <class T>
bool differs(const std::optional<T>& wanted, const T& has) {
  return wanted && !(*wanted == has);
}

void apply_plain_members(model::Service& service, const UpdateService& update) {
  if (update.configuration) service.configuration = *update.configuration;
  if (update.placement_strategy) service.placement_strategy = *update.placement_strategy;
  if (update.placement_constraints) service.placement_constraints = *update.placement_constraints;
  if (update.health_check_grace_seconds) {
    service.health_check_grace_seconds = *update.health_check_grace_seconds;
  }
  if (update.propagate_tags) service.propagate_tags = *update.propagate_tags;
  if (update.enable_ecs_managed_tags) service.enable_ecs_managed_tags = *update.enable_ecs_managed_tags;
  if (update.enable_execute_command) service.enable_execute_command = *update.enable_execute_command;
  if (update.document) service.document = *update.document;
}

}  // namespace

Result<void> check_load_balancers(const State& state, const model::TaskDefinition& definition,
                                  const std::vector<model::ServiceLoadBalancer>& wanted) {
  for (const model::ServiceLoadBalancer& each : wanted) {
    const model::TargetGroup* group = state.target_groups.find(each.target_group_arn);
    if (group == nullptr) {
      return invalid_parameter("The specified target group does not exist: " + each.target_group_arn);
    }
    if (load_balancers_of(state, each.target_group_arn).empty()) {
      return invalid_parameter("The target group with targetGroupArn " + each.target_group_arn +
                               " does not have an associated load balancer.");
    }
    if (definition.network_mode == model::NetworkMode::kAwsvpc && group->target_type != "ip") {
      return invalid_parameter(
          "The provided target group " + each.target_group_arn + " has target type " + group->target_type +
          ", which is incompatible with the awsvpc network mode specified in the task definition.");
    }
    if (definition.network_mode == model::NetworkMode::kNone) {
      return invalid_parameter("loadBalancers: tasks with network mode none have no ports to balance to");
    }
    if (auto ok = check_port(definition, {each.container_name, each.container_port}); !ok) return ok;
  }
  return {};
}

Result<void> check_registries(const Step& step, const model::TaskDefinition& definition,
                              const std::vector<model::ServiceRegistry>& wanted) {
  for (const model::ServiceRegistry& each : wanted) {
    const auto found = discovery::find_service(step, each.arn);
    if (!found || (*found)->arn != each.arn)
      return invalid_parameter("serviceRegistries: the service registry " + each.arn + " does not exist.");
    const auto& records = (*found)->records;
    const auto has_record = [&](std::string_view type) {
      return std::any_of(records.begin(), records.end(), [&](const auto& one) { return one.type == type; });
    };
    if (has_record("CNAME"))
      return invalid_parameter("serviceRegistries: " + each.arn +
                               " has CNAME records, which tasks cannot be registered in.");
    const bool named = !each.container_name.empty();
    if (named) {
      if (auto ok = check_port(definition, {each.container_name, each.container_port}); !ok) return ok;
    }
    if (definition.network_mode == model::NetworkMode::kAwsvpc) {
      if (has_record("SRV") && !named && each.port == 0)
        return invalid_parameter(
            "serviceRegistries: an SRV record needs a port, or a containerName and containerPort.");
      continue;
    }
    if (definition.network_mode == model::NetworkMode::kNone)
      return invalid_parameter("serviceRegistries: tasks with network mode none cannot be reached.");
    if (has_record("A") || has_record("AAAA"))
      return invalid_parameter(
          "serviceRegistries: " + each.arn +
          " has address records, which are for tasks with an address of their own (network mode awsvpc); in "
          "network modes bridge and host the record must be SRV.");
    if (!named)
      return invalid_parameter(
          "serviceRegistries: containerName and containerPort are required in network modes bridge and "
          "host.");
  }
  return {};
}

Result<const model::Service*> find_service(const State& state, const std::string& key) {
  if (const model::Service* found = state.services.find(key)) return found;
  return service_not_found();
}

Result<const model::Service*> active_service(const State& state, const std::string& key) {
  auto found = find_service(state, key);
  if (!found || (*found)->status == model::ServiceStatus::kActive) return found;
  return fault("ServiceNotActiveException", "Service was not ACTIVE.");
}

model::Deployment new_deployment(Step& step, const model::Service& service) {
  model::Deployment deployment;
  deployment.id = "ecs-svc/" + step.random.decimal(kDeploymentDigits);
  deployment.task_definition_arn = service.task_definition_arn;
  deployment.rollout_state_reason = "ECS deployment " + deployment.id + " in progress.";
  deployment.desired_count = service.desired_count;
  deployment.strategy = service.strategy;
  deployment.registries = service.registries;
  deployment.revision = deployment.id.substr(deployment.id.find('/') + 1);
  deployment.created_at = step.now;
  deployment.updated_at = step.now;
  prepare_rollout(step, service, deployment);
  if (deployment.rollout.kind != model::DeploymentStrategy::kRolling) deployment.desired_count = 0;
  return deployment;
}

void begin_deployment(model::Service& service, model::Deployment deployment) {
  for (model::Deployment& each : service.deployments) {
    if (each.status == model::DeploymentStatus::kPrimary) each.status = model::DeploymentStatus::kActive;
  }
  service.deployments.insert(service.deployments.begin(), std::move(deployment));
  service.failed_starts = 0;
  service.next_start_at.reset();
}

Result<std::string> create_service(Step& step, model::Service service) {
  const std::string key = key_of(service);
  if (const model::Service* existing = step.state.services.find(key)) {
    if (existing->status == model::ServiceStatus::kDraining) {
      return invalid_parameter("Unable to Start a service that is still Draining.");
    }
    if (existing->status == model::ServiceStatus::kActive) {
      const bool same_token = !service.client_token.empty() && service.client_token == existing->client_token;
      if (same_token || service.create_request == existing->create_request) return key;
      return invalid_parameter("Creation of service was not idempotent.");
    }
  }
  if (service.controller == model::DeploymentController::kExternal) {
    service.arn = step.arn(aws::EcsKind::kService, key);
    service.status = model::ServiceStatus::kActive;
    service.created_at = step.now;
    erase_events(rows(step), key);
    erase_history(rows(step), key);
    rows(step).services.put(key, std::move(service));
    return key;
  }
  auto definition = runnable_definition(step, service.task_definition_arn);
  if (!definition) return definition.error();
  if (auto ok = check_load_balancers(step.state, **definition, service.load_balancers); !ok)
    return ok.error();
  if (auto ok = check_registries(step, **definition, service.registries); !ok) return ok.error();
  if (auto ok = check_traffic(step.state, service.configuration.strategy, service.load_balancers, {}); !ok)
    return ok.error();

  service.task_definition_arn = (*definition)->arn;
  service.arn = step.arn(aws::EcsKind::kService, key);
  service.status = model::ServiceStatus::kActive;
  service.created_at = step.now;
  erase_events(rows(step), key);  // of a deleted one of this name
  service.deployments = {new_deployment(step, service)};
  erase_history(rows(step), key);
  rows(step).services.put(key, std::move(service));
  note_deployment_begun(step, key);
  return key;
}

Result<void> update_service(Step& step, const std::string& key, const UpdateService& update) {
  auto found = active_service(step.state, key);
  if (!found) return found.error();
  const model::Service& service = **found;
  std::string definition_arn = service.task_definition_arn;
  if (update.task_definition_arn) {
    auto definition = runnable_definition(step, *update.task_definition_arn);
    if (!definition) return definition.error();
    definition_arn = (*definition)->arn;
  }
  const auto& balancers = update.load_balancers ? *update.load_balancers : service.load_balancers;
  const bool new_one = update.force_new_deployment || definition_arn != service.task_definition_arn ||
                       differs(update.load_balancers, service.load_balancers) ||
                       differs(update.registries, service.registries);
  if (differs(update.strategy, service.strategy) && !update.force_new_deployment) {
    return invalid_parameter(
        "When the capacity provider strategy of a service changes, you must force a new deployment: give "
        "forceNewDeployment true.");
  }
  if (new_one) {
    const model::TaskDefinition* definition = find_task_definition(step.state, definition_arn);
    if (definition == nullptr) return client_exception("TaskDefinition not found.");
    if (auto ok = check_load_balancers(step.state, *definition, balancers); !ok) return ok;
    const auto& registries = update.registries ? *update.registries : service.registries;
    if (auto ok = check_registries(step, *definition, registries); !ok) return ok;
  }
  if (new_one || update.configuration) {
    const auto& strategy = (update.configuration ? *update.configuration : service.configuration).strategy;
    if (auto ok = check_traffic(step.state, strategy, balancers, service.load_balancers); !ok) return ok;
  }
  rows(step).services.edit(key, [&](model::Service& row) {
    apply_plain_members(row, update);
    if (update.load_balancers) row.load_balancers = *update.load_balancers;
    if (update.registries) row.registries = *update.registries;
    row.task_definition_arn = definition_arn;
    if (update.strategy) row.strategy = *update.strategy;
    if (update.strategy && update.strategy->empty()) row.launch_type = model::LaunchType::kEc2;
    if (update.desired_count) {
      row.desired_count = *update.desired_count;
      if (!row.deployments.empty() && row.controller == model::DeploymentController::kEcs &&
          !goes_by_stages(row)) {
        row.deployments.front().desired_count = *update.desired_count;
        row.deployments.front().updated_at = step.now;
      }
    }
    if (new_one) begin_deployment(row, new_deployment(step, row));
  });
  if (new_one) note_deployment_begun(step, key);
  return {};
}

Result<void> delete_service(Step& step, const std::string& key, ForceDelete force) {
  const auto named = find_service(step.state, key);
  if (!named) return named.error();
  const model::Service* found = *named;
  if (found->status == model::ServiceStatus::kInactive) return service_not_found();
  if (found->status == model::ServiceStatus::kDraining) return {};
  if (force == ForceDelete::kNo && found->scheduling == model::SchedulingStrategy::kReplica &&
      found->desired_count > 0) {
    return invalid_parameter("The service cannot be stopped while it is scaled above 0.");
  }
  note_service_deleted(step, key);
  rows(step).services.edit(key, [](model::Service& service) {
    service.status = model::ServiceStatus::kDraining;
    service.desired_count = 0;
    service.deployments.clear();
  });
  return {};
}

bool roll_back_to_completed(Step& step, const std::string& key, const std::string& why) {
  const model::Service& found = *step.state.services.find(key);
  const model::Deployment failing = found.deployments.front();
  const std::string definition = found.last_completed_task_definition;
  if (definition.empty() || failing.is_rollback) return false;
  const model::ServiceRevision* revision = revision_of(step.state, key, found.last_completed_revision);
  std::string predecessor;
  rows(step).services.edit(key, [&](model::Service& service) {
    const auto completed =
        std::find_if(service.deployments.begin(), service.deployments.end(), [&](const auto& each) {
          return each.rollout_state == model::RolloutState::kCompleted &&
                 each.task_definition_arn == definition;
        });
    const bool there = completed != service.deployments.end();
    service.task_definition_arn = definition;
    if (revision != nullptr) {
      service.load_balancers = revision->load_balancers;
      service.registries = revision->registries;
      service.strategy = revision->strategy;
    } else if (there) {
      service.load_balancers = completed->load_balancers;
      service.registries = completed->registries;
    }
    model::Deployment back = new_deployment(step, service);
    predecessor = there ? completed->id : back.id;
    back.is_rollback = true;
    // It is the revision of then once more.
    back.revision = service.last_completed_revision;
    back.rollout_state_reason = why + ": rolling back to deploymentId " + predecessor + ".";
    begin_deployment(service, std::move(back));
  });
  add_event(step, *step.state.services.find(key), "rolling back to deployment " + predecessor + ".");
  return true;
}

Result<void> stop_service_deployment(Step& step, const std::string& key, StopType type) {
  const model::ServiceDeployment* row = step.state.service_deployments.find(key);
  if (row == nullptr) {
    return fault("ServiceDeploymentNotFoundException", "The service deployment was not found.");
  }
  if (row->status != model::ServiceDeploymentStatus::kInProgress) {
    return fault("ConflictException", "The service deployment is not in progress: its status is " +
                                          std::string(model::word(row->status)) + ".");
  }
  const std::string service_key = owner_key(key);
  const auto active = active_service(step.state, service_key);
  if (!active) return active.error();
  const model::Deployment failing = (*active)->deployments.front();
  const std::string why = "ECS deployment stopped by a call of StopServiceDeployment";
  if (goes_by_stages(**active) && failing.rollout.stage == model::LifecycleStage::kCleanUp) {
    return fault("ConflictException",
                 "The service deployment cannot be stopped at its stage CLEAN_UP: the former revision is "
                 "being stopped already.");
  }
  const bool nothing_before = failing.rollout.source.empty() &&
                              ((*active)->last_completed_task_definition.empty() || failing.is_rollback);
  if (type == StopType::kRollback && nothing_before) {
    return invalid_parameter(
        "There is no completed deployment of the service to roll back to. Use stopType ABORT to go no "
        "further.");
  }
  rows(step).services.edit(service_key, [&](model::Service& service) {
    model::Deployment& primary = service.deployments.front();
    primary.rollout_state = model::RolloutState::kFailed;
    primary.rollout_state_reason = why + ".";
    primary.updated_at = step.now;
  });
  add_event(step, **active,
            "(deployment " + failing.id + ") deployment stopped by a call of StopServiceDeployment.");
  if (type == StopType::kAbort) {
    note_deployment_failed(step, service_key, {FailedBy::kCaller});
  } else if (go_back_to_source(step, service_key, why) || roll_back_to_completed(step, service_key, why)) {
    note_rollback_begun(step, service_key, {FailedBy::kCaller});
  } else {
    note_deployment_failed(step, service_key, {FailedBy::kCaller});
  }
  return {};
}

}  // namespace agent::control
