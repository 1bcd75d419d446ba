#include "agent/api/ecs/services/service_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/services/deployment_configuration.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxTokenChars = 36;
constexpr const char* kServiceRole = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";

// What a service of ours cannot have, with the reason.
Result<void> refuse_unsupported(const json& in) {
  struct Feature {
    const char* member;
    const char* text;
  };
  for (const Feature& each :
       {Feature{"vpcLatticeConfigurations", "VPC Lattice is not offered: use a load balancer."},
        Feature{"volumeConfigurations",
                "volumeConfigurations are not offered: volumes are directories of the host or Docker "
                "volumes."}}) {
    if (!list_in(in, each.member).empty()) return unsupported(each.text);
  }
  if (boolean_in(object_in(in, "serviceConnectConfiguration"), "enabled").value_or(false)) {
    return unsupported("Service Connect is not offered: use a load balancer.");
  }
  const std::string controller = text_in(object_in(in, "deploymentController"), "type");
  if (!controller.empty() && !is_one_of(controller, {"ECS", "EXTERNAL"})) {
    return unsupported("The deployment controller " + controller +
                       " is not offered: leave it out or use ECS or EXTERNAL.");
  }
  return {};
}

// Members that are only echoed, laid over those that were there.
std::string document_in(const json& in, const std::string& before) {
  auto parsed = shared::json::parse(before.empty() ? "{}" : before);
  json document = parsed && parsed->is_object() ? *std::move(parsed) : json::object();
  if (has(in, "availabilityZoneRebalancing")) {
    document["availabilityZoneRebalancing"] = text_in(in, "availabilityZoneRebalancing");
  }
  if (has(in, "serviceConnectConfiguration")) {
    document["serviceConnectConfiguration"] = in.at("serviceConnectConfiguration");
  }
  const json& deployment = object_in(in, "deploymentConfiguration");
  // Shown when they were given: clients that do not know them get what they sent.
  const json& breaker = object_in(deployment, "deploymentCircuitBreaker");
  for (const char* member : {"thresholdConfiguration", "resetOnHealthyTask"}) {
    if (has(breaker, member)) document["circuitBreaker"][member] = breaker.at(member);
  }
  return shared::json::to_text(document);
}

Result<void> check_rebalancing(const json& in, model::SchedulingStrategy scheduling) {
  if (!has(in, "availabilityZoneRebalancing")) return {};
  const std::string word = text_in(in, "availabilityZoneRebalancing");
  if (word == "ENABLED" && scheduling == model::SchedulingStrategy::kDaemon) {
    return invalid_parameter(
        "availabilityZoneRebalancing ENABLED cannot be used with the DAEMON scheduling strategy.");
  }
  if (word == "ENABLED" || word == "DISABLED") return {};
  return invalid_parameter("Invalid availabilityZoneRebalancing '" + word +
                           "'. It must be ENABLED or DISABLED.");
}

// What two creates must have in common to be the same: all but the token, with the resolved names, without
// empty lists and objects, which mean the same as absent ones.
std::string canonical_request(const Context& context, const model::Service& service) {
  json request = json::object();
  for (const auto& [name, value] : context.in.items()) {
    if (name != "clientToken" && !value.empty()) request[name] = value;
  }
  request["cluster"] = service.cluster;
  request["taskDefinition"] = service.task_definition_arn;
  request["launchType"] = model::word(service.launch_type);
  request["schedulingStrategy"] = model::word(service.scheduling);
  return shared::json::to_text(request);
}

Result<void> read_identity(const Context& context, model::Service& service) {
  const json& in = context.in;
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  service.cluster = *cluster;
  service.name = text_in(in, "serviceName");
  if (service.name.empty()) return invalid_parameter("Service name cannot be empty.");
  if (!aws::is_ecs_name(service.name)) {
    return invalid_parameter("The service name '" + service.name +
                             "' must have 1 to 255 letters, digits, hyphens and underscores.");
  }
  service.client_token = text_in(in, "clientToken");
  if (service.client_token.size() > kMaxTokenChars) {
    return invalid_parameter("clientToken can have at most " + std::to_string(kMaxTokenChars) +
                             " characters.");
  }
  if (!has(in, "schedulingStrategy")) return {};
  const auto scheduling = model::from_word<model::SchedulingStrategy>(text_in(in, "schedulingStrategy"));
  if (!scheduling) {
    return invalid_parameter("Unknown schedulingStrategy '" + text_in(in, "schedulingStrategy") +
                             "'. It must be REPLICA or DAEMON.");
  }
  service.scheduling = *scheduling;
  return {};
}

