// Services: creating, changing and deleting them, as ECS does.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Errors: ServiceNotFoundException; ServiceNotActiveException.
shared::Result<const model::Service*> find_service(const State& state, const std::string& key);
shared::Result<const model::Service*> active_service(const State& state, const std::string& key);

// `service` comes filled from the request (name, cluster, desired_count, task_definition_arn, load_balancers,
// ...); ARN, deployment, times are set here. Checks what needs state: target groups exist, are attached to a
// load balancer and fit the network mode; the named container has the port; the name is free ("Creation of
// service was not idempotent.", "Unable to Start a service that is still Draining."). Returns the row key; an
// identical repeat returns the existing.
shared::Result<std::string> create_service(Step& step, model::Service service);

struct UpdateService {
  std::optional<int> desired_count;
  std::optional<std::string> task_definition_arn;
  std::optional<model::DeploymentConfiguration> configuration;
  std::optional<std::vector<model::ServiceLoadBalancer>> load_balancers;
  std::optional<std::vector<model::PlacementStrategy>> placement_strategy;
  std::optional<std::vector<model::PlacementConstraint>> placement_constraints;
  std::optional<int> health_check_grace_seconds;
  std::optional<std::string> propagate_tags;
  std::optional<bool> enable_ecs_managed_tags;
  std::optional<bool> enable_execute_command;
  std::optional<std::string> document;
  bool force_new_deployment = false;
};
// Errors: those of active_service, runnable_definition and what create_service says of load balancers.
shared::Result<void> update_service(Step& step, const std::string& key, const UpdateService& update);

enum class ForceDelete { kNo, kYes };
// Errors: ServiceNotFoundException, also for one that was deleted; InvalidParameterException without force
// while it is scaled above 0.
shared::Result<void> delete_service(Step& step, const std::string& key, ForceDelete force);

// A deployment of what the service asks for now, and making it the PRIMARY one.
model::Deployment new_deployment(Step& step, const model::Service& service);
void begin_deployment(model::Service& service, model::Deployment deployment);

}  // namespace agent::control
