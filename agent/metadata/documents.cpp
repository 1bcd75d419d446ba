#include "agent/metadata/documents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/node/task/container_spec.h"
#include "agent/node/task/namespaces.h"
#include "agent/node/task/volumes.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"

namespace agent::metadata {

using nlohmann::json;

namespace {

void put_text(json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

void put_moment(json& out, const char* name, const std::optional<shared::WallTime>& at) {
  if (at) out[name] = shared::http::iso8601(*at);
}

// A task that ended by itself is shown as one that is to be stopped.
std::string desired_word(node::Status desired, node::Status known) {
  return std::string(word(known == node::Status::kStopped ? node::Status::kStopped : desired));
}

json ports_of(const node::Container& c, Version version) {
  json out = json::array();
  for (const auto& mapping : c.spec.port_mappings) {
    json port = {{"ContainerPort", mapping.container_port}, {"Protocol", mapping.protocol}};
    for (const auto& bound : c.bindings) {
      if (bound.container_port != mapping.container_port || bound.protocol != mapping.protocol) continue;
      port["HostPort"] = bound.host_port;
      if (version == Version::kV4) port["HostIp"] = bound.bind_ip;
    }
    out.push_back(std::move(port));
  }
  return out;
}

json networks_of(const node::Task& task, const node::Container& c) {
  json out = json::array();
  for (const auto& [name, address] : c.networks)
    out.push_back({{"NetworkMode", name}, {"IPv4Addresses", json::array({address})}});
  if (out.empty() && task.payload.network_mode == "host")
    out.push_back({{"NetworkMode", "host"}, {"IPv4Addresses", json::array({""})}});
  return out;
}

json volumes_of_container(const node::Task& task, const node::Container& c) {
  json out = json::array();
  const auto volumes = node::volumes_of(task, "");
  if (!volumes) return out;
  for (const auto& mount : c.spec.mount_points) {
    for (const auto& volume : *volumes) {
      if (volume.name != mount.source_volume) continue;
      json one = {{"Destination", mount.container_path}};
      one[volume.kind == node::VolumeKind::kHostPath ? "Source" : "DockerName"] = volume.source;
      out.push_back(std::move(one));
    }
  }
  return out;
}

// What the definition sets, and ECS's own over it.
json labels_of(const node::Task& task, const node::Container& c, const std::string& cluster) {
  json out = json::object();
  const auto config = shared::json::parse(c.spec.docker_config.empty() ? "{}" : c.spec.docker_config);
  if (config && config->is_object()) {
    for (const auto& [name, value] : config->items()) {
      if (shared::http::equals_ignoring_case(name, "labels") && value.is_object()) out = value;
    }
  }
  out[node::kTaskArnLabel] = task.arn();
  out[node::kContainerNameLabel] = c.spec.name;
  out["com.amazonaws.ecs.task-definition-family"] = task.payload.family;
  out["com.amazonaws.ecs.task-definition-version"] = task.payload.version;
  out[node::kClusterLabel] = cluster;
  return out;
}

json health_of(const node::Container& c) {
  std::string status = c.health == "healthy" ? "HEALTHY" : c.health == "unhealthy" ? "UNHEALTHY" : "UNKNOWN";
  json out = {{"status", std::move(status)}};
  put_moment(out, "statusSince", c.health_since);
  put_text(out, "output", c.health_output);
  return out;
}

json container_of(const node::Task& task, const node::Container& c, Version version,
                  const std::string& cluster) {
  json out = {{"DockerId", c.runtime_id},
              {"Name", c.spec.name},
              {"DockerName", c.engine_name},
              {"Image", c.spec.image},
              {"Labels", labels_of(task, c, cluster)},
              {"DesiredStatus", desired_word(c.desired, c.known)},
              {"KnownStatus", word(c.known)},
              {"Limits", {{"CPU", c.spec.cpu}, {"Memory", c.spec.memory}}},
              {"Type", node::is_internal(c) ? "NAMESPACE_PAUSE" : "NORMAL"}};
  put_text(out, "ImageID", c.image_id);
  put_text(out, "ContainerARN", c.spec.container_arn);
  if (c.exit_code) out["ExitCode"] = *c.exit_code;
  put_moment(out, "CreatedAt", c.created_at);
  put_moment(out, "StartedAt", c.started_at);
  put_moment(out, "FinishedAt", c.finished_at);
  if (json ports = ports_of(c, version); !ports.empty()) out["Ports"] = std::move(ports);
  if (json volumes = volumes_of_container(task, c); !volumes.empty()) out["Volumes"] = std::move(volumes);
  if (json networks = networks_of(task, c); !networks.empty()) out["Networks"] = std::move(networks);
  if (!c.health.empty()) out["Health"] = health_of(c);
  return out;
}

}  // namespace

json container_document(const node::Task& task, const node::Container& container, Version version) {
  // The label has the cluster's name, which the task's ARN carries.
  const std::string& arn = task.payload.task_cluster_arn;
  return container_of(task, container, version, arn.substr(arn.rfind('/') + 1));
}

json task_document(const node::Task& task, const Host& host, Version version) {
  json containers = json::array();
  for (const node::Container& c : task.containers) {
    if (c.runtime_id.empty() || (version == Version::kV3 && node::is_internal(c))) continue;
    containers.push_back(container_of(task, c, version, host.cluster));
  }
  json out = {{"Cluster", host.cluster},
              {"TaskARN", task.arn()},
              {"Family", task.payload.family},
              {"Revision", task.payload.version},
              {"DesiredStatus", desired_word(task.desired, task.known)},
              {"KnownStatus", word(task.known)},
              {"Containers", std::move(containers)}};
  if (task.payload.cpu > 0) out["Limits"]["CPU"] = task.payload.cpu;
  if (task.payload.memory > 0) out["Limits"]["Memory"] = task.payload.memory;
  std::optional<shared::WallTime> pull_began;
  std::optional<shared::WallTime> pull_ended;
  for (const node::Container& c : task.containers) {
    if (c.pull_started_at) pull_began = std::min(pull_began.value_or(*c.pull_started_at), *c.pull_started_at);
    if (c.pull_stopped_at) pull_ended = std::max(pull_ended.value_or(*c.pull_stopped_at), *c.pull_stopped_at);
  }
  put_moment(out, "PullStartedAt", pull_began);
  put_moment(out, "PullStoppedAt", pull_ended);
  put_moment(out, "ExecutionStoppedAt", task.execution_stopped_at);
  if (version == Version::kV3) return out;
  out["LaunchType"] = task.payload.launch_type;
  put_text(out, "ServiceName", task.payload.service_name);
  put_text(out, "Group", task.payload.group);
  out["FaultInjectionEnabled"] = false;
  return out;
}

json introspected_task(const node::Task& task) {
  json containers = json::array();
  for (const node::Container& c : task.containers) {
    if (c.runtime_id.empty()) continue;
    json one = {{"DockerId", c.runtime_id},
                {"DockerName", c.engine_name},
                {"Name", c.spec.name},
                {"Image", c.spec.image}};
    put_text(one, "ImageID", c.image_id);
    put_moment(one, "CreatedAt", c.created_at);
    put_moment(one, "StartedAt", c.started_at);
    if (json ports = ports_of(c, Version::kV4); !ports.empty()) one["Ports"] = std::move(ports);
    if (json networks = networks_of(task, c); !networks.empty()) one["Networks"] = std::move(networks);
    if (json volumes = volumes_of_container(task, c); !volumes.empty()) one["Volumes"] = std::move(volumes);
    containers.push_back(std::move(one));
  }
  return {{"Arn", task.arn()},
          {"DesiredStatus", desired_word(task.desired, task.known)},
          {"KnownStatus", word(task.known)},
          {"Family", task.payload.family},
          {"Version", task.payload.version},
          {"Containers", std::move(containers)}};
}

json introspected_host(const Host& host) {
  json out = {{"Cluster", host.cluster},
              {"ContainerInstanceArn", nullptr},
              {"Version", "Amazon ECS Agent - v" + host.agent_version + " (*" + host.agent_hash + ")"}};
  if (!host.container_instance_arn.empty()) out["ContainerInstanceArn"] = host.container_instance_arn;
  return out;
}

}  // namespace agent::metadata
