#include "agent/control/lookup.h"
#include "agent/control/faults.h"

#include <algorithm>
#include <charconv>

namespace agent::control {
namespace {

using shared::Result;

constexpr std::string_view kDefaultCluster = "default";
// arn:partition:service:region:account:resource
constexpr std::size_t kColonsBeforeResource = 5;

// Key in a "<cluster>/<id>" table; `kind` is the ARN's resource type.
Result<std::string> child_key(std::string_view kind, const std::string& cluster, std::string_view reference) {
  if (!reference.starts_with("arn:")) return cluster + "/" + std::string(reference);
  const std::vector<std::string> parts = ecs_resource_of(reference);
  if (parts.size() < 2 || parts.front() != kind) {
    return invalid_parameter("Invalid identifier: " + std::string(reference) + " is not the ARN of a " +
                             std::string(kind));
  }
  if (parts.size() == 2) return cluster + "/" + parts[1];  // ARNs of the time before they named the cluster
  if (parts[1] != cluster) {
    return invalid_parameter("Identifier was for cluster " + parts[1] + ". Your cluster is " + cluster);
  }
  return cluster + "/" + parts[2];
}

template <class T>
const T* find_by_arn(const Table<T>& table, std::string_view kind, std::string_view arn) {
  const std::vector<std::string> parts = ecs_resource_of(arn);
  if (parts.size() != 3 || parts.front() != kind) return nullptr;
  const T* row = table.find(parts[1] + "/" + parts[2]);
  return row != nullptr && row->arn == arn ? row : nullptr;
}

const model::TaskDefinition* newest_active(const State& state, std::string_view family) {
  const std::string prefix = std::string(family) + ":";
  const model::TaskDefinition* best = nullptr;
  const auto& rows = state.task_definitions.rows();
  for (auto it = rows.lower_bound(prefix); it != rows.end() && it->first.starts_with(prefix); ++it) {
    const model::TaskDefinition& each = it->second;
    if (each.status != model::TaskDefinitionStatus::kActive) continue;
    if (best == nullptr || each.revision > best->revision) best = &each;
  }
  return best;
}

}  // namespace

std::vector<std::string> ecs_resource_of(std::string_view arn) {
  std::size_t start = 0;
  for (std::size_t colon = 0; colon < kColonsBeforeResource; ++colon) {
    const std::size_t end = arn.find(':', start);
    if (end == std::string_view::npos) return {};
    const std::string_view part = arn.substr(start, end - start);
    if ((colon == 0 && part != "arn") || (colon == 2 && part != "ecs")) return {};
    start = end + 1;
  }
  std::vector<std::string> parts;
  std::string_view rest = arn.substr(start);
  while (true) {
    const std::size_t slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (parts.back().empty()) return {};
    if (slash == std::string_view::npos) return parts;
    rest.remove_prefix(slash + 1);
  }
}

std::string cluster_name_in(std::string_view cluster) {
  if (cluster.empty()) return std::string(kDefaultCluster);
  const std::vector<std::string> parts = ecs_resource_of(cluster);
  if (parts.size() == 2 && parts.front() == "cluster") return parts[1];
  return std::string(cluster);
}

Result<std::string> cluster_name(const State& state, std::string_view cluster) {
  const std::string name = cluster_name_in(cluster);
  const model::Cluster* row = state.clusters.find(name);
  if (row == nullptr) return fault("ClusterNotFoundException", "Cluster not found.");
  if (row->status != model::ClusterStatus::kActive) {
    return fault("ClusterNotFoundException", "The referenced cluster was inactive.");
  }
  return name;
}

Result<std::string> task_key(const std::string& cluster, std::string_view task) {
  return child_key("task", cluster, task);
}
Result<std::string> instance_key(const std::string& cluster, std::string_view instance) {
  return child_key("container-instance", cluster, instance);
}
Result<std::string> service_key(const std::string& cluster, std::string_view service) {
  return child_key("service", cluster, service);
}

const model::TaskDefinition* find_task_definition(const State& state, std::string_view reference) {
  std::string name(reference);
  if (reference.starts_with("arn:")) {
    const std::vector<std::string> parts = ecs_resource_of(reference);
    if (parts.size() != 2 || parts.front() != "task-definition") return nullptr;
    name = parts[1];
  }
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return newest_active(state, name);
  // Leading zeros are accepted: 007 is revision 7.
  int revision = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + colon + 1, end, revision);
  if (failure != std::errc() || stop != end || revision <= 0) return nullptr;
  return state.task_definitions.find(name.substr(0, colon + 1) + std::to_string(revision));
}

const model::ContainerInstance* find_instance_by_arn(const State& state, std::string_view arn) {
  return find_by_arn(state.instances, "container-instance", arn);
}
const model::Task* find_task_by_arn(const State& state, std::string_view arn) {
  return find_by_arn(state.tasks, "task", arn);
}

std::string key_of(const model::Task& task) { return task.cluster + "/" + task.id; }
std::string key_of(const model::Service& service) { return service.cluster + "/" + service.name; }
std::string key_of(const model::ContainerInstance& instance) { return instance.cluster + "/" + instance.id; }
std::string key_of(const model::TaskDefinition& definition) {
  return definition.family + ":" + std::to_string(definition.revision);
}

bool is_connected(const State& state, const model::ContainerInstance& instance) {
  const auto it = state.live.agents.find(instance.arn);
  return it != state.live.agents.end() && it->second.connected;
}

}  // namespace agent::control