Result<void> check_count(int count) {
  if (count < 0)
    return invalid_parameter("desiredCount must not be negative, got " + std::to_string(count) + ".");
  // ECS's text, which does not name the limit.
  if (count > kMaxDesiredCount) {
    return invalid_parameter("Desired count exceeds limit. desiredCount can be at most " +
                             std::to_string(kMaxDesiredCount) + ", got " + std::to_string(count) + ".");
  }
  return {};
}

Result<void> read_count(const json& in, model::Service& service) {
  const auto count = integer_in(in, "desiredCount");
  if (service.scheduling == model::SchedulingStrategy::kDaemon) {
    if (count.value_or(0) != 0) {
      return invalid_parameter("desiredCount cannot be given with the DAEMON scheduling strategy.");
    }
    if (!list_in(in, "placementStrategy").empty()) {
      return invalid_parameter("Placement strategies cannot be used with the DAEMON scheduling strategy.");
    }
    service.configuration.maximum_percent = 100;
    service.configuration.minimum_healthy_percent = 0;
    return {};
  }
  if (!count) return invalid_parameter("desiredCount must be given for a REPLICA service.");
  if (auto checked = check_count(*count); !checked) return checked.error();
  service.desired_count = *count;
  return {};
}

// With the EXTERNAL controller these are of each task set.
constexpr const char* kOfTaskSets[] = {"taskDefinition", "launchType",        "capacityProviderStrategy",
                                       "loadBalancers",  "serviceRegistries", "networkConfiguration",
                                       "platformVersion"};

Result<void> refuse_members_of_task_sets(const json& in) {
  for (const char* member : kOfTaskSets) {
    if (!has(in, member) || in.at(member).empty()) continue;
    return invalid_parameter(
        std::string(member) +
        " cannot be given for a service with the EXTERNAL deployment controller: it belongs to "
        "its task sets.");
  }
  return {};
}

Result<void> read_choice_of_hosts(const json& in, model::Service& service) {
  auto strategies = strategies_in(in);
  if (!strategies) return strategies.error();
  service.placement_strategy = *std::move(strategies);
  auto constraints = constraints_in(in);
  if (!constraints) return constraints.error();
  service.placement_constraints = *std::move(constraints);
  return {};
}

// No deployments of ECS's own, and no tasks until there are task sets.
Result<void> read_external(const Context& context, model::Service& service) {
  if (service.scheduling == model::SchedulingStrategy::kDaemon)
    return invalid_parameter(
        "The DAEMON scheduling strategy cannot be used with the EXTERNAL deployment controller.");
  service.controller = model::DeploymentController::kExternal;
  if (auto refused = refuse_members_of_task_sets(context.in); !refused) return refused;
  return read_choice_of_hosts(context.in, service);
}

Result<void> read_placement(const Context& context, model::Service& service) {
  if (text_in(object_in(context.in, "deploymentController"), "type") == "EXTERNAL")
    return read_external(context, service);
  auto where = where_in(context, service.cluster);
  if (!where) return where.error();
  service.launch_type = where->launch_type;
  service.strategy = std::move(where->providers);
  if (service.scheduling == model::SchedulingStrategy::kDaemon && !service.strategy.empty()) {
    if (!list_in(context.in, "capacityProviderStrategy").empty())
      return invalid_parameter(
          "A capacity provider strategy cannot be used with the DAEMON scheduling strategy.");
    service.strategy.clear();  // the cluster's default is for others
  }
  const auto definition =
      runnable_definition(context, text_in(context.in, "taskDefinition"), service.launch_type);
  if (!definition) return definition.error();
  service.task_definition_arn = (*definition)->arn;
  if (auto read = read_choice_of_hosts(context.in, service); !read) return read;
  return control::check_constraints(service.placement_constraints, **definition);
}

Result<void> read_traffic(const Context& context, model::Service& service) {
  const json& in = context.in;
  auto balancers = load_balancers_in(in);
  if (!balancers) return balancers.error();
  service.load_balancers = *std::move(balancers);
  auto registries = registries_in(in);
  if (!registries) return registries.error();
  service.registries = *std::move(registries);
  service.health_check_grace_seconds = integer_in(in, "healthCheckGracePeriodSeconds").value_or(0);
  if (service.health_check_grace_seconds < 0) {
    return invalid_parameter("healthCheckGracePeriodSeconds must not be negative.");
  }
  const std::string role = text_in(in, "role");
  if (aws::looks_like_arn(role)) {
    service.role_arn = role;
  } else if (!role.empty() || !service.load_balancers.empty()) {
    const aws::Realm realm = context.step.settings.realm();
    service.role_arn = aws::to_string({realm.partition, "iam", "", realm.account,
                                       "role/" + (role.empty() ? std::string(kServiceRole) : role)});
  }
  return {};
}

