// Clusters, container instances, task definitions.
#include "agent/api/ecs/wire/encode.h"

#include <nlohmann/json.hpp>

#include "agent/api/ecs/tasks/placement.h"
#include "agent/control/cluster/clusters.h"
#include "agent/control/cluster/instances.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/placing.h"
#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;

namespace {

// Documents were written by ourselves; anything but an object is a bug.
json stored_object(const std::string& document) {
  auto value = shared::json::parse(document.empty() ? "{}" : document);
  BERTH_CHECK(value.has_value() && value->is_object(), "stored documents are JSON objects");
  return *std::move(value);
}

json integer_resource(const char* name, std::int64_t amount) {
  return {
      {"name", name}, {"type", "INTEGER"}, {"doubleValue", 0.0}, {"longValue", 0}, {"integerValue", amount}};
}

json port_resource(const char* name, const std::set<int>& ports) {
  json values = json::array();
  for (const int port : ports) values.push_back(std::to_string(port));
  return {{"name", name},   {"type", "STRINGSET"}, {"doubleValue", 0.0},
          {"longValue", 0}, {"integerValue", 0},   {"stringSetValue", std::move(values)}};
}

json encode_resources(const model::Resources& resources) {
  return json::array({integer_resource("CPU", resources.cpu), integer_resource("MEMORY", resources.memory),
                      port_resource("PORTS", resources.tcp_ports),
                      port_resource("PORTS_UDP", resources.udp_ports)});
}

json statistic(const char* name, int value) { return {{"name", name}, {"value", std::to_string(value)}}; }

json encode_statistics(const control::ClusterCounts& all) {
  return json::array({
      statistic("runningEC2TasksCount", all.running_tasks - all.external_running_tasks),
      statistic("runningFargateTasksCount", 0),
      statistic("runningExternalTasksCount", all.external_running_tasks),
      statistic("pendingEC2TasksCount", all.pending_tasks - all.external_pending_tasks),
      statistic("pendingFargateTasksCount", 0),
      statistic("pendingExternalTasksCount", all.external_pending_tasks),
      statistic("activeEC2ServiceCount", all.active_services - all.external_active_services),
      statistic("activeFargateServiceCount", 0),
      statistic("activeExternalServiceCount", all.external_active_services),
      statistic("drainingEC2ServiceCount", all.draining_services - all.external_draining_services),
      statistic("drainingFargateServiceCount", 0),
      statistic("drainingExternalServiceCount", all.external_draining_services),
  });
}

}  // namespace

void put_text(json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

json encode_tags(const std::vector<model::Tag>& tags) {
  json out = json::array();
  for (const model::Tag& tag : tags) out.push_back({{"key", tag.key}, {"value", tag.value}});
  return out;
}

json missing(const std::string& arn) { return {{"arn", arn}, {"reason", "MISSING"}}; }

std::string arn_named(const control::Step& step, const std::string& asked, aws::EcsKind kind,
                      const std::string& key) {
  return aws::looks_like_arn(asked) ? asked : step.arn(kind, key);
}

json encode_cluster(const control::State& state, const model::Cluster& cluster, ClusterParts parts) {
  const json document = stored_object(cluster.document);
  const control::ClusterCounts counts = control::count_cluster(state, cluster.name);
  json out{{"clusterArn", cluster.arn},
           {"clusterName", cluster.name},
           {"status", model::word(cluster.status)},
           {"registeredContainerInstancesCount", counts.instances},
           {"runningTasksCount", counts.running_tasks},
           {"pendingTasksCount", counts.pending_tasks},
           {"activeServicesCount", counts.active_services},
           {"statistics", parts.statistics ? encode_statistics(counts) : json::array()},
           {"tags", parts.tags == Tags::kShow ? encode_tags(cluster.tags) : json::array()},
           {"settings", json::array()},
           {"capacityProviders", cluster.capacity_providers},
           {"defaultCapacityProviderStrategy", encode_strategy_items(cluster.default_strategy)}};
  if (parts.settings) {
    for (const model::NameValue& each : cluster.settings) {
      out["settings"].push_back({{"name", each.name}, {"value", each.value}});
    }
  }
  if (parts.configurations && document.contains("configuration")) {
    out["configuration"] = document["configuration"];
  }
  if (document.contains("serviceConnectDefaults")) {
    out["serviceConnectDefaults"] = document["serviceConnectDefaults"];
  }
  return out;
}

json encode_instance(const control::State& state, const model::ContainerInstance& instance, Tags tags) {
  json attributes = json::array();
  for (const model::NameValue& each : instance.attributes) {
    json attribute{{"name", each.name}};
    if (!each.value.empty()) attribute["value"] = each.value;
    attributes.push_back(std::move(attribute));
  }
  json version = json::object();
  put_text(version, "agentVersion", instance.agent_version);
  put_text(version, "agentHash", instance.agent_hash);
  put_text(version, "dockerVersion", instance.docker_version);
  json out{{"containerInstanceArn", instance.arn},
           {"version", instance.version},
           {"versionInfo", std::move(version)},
           {"registeredResources", encode_resources(instance.registered)},
           {"remainingResources", encode_resources(control::remaining_resources(state, instance))},
           {"status", model::word(instance.status)},
           {"agentConnected", control::is_connected(state, instance)},
           {"runningTasksCount", control::running_tasks(state, instance)},
           {"pendingTasksCount", control::pending_tasks(state, instance)},
           {"attributes", std::move(attributes)},
           {"registeredAt", shared::epoch_seconds(instance.registered_at)},
           {"attachments", json::array()},
           {"tags", tags == Tags::kShow ? encode_tags(instance.tags) : json::array()}};
  put_text(out, "ec2InstanceId", instance.ec2_instance_id);
  put_text(out, "capacityProviderName", control::attribute_of(instance, control::kProviderAttribute));
  put_text(out, "statusReason", instance.status_reason);
  return out;
}

json encode_task_definition(const model::TaskDefinition& definition) {
  json out = stored_object(definition.document);
  out["taskDefinitionArn"] = definition.arn;
  out["family"] = definition.family;
  out["revision"] = definition.revision;
  out["status"] = model::word(definition.status);
  out["registeredAt"] = shared::epoch_seconds(definition.registered_at);
  if (definition.deregistered_at) out["deregisteredAt"] = shared::epoch_seconds(*definition.deregistered_at);
  put_text(out, "registeredBy", definition.registered_by);
  return out;
}

}  // namespace agent::api::ecs
