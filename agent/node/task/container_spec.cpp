#include "agent/node/task/container_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/node/host_resources.h"
#include "agent/node/task/namespaces.h"
#include "agent/node/task/volumes.h"
#include "shared/base/units.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;

constexpr std::int64_t kMinMemoryMiB = 4;  // the least docker takes

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

std::string only_plain(std::string text) {
  std::erase_if(text, [](char c) { return !plain(c); });
  return text;
}

Result<void> add_mounts(const Task& task, const Container& c, runtime::ContainerSpec& spec) {
  const auto volumes = volumes_of(task, "");  // here only the sources matter
  if (!volumes) return volumes.error();
  json binds = json::array();
  for (const auto& mount : c.spec.mount_points) {
    const auto found = std::find_if(volumes->begin(), volumes->end(),
                                    [&](const Volume& v) { return v.name == mount.source_volume; });
    if (found == volumes->end()) {
      return Error("HostConfigError", "mount point " + mount.container_path + ": the task has no volume '" +
                                          mount.source_volume + "'");
    }
    binds.push_back(found->source + ":" + mount.container_path + (mount.read_only ? ":ro" : ""));
  }
  json from = json::array();
  for (const auto& v : c.spec.volumes_from) {
    for (const Container& other : task.containers) {
      if (other.spec.name == v.source_container)
        from.push_back(other.engine_name + (v.read_only ? ":ro" : ""));
    }
  }
  if (binds.empty() && from.empty()) return {};
  auto host = shared::json::parse(spec.engine_host_config);
  if (!host || !host->is_object()) host = json::object();
  // Lists sent by control replace ours, as the ECS agent lets them.
  if (!binds.empty() && !host->contains("Binds")) (*host)["Binds"] = binds;
  if (!from.empty() && !host->contains("VolumesFrom")) (*host)["VolumesFrom"] = from;
  spec.engine_host_config = shared::json::to_text(*host);
  return {};
}

std::string network_mode(const Task& task) {
  return task.payload.network_mode == "host" || task.payload.network_mode == "none"
             ? task.payload.network_mode
             : "bridge";
}

}  // namespace

std::string engine_name(const Task& task, const Container& container, const std::string& suffix) {
  return "ecs-" + task.payload.family + "-" + task.payload.version + "-" + only_plain(container.spec.name) +
         "-" + suffix;
}

Result<runtime::ContainerSpec> container_spec(const Task& task, const Container& c,
                                              const NodeSettings& settings, const std::string& instance_id) {
  runtime::ContainerSpec spec;
  spec.name = c.engine_name;
  spec.image = c.spec.image;
  spec.command = c.spec.command;
  spec.entry_point = c.spec.entry_point;
  spec.environment = c.spec.environment;
  for (const auto& [name, value] : c.secret_environment) spec.environment[name] = value;
  if (!settings.region.empty()) {
    spec.environment.try_emplace("AWS_REGION", settings.region);
    spec.environment.try_emplace("AWS_DEFAULT_REGION", settings.region);
  }
  // `none` has no network to ask over.
  if (!c.endpoint_id.empty() && network_mode(task) != "none") {
    spec.environment["ECS_CONTAINER_METADATA_URI"] = settings.metadata_url + "/v3/" + c.endpoint_id;
    spec.environment["ECS_CONTAINER_METADATA_URI_V4"] = settings.metadata_url + "/v4/" + c.endpoint_id;
  }
  if (!settings.endpoint_url.empty()) spec.environment.try_emplace("AWS_ENDPOINT_URL", settings.endpoint_url);
  if (task.payload.role_credentials && !settings.metadata_url.empty() && network_mode(task) != "none")
    spec.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] =
        "/v2/credentials/" + task.payload.role_credentials->credentials_id;
  spec.labels = {{kInstanceLabel, instance_id},
                 {kTaskArnLabel, task.arn()},
                 {kContainerNameLabel, c.spec.name},
                 {"com.amazonaws.ecs.task-definition-family", task.payload.family},
                 {"com.amazonaws.ecs.task-definition-version", task.payload.version},
                 {kClusterLabel, settings.cluster}};
  spec.network_mode = network_mode(task);
  if (spec.network_mode == "bridge") {
    for (const auto& p : c.spec.port_mappings) {
      runtime::PortBinding binding{p.container_port, p.host_port, p.protocol};
      if (p.host_port == 0) {
        const bool udp = p.protocol == "udp";
        const auto range =
            unreserved(settings.dynamic_ports, udp ? settings.reserved_ports_udp : settings.reserved_ports);
        if (!range) {
          return Error("CannotCreateContainerError",
                       "every " + p.protocol + " port that the engine may choose from (" +
                           std::to_string(settings.dynamic_ports.first) + "-" +
                           std::to_string(settings.dynamic_ports.last) + ") is reserved");
        }
        binding.choose_first = range->first;
        binding.choose_last = range->last;
      }
      spec.ports.push_back(std::move(binding));
    }
    for (const std::string& link : c.spec.links) {
      const auto colon = link.find(':');
      const std::string target = link.substr(0, colon);
      const std::string alias = colon == std::string::npos ? target : link.substr(colon + 1);
      for (const Container& other : task.containers) {
        if (other.spec.name == target) spec.links.push_back(other.engine_name + ":" + alias);
      }
    }
  }
  spec.cgroup_parent = task.cgroup_parent;
  spec.cpu_shares = c.spec.cpu;
  if (c.spec.memory > 0)
    spec.memory_bytes = std::max<std::int64_t>(c.spec.memory, kMinMemoryMiB) * shared::kMiB;
  spec.engine_config = c.spec.docker_config.empty() ? "{}" : c.spec.docker_config;
  spec.engine_host_config = c.spec.docker_host_config.empty() ? "{}" : c.spec.docker_host_config;
  if (auto mounted = add_mounts(task, c, spec); !mounted) return mounted.error();
  set_namespaces(task, c, spec);
  return spec;
}

}  // namespace agent::node