// What an update says about where and as what tasks run; checked against what it leaves as it is.
Result<void> read_update_placement(const Context& context, const model::Service& service,
                                   control::UpdateService& update) {
  const json& in = context.in;
  if (auto refused = refuse_useless_members(in); !refused) return refused;
  const model::TaskDefinition* definition =
      control::find_task_definition(context.state(), service.task_definition_arn);
  if (has(in, "taskDefinition")) {
    const auto wanted = runnable_definition(context, text_in(in, "taskDefinition"), service.launch_type);
    if (!wanted) return wanted.error();
    definition = *wanted;
    update.task_definition_arn = definition->arn;
  }
  if (has(in, "placementStrategy")) {
    auto strategies = strategies_in(in);
    if (!strategies) return strategies.error();
    update.placement_strategy = *std::move(strategies);
  }
  if (has(in, "placementConstraints")) {
    auto constraints = constraints_in(in);
    if (!constraints) return constraints.error();
    update.placement_constraints = *std::move(constraints);
  }
  if (definition == nullptr) return {};
  return control::check_constraints(update.placement_constraints.value_or(service.placement_constraints),
                                    *definition);
}

// Who decides about deployments stays who it is.
Result<void> check_controller(const json& in, const model::Service& service) {
  const std::string asked = text_in(object_in(in, "deploymentController"), "type");
  if (!asked.empty() && asked != model::word(service.controller)) {
    return unsupported("The deployment controller of a service cannot be changed: it is " +
                       std::string(model::word(service.controller)) + ".");
  }
  if (service.controller == model::DeploymentController::kEcs) return {};
  if (boolean_in(in, "forceNewDeployment").value_or(false) || has(in, "deploymentConfiguration")) {
    return invalid_parameter(
        "deploymentConfiguration and forceNewDeployment cannot be given for a service with the EXTERNAL "
        "deployment "
        "controller.");
  }
  return refuse_members_of_task_sets(in);
}

}  // namespace

Result<std::vector<model::ServiceLoadBalancer>> load_balancers_in(const json& in) {
  const json& given = list_in(in, "loadBalancers");
  if (given.size() > kMaxTargetGroups) {
    return invalid_parameter("A service can have at most " + std::to_string(kMaxTargetGroups) +
                             " target groups.");
  }
  std::vector<model::ServiceLoadBalancer> balancers;
  for (const json& each : given) {
    if (has(each, "loadBalancerName")) {
      return unsupported("Classic load balancers are not offered: give a targetGroupArn.");
    }
    model::ServiceLoadBalancer balancer{text_in(each, "targetGroupArn"), text_in(each, "containerName"),
                                        integer_in(each, "containerPort").value_or(0)};
    if (balancer.target_group_arn.empty())
      return invalid_parameter("targetGroupArn of a load balancer cannot be empty.");
    if (balancer.container_name.empty())
      return invalid_parameter("containerName of a load balancer cannot be empty.");
    if (balancer.container_port < 1 || balancer.container_port > 65'535) {
      return invalid_parameter("containerPort of a load balancer must be between 1 and 65535, got " +
                               std::to_string(balancer.container_port) + ".");
    }
    if (auto read = read_advanced(each, balancer); !read) return read.error();
    balancers.push_back(std::move(balancer));
  }
  return balancers;
}

