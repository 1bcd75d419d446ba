#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/services/deployment_configuration.h"
#include "agent/api/ecs/services/service_history.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/control/services/history.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/service_log.h"
#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;

namespace {

json encode_load_balancers(const std::vector<model::ServiceLoadBalancer>& balancers) {
  json out = json::array();
  for (const model::ServiceLoadBalancer& each : balancers) {
    json one{{"targetGroupArn", each.target_group_arn},
             {"containerName", each.container_name},
             {"containerPort", each.container_port}};
    put_advanced(one, each);
    out.push_back(std::move(one));
  }
  return out;
}

// binpack fields are answered in upper case, as ECS does.
json encode_strategy(const model::PlacementStrategy& strategy) {
  json out{{"type", model::word(strategy.type)}};
  if (strategy.type == model::StrategyType::kRandom || strategy.field.empty()) return out;
  std::string field = strategy.field;
  if (strategy.type == model::StrategyType::kBinpack) {
    std::transform(field.begin(), field.end(), field.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
  out["field"] = std::move(field);
  return out;
}

json encode_constraint(const model::PlacementConstraint& constraint) {
  json out{{"type", model::word(constraint.type)}};
  if (!constraint.expression.empty()) out["expression"] = constraint.expression;
  return out;
}

void put_where(json& out, const model::Service& service, const std::vector<model::StrategyItem>& strategy) {
  if (strategy.empty()) {
    out["launchType"] = model::word(service.launch_type);
  } else {
    out["capacityProviderStrategy"] = encode_strategy_items(strategy);
  }
}

// The service deployment that is under way, and the revisions that have tasks.
void put_history(json& out, const control::State& state, const model::Service& service) {
  const std::string key = control::key_of(service);
  if (const auto* current = control::current_deployment(state, key))
    out["currentServiceDeployment"] = current->arn;
  json revisions = json::array();
  std::set<std::string> seen;
  for (const model::Deployment& each : service.deployments) {
    if (each.revision.empty() || !seen.insert(each.revision).second) continue;
    revisions.push_back(encode_revision_summary(state, key, each.revision));
  }
  if (!revisions.empty()) out["currentServiceRevisions"] = std::move(revisions);
}

json encode_deployment(const control::State& state, const model::Service& service,
                       const model::Deployment& deployment, const json& document) {
  const control::ServiceCounts counts = control::count_tasks(state, service, deployment);
  json out{{"id", deployment.id},
           {"status", model::word(deployment.status)},
           {"taskDefinition", deployment.task_definition_arn},
           {"desiredCount", deployment.desired_count},
           {"pendingCount", counts.pending},
           {"runningCount", counts.running},
           {"failedTasks", deployment.failed_tasks},
           {"createdAt", shared::epoch_seconds(deployment.created_at)},
           {"updatedAt", shared::epoch_seconds(deployment.updated_at)},
           {"rolloutState", model::word(deployment.rollout_state)}};
  if (!deployment.rollout_state_reason.empty()) out["rolloutStateReason"] = deployment.rollout_state_reason;
  put_where(out, service, deployment.strategy);
  constexpr const char* kConnect = "serviceConnectConfiguration";
  if (deployment.status == model::DeploymentStatus::kPrimary && document.contains(kConnect)) {
    out[kConnect] = document[kConnect];
  }
  return out;
}

json encode_events(const control::State& state, const model::Service& service) {
  json out = json::array();
  for (const model::ServiceEvent* each : control::events_of(state, control::key_of(service))) {
    out.push_back({{"id", each->id},
                   {"createdAt", shared::epoch_seconds(each->created_at)},
                   {"message", each->message}});
  }
  return out;
}

}  // namespace

json encode_registries(const std::vector<model::ServiceRegistry>& registries) {
  json out = json::array();
  for (const model::ServiceRegistry& each : registries) {
    json one{{"registryArn", each.arn}};
    if (each.port != 0) one["port"] = each.port;
    if (!each.container_name.empty()) {
      one["containerName"] = each.container_name;
      one["containerPort"] = each.container_port;
    }
    out.push_back(std::move(one));
  }
  return out;
}

json encode_service(const control::Step& step, const model::Service& service, Tags tags) {
  const control::State& state = step.state;
  const bool external = service.controller == model::DeploymentController::kExternal;
  auto document = shared::json::parse(service.document.empty() ? "{}" : service.document);
  BERTH_CHECK(document.has_value() && document->is_object(), "stored documents are JSON objects");
  const control::ServiceCounts counts = control::count_tasks(state, service);
  const model::Cluster* cluster = state.clusters.find(service.cluster);
  json deployments = json::array();
  json sets = json::array();
  for (const model::Deployment& each : service.deployments) {
    if (external) {
      sets.push_back(encode_task_set(step, service, each, tags));
    } else {
      deployments.push_back(encode_deployment(state, service, each, *document));
    }
  }
  json strategy = json::array();
  for (const auto& each : service.placement_strategy) strategy.push_back(encode_strategy(each));
  json constraints = json::array();
  for (const auto& each : service.placement_constraints) constraints.push_back(encode_constraint(each));
  json out{{"serviceArn", service.arn},
           {"serviceName", service.name},
           {"status", model::word(service.status)},
           {"loadBalancers", encode_load_balancers(service.load_balancers)},
           {"serviceRegistries", encode_registries(service.registries)},
           {"desiredCount", service.desired_count},
           {"runningCount", counts.running},
           {"pendingCount", counts.pending},
           {"deploymentConfiguration", encode_configuration(service.configuration, *document)},
           {"deployments", std::move(deployments)},
           {"events", encode_events(state, service)},
           {"createdAt", shared::epoch_seconds(service.created_at)},
           {"placementConstraints", std::move(constraints)},
           {"placementStrategy", std::move(strategy)},
           {"healthCheckGracePeriodSeconds", service.health_check_grace_seconds},
           {"schedulingStrategy", model::word(service.scheduling)},
           {"deploymentController", {{"type", model::word(service.controller)}}},
           {"enableECSManagedTags", service.enable_ecs_managed_tags},
           {"propagateTags", service.propagate_tags},
           {"enableExecuteCommand", service.enable_execute_command},
           {"availabilityZoneRebalancing", document->value("availabilityZoneRebalancing", "DISABLED")},
           {"resourceManagementType", "CUSTOMER"}};
  put_text(out, "taskDefinition", service.task_definition_arn);
  if (!service.task_definition_arn.empty()) put_where(out, service, service.strategy);
  if (external) {
    out["taskSets"] = std::move(sets);
  } else {
    put_history(out, state, service);
  }
  if (cluster != nullptr) out["clusterArn"] = cluster->arn;
  if (!service.role_arn.empty()) out["roleArn"] = service.role_arn;
  if (!service.created_by.empty()) out["createdBy"] = service.created_by;
  if (tags == Tags::kShow) out["tags"] = encode_tags(service.tags);
  return out;
}

}  // namespace agent::api::ecs
