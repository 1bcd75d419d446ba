#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/wire/encode.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/health.h"
#include "agent/control/tasks/placing.h"
#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;

namespace {

void put_time(json& out, const char* name, const std::optional<shared::WallTime>& time) {
  if (time) out[name] = shared::epoch_seconds(*time);
}

json encode_container(const model::Task& task, const model::Container& container) {
  json bindings = json::array();
  for (const model::NetworkBinding& each : container.bindings) {
    bindings.push_back({{"bindIP", each.bind_ip},
                        {"containerPort", each.container_port},
                        {"hostPort", each.host_port},
                        {"protocol", each.protocol}});
  }
  json out{{"containerArn", container.arn},
           {"taskArn", task.arn},
           {"name", container.name},
           {"image", container.image},
           {"lastStatus", model::word(container.status)},
           {"networkBindings", std::move(bindings)},
           {"networkInterfaces", json::array()},
           {"healthStatus", model::word(container.health)},
           {"cpu", std::to_string(container.cpu)}};
  put_text(out, "imageDigest", container.image_digest);
  put_text(out, "runtimeId", container.runtime_id);
  put_text(out, "reason", container.reason);
  if (container.exit_code) out["exitCode"] = *container.exit_code;
  if (container.memory) out["memory"] = std::to_string(*container.memory);
  if (container.memory_reservation) out["memoryReservation"] = std::to_string(*container.memory_reservation);
  return out;
}

// Over the essential containers: one that is unhealthy decides, then one that is unknown.
// As given, with an entry for every container and both lists there.
json encode_overrides(const model::Task& task) {
  auto given = shared::json::parse(task.overrides.empty() ? "{}" : task.overrides);
  BERTH_CHECK(given.has_value() && given->is_object(), "stored overrides are a JSON object");
  json out = *std::move(given);
  json& containers = out["containerOverrides"];
  if (!containers.is_array()) containers = json::array();
  for (const model::Container& container : task.containers) {
    const bool there = std::any_of(containers.begin(), containers.end(), [&](const json& each) {
      return each.value("name", "") == container.name;
    });
    if (!there) containers.push_back({{"name", container.name}});
  }
  if (!out.contains("inferenceAcceleratorOverrides")) out["inferenceAcceleratorOverrides"] = json::array();
  return out;
}

// The steps of the ordering promise that ECS has no members for.
json encode_promise(const model::Task& task) {
  json out = json::array();
  const auto put = [&out](const char* name, const std::optional<shared::WallTime>& time) {
    if (time) out.push_back({{"name", name}, {"value", shared::http::iso8601(*time)}});
  };
  put("berth.in-service-at", task.in_service_at);
  put("berth.draining-at", task.draining_at);
  put("berth.acknowledged-at", task.acknowledged_at);
  return out;
}

// What comes from the container instance the task is on.
void put_place(json& out, const control::State& state, const model::Task& task) {
  out["attributes"] = encode_promise(task);
  if (task.container_instance_arn.empty()) return;
  out["containerInstanceArn"] = task.container_instance_arn;
  const model::ContainerInstance* instance =
      control::find_instance_by_arn(state, task.container_instance_arn);
  if (instance == nullptr) return;
  constexpr const char* kArchitecture = "ecs.cpu-architecture";
  if (const std::string value = control::attribute_of(*instance, kArchitecture); !value.empty()) {
    out["attributes"].push_back({{"name", kArchitecture}, {"value", value}});
  }
  put_text(out, "availabilityZone", control::attribute_of(*instance, scheduler::kZoneAttribute));
  if (task.last_status != model::TaskStatus::kStopped) {
    out["connectivity"] = control::is_connected(state, *instance) ? "CONNECTED" : "DISCONNECTED";
  }
}

}  // namespace

json encode_task(const control::State& state, const model::Task& task, Tags tags) {
  json containers = json::array();
  for (const model::Container& each : task.containers) containers.push_back(encode_container(task, each));
  const model::Cluster* cluster = state.clusters.find(task.cluster);
  json out{{"taskArn", task.arn},
           {"taskDefinitionArn", task.task_definition_arn},
           {"lastStatus", model::word(task.last_status)},
           {"desiredStatus", model::word(task.desired_status)},
           {"healthStatus", model::word(control::health_of(task))},
           {"launchType", model::word(task.launch_type)},
           {"cpu", std::to_string(task.reserved.cpu)},
           {"memory", std::to_string(task.reserved.memory)},
           {"containers", std::move(containers)},
           {"overrides", encode_overrides(task)},
           {"attachments", json::array()},
           {"inferenceAccelerators", json::array()},
           {"enableExecuteCommand", task.enable_execute_command},
           {"version", task.version},
           {"createdAt", shared::epoch_seconds(task.created_at)},
           {"tags", tags == Tags::kShow ? encode_tags(task.tags) : json::array()}};
  if (cluster != nullptr) out["clusterArn"] = cluster->arn;
  put_text(out, "capacityProviderName", task.capacity_provider);
  put_text(out, "group", task.group);
  put_text(out, "startedBy", task.started_by);
  put_text(out, "stopCode", task.stop_code);
  put_text(out, "stoppedReason", task.stopped_reason);
  put_time(out, "connectivityAt", task.connectivity_at);
  put_time(out, "pullStartedAt", task.pull_started_at);
  put_time(out, "pullStoppedAt", task.pull_stopped_at);
  put_time(out, "startedAt", task.started_at);
  put_time(out, "stoppingAt", task.stopping_at);
  put_time(out, "executionStoppedAt", task.execution_stopped_at);
  put_time(out, "stoppedAt", task.stopped_at);
  put_place(out, state, task);
  return out;
}

}  // namespace agent::api::ecs