Result<std::vector<model::ServiceRegistry>> registries_in(const json& in) {
  const json& given = list_in(in, "serviceRegistries");
  if (given.size() > 1) return invalid_parameter("A service can have at most one service registry.");
  std::vector<model::ServiceRegistry> registries;
  for (const json& each : given) {
    model::ServiceRegistry registry{text_in(each, "registryArn"), integer_in(each, "port").value_or(0),
                                    text_in(each, "containerName"),
                                    integer_in(each, "containerPort").value_or(0)};
    if (registry.arn.empty()) return invalid_parameter("registryArn of a service registry cannot be empty.");
    for (const int port : {registry.port, registry.container_port}) {
      if (port < 0 || port > 65'535)
        return invalid_parameter("The ports of a service registry must be between 1 and 65535, got " +
                                 std::to_string(port) + ".");
    }
    if (registry.container_name.empty() != (registry.container_port == 0))
      return invalid_parameter(
          "containerName and containerPort of a service registry must be given together.");
    if (registry.port != 0 && registry.container_port != 0)
      return invalid_parameter(
          "A service registry has a port or a containerName and containerPort, not both.");
    registries.push_back(std::move(registry));
  }
  return registries;
}

Result<model::Service> new_service_in(const Context& context) {
  const json& in = context.in;
  model::Service service;
  if (auto read = read_identity(context, service); !read) return read.error();
  if (auto refused = refuse_unsupported(in); !refused) return refused.error();
  if (auto read = read_count(in, service); !read) return read.error();
  if (auto read = read_placement(context, service); !read) return read.error();
  if (auto read = read_traffic(context, service); !read) return read.error();
  if (auto checked = check_rebalancing(in, service.scheduling); !checked) return checked.error();
  auto configuration = configuration_in(in, service.configuration, service.scheduling);
  if (!configuration) return configuration.error();
  service.configuration = *configuration;
  auto tags = tags_in(in);
  if (!tags) return tags.error();
  service.tags = *std::move(tags);
  auto propagate = propagate_tags_in(in, {"TASK_DEFINITION", "SERVICE"});
  if (!propagate) return propagate.error();
  service.propagate_tags = *std::move(propagate);
  service.enable_ecs_managed_tags = boolean_in(in, "enableECSManagedTags").value_or(false);
  service.enable_execute_command = boolean_in(in, "enableExecuteCommand").value_or(false);
  const bool daemon = service.scheduling == model::SchedulingStrategy::kDaemon;
  service.document = document_in(in, daemon ? R"({"availabilityZoneRebalancing":"DISABLED"})"
                                            : R"({"availabilityZoneRebalancing":"ENABLED"})");
  service.created_by = context.call.caller_arn;
  service.create_request = canonical_request(context, service);
  return service;
}

Result<control::UpdateService> service_update_in(const Context& context, const model::Service& service) {
  const json& in = context.in;
  control::UpdateService update;
  if (auto refused = refuse_unsupported(in); !refused) return refused.error();
  if (has(in, "capacityProviderStrategy")) {
    auto items = strategy_items_in(in, "capacityProviderStrategy");
    if (!items) return items.error();
    if (service.scheduling == model::SchedulingStrategy::kDaemon && !items->empty())
      return invalid_parameter(
          "A capacity provider strategy cannot be used with the DAEMON scheduling strategy.");
    if (auto usable = control::check_usable(context.state(), service.cluster, *items); !usable)
      return usable.error();
    if (*items != service.strategy) update.strategy = *std::move(items);
  }
  if (auto checked = check_rebalancing(in, service.scheduling); !checked) return checked.error();
  update.desired_count = integer_in(in, "desiredCount");
  if (auto checked = check_count(update.desired_count.value_or(0)); !checked) return checked.error();
  if (update.desired_count && service.scheduling == model::SchedulingStrategy::kDaemon) {
    return invalid_parameter("desiredCount cannot be given with the DAEMON scheduling strategy.");
  }
  if (service.scheduling == model::SchedulingStrategy::kDaemon && !list_in(in, "placementStrategy").empty()) {
    return invalid_parameter("Placement strategies cannot be used with the DAEMON scheduling strategy.");
  }
  if (auto checked = check_controller(in, service); !checked) return checked.error();
  if (auto read = read_update_placement(context, service, update); !read) return read.error();
  if (has(in, "deploymentConfiguration")) {
    const auto configuration = configuration_in(in, service.configuration, service.scheduling);
    if (!configuration) return configuration.error();
    update.configuration = *configuration;
  }
  if (has(in, "loadBalancers")) {
    auto balancers = load_balancers_in(in);
    if (!balancers) return balancers.error();
    update.load_balancers = *std::move(balancers);
  }
  if (has(in, "serviceRegistries")) {
    auto registries = registries_in(in);
    if (!registries) return registries.error();
    update.registries = *std::move(registries);
  }
  update.health_check_grace_seconds = integer_in(in, "healthCheckGracePeriodSeconds");
  if (update.health_check_grace_seconds.value_or(0) < 0) {
    return invalid_parameter("healthCheckGracePeriodSeconds must not be negative.");
  }
  if (has(in, "propagateTags")) {
    auto propagate = propagate_tags_in(in, {"TASK_DEFINITION", "SERVICE"});
    if (!propagate) return propagate.error();
    update.propagate_tags = *std::move(propagate);
  }
  update.enable_ecs_managed_tags = boolean_in(in, "enableECSManagedTags");
  update.enable_execute_command = boolean_in(in, "enableExecuteCommand");
  update.document = document_in(in, service.document);
  update.force_new_deployment = boolean_in(in, "forceNewDeployment").value_or(false);
  return update;
}

}  // namespace agent::api::ecs
