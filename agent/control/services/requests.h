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

// What create_service says of load balancers, and task sets too. InvalidParameterException.
shared::Result<void> check_load_balancers(const State& state, const model::TaskDefinition& definition,
                                          const std::vector<model::ServiceLoadBalancer>& wanted);

// Each is a service of Cloud Map here whose records the tasks can give: in network mode awsvpc all, elsewhere
// those that name a port of a container. InvalidParameterException.
shared::Result<void> check_registries(const Step& step, const model::TaskDefinition& definition,
                                      const std::vector<model::ServiceRegistry>& wanted);

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
  std::optional<std::vector<model::ServiceRegistry>> registries;
  std::optional<std::vector<model::PlacementStrategy>> placement_strategy;
  std::optional<std::vector<model::PlacementConstraint>> placement_constraints;
  std::optional<int> health_check_grace_seconds;
  std::optional<std::string> propagate_tags;
  std::optional<bool> enable_ecs_managed_tags;
  std::optional<bool> enable_execute_command;
  std::optional<std::string> document;
  std::optional<std::vector<model::StrategyItem>> strategy;  // of capacity providers; empty: launch type EC2
  bool force_new_deployment = false;
};

enum class StopType { kRollback, kAbort };
// Errors: those of active_service, runnable_definition and what create_service says of load balancers.
shared::Result<void> update_service(Step& step, const std::string& key, const UpdateService& update);

enum class ForceDelete { kNo, kYes };
// Errors: ServiceNotFoundException, also for one that was deleted; InvalidParameterException without force
// while it is scaled above 0.
shared::Result<void> delete_service(Step& step, const std::string& key, ForceDelete force);

// StopServiceDeployment: back to what was last completed, or no further. `key` is of its row. Error codes:
// ServiceDeploymentNotFoundException; ConflictException for one that is over, or goes back already;
// InvalidParameterException when there is nothing to go back to.
shared::Result<void> stop_service_deployment(Step& step, const std::string& key, StopType type);

// A deployment of what the service asks for now, and making it the PRIMARY one.
model::Deployment new_deployment(Step& step, const model::Service& service);
void begin_deployment(model::Service& service, model::Deployment deployment);
// Makes what was last completed the PRIMARY deployment again; false: nothing was, or it is what failed.
bool roll_back_to_completed(Step& step, const std::string& service_key, const std::string& why);

}  // namespace agent::control
