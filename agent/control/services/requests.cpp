#include "agent/control/services/requests.h"

// What callers ask of services: create, update, delete. The reconciler in services.cpp does the rest.
#include <algorithm>

#include "agent/control/elb/target_health.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/service_log.h"
#include "agent/control/tasks/service_events.h"
#include "agent/scheduler/query.h"

namespace agent::control {

using shared::Result;

namespace {

constexpr std::size_t kDeploymentDigits = 19;
constexpr std::size_t kMaxTargetGroups = 5;
constexpr std::size_t kMaxConstraints = 10;

Result<const model::TaskDefinition*> usable_definition(const State& state, const std::string& arn) {
  const model::TaskDefinition* definition = find_task_definition(state, arn);
  if (definition == nullptr) return client_exception("TaskDefinition not found.");
  if (definition->status != model::TaskDefinitionStatus::kActive) {
    return client_exception("TaskDefinition is inactive");
  }
  return definition;
}

Result<void> check_port(const model::TaskDefinition& definition, const model::ServiceLoadBalancer& wanted) {
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

Result<void> check_load_balancers(const State& state, const model::TaskDefinition& definition,
                                  const std::vector<model::ServiceLoadBalancer>& wanted) {
  if (wanted.size() > kMaxTargetGroups) {
    return invalid_parameter("loadBalancers: at most " + std::to_string(kMaxTargetGroups) +
                             " target groups per service");
  }
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
    if (auto ok = check_port(definition, each); !ok) return ok;
  }
  return {};
}

Result<void> check_constraints(const std::vector<model::PlacementConstraint>& constraints) {
  if (constraints.size() > kMaxConstraints) {
    return invalid_parameter("placementConstraints: at most " + std::to_string(kMaxConstraints));
  }
  for (const model::PlacementConstraint& each : constraints) {
    if (each.type != model::ConstraintType::kMemberOf) continue;
    if (auto query = scheduler::Query::parse(each.expression); !query) return query.error();
  }
  return {};
}

Result<model::Service*> active_service(Step& step, const std::string& key) {
  const model::Service* found = step.state.services.find(key);
  if (found == nullptr) return fault("ServiceNotFoundException", "Service not found.");
  if (found->status != model::ServiceStatus::kActive) {
    return fault("ServiceNotActiveException", "Service was not ACTIVE.");
  }
  return step.state.services.edit(key);
}

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

model::Deployment new_deployment(Step& step, const model::Service& service) {
  model::Deployment deployment;
  deployment.id = "ecs-svc/" + step.random.decimal(kDeploymentDigits);
  deployment.task_definition_arn = service.task_definition_arn;
  deployment.rollout_state_reason = "ECS deployment " + deployment.id + " in progress.";
  deployment.desired_count = service.desired_count;
  deployment.load_balancers = service.load_balancers;
  deployment.created_at = step.now;
  deployment.updated_at = step.now;
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
  if (service.scheduling == model::SchedulingStrategy::kDaemon) {
    return fault("UnsupportedFeatureException",
                 "schedulingStrategy DAEMON is not offered: use REPLICA with a distinctInstance constraint.");
  }
  if (service.launch_type == model::LaunchType::kFargate) {
    return invalid_parameter(
        "launch type FARGATE has no capacity here: tasks run on registered container instances, use "
        "EC2 or EXTERNAL");
  }
  auto definition = usable_definition(step.state, service.task_definition_arn);
  if (!definition) return definition.error();
  if (auto ok = check_load_balancers(step.state, **definition, service.load_balancers); !ok)
    return ok.error();
  if (auto ok = check_constraints(service.placement_constraints); !ok) return ok.error();

  service.task_definition_arn = (*definition)->arn;
  service.arn = step.arn("ecs", "service/" + service.cluster + "/" + service.name);
  service.status = model::ServiceStatus::kActive;
  service.created_at = step.now;
  erase_events(step.state, key);  // of a deleted one of this name
  service.deployments = {new_deployment(step, service)};
  step.state.services.put(key, std::move(service));
  return key;
}

Result<void> update_service(Step& step, const std::string& key, const UpdateService& update) {
  auto found = active_service(step, key);
  if (!found) return found.error();
  model::Service& service = **found;
  if (update.placement_constraints) {
    if (auto ok = check_constraints(*update.placement_constraints); !ok) return ok;
  }
  std::string definition_arn = service.task_definition_arn;
  if (update.task_definition_arn) {
    auto definition = usable_definition(step.state, *update.task_definition_arn);
    if (!definition) return definition.error();
    definition_arn = (*definition)->arn;
  }
  const auto& balancers = update.load_balancers ? *update.load_balancers : service.load_balancers;
  const bool new_one = update.force_new_deployment || definition_arn != service.task_definition_arn ||
                       differs(update.load_balancers, service.load_balancers);
  if (new_one) {
    const model::TaskDefinition* definition = find_task_definition(step.state, definition_arn);
    if (definition == nullptr) return client_exception("TaskDefinition not found.");
    if (auto ok = check_load_balancers(step.state, *definition, balancers); !ok) return ok;
  }
  apply_plain_members(service, update);
  service.load_balancers = std::vector(balancers);
  service.task_definition_arn = definition_arn;
  if (update.desired_count) {
    service.desired_count = *update.desired_count;
    if (!service.deployments.empty()) {
      service.deployments.front().desired_count = *update.desired_count;
      service.deployments.front().updated_at = step.now;
    }
  }
  if (new_one) begin_deployment(service, new_deployment(step, service));
  return {};
}

Result<void> delete_service(Step& step, const std::string& key, ForceDelete force) {
  const model::Service* found = step.state.services.find(key);
  if (found == nullptr || found->status == model::ServiceStatus::kInactive) {
    return fault("ServiceNotFoundException", "Service not found.");
  }
  if (found->status == model::ServiceStatus::kDraining) return {};
  if (force == ForceDelete::kNo && found->scheduling == model::SchedulingStrategy::kReplica &&
      found->desired_count > 0) {
    return invalid_parameter("The service cannot be stopped while it is scaled above 0.");
  }
  model::Service* service = step.state.services.edit(key);
  service->status = model::ServiceStatus::kDraining;
  service->desired_count = 0;
  service->deployments.clear();
  return {};
}

}  // namespace agent::control
