#include "agent/control/state/lookup.h"
#include "agent/control/state/faults.h"

#include <algorithm>

namespace agent::control {
namespace {

using aws::EcsKind;
using shared::Result;

constexpr std::string_view kDefaultCluster = "default";

// Key in a "<cluster>/<id>" table. What is no ARN is an id, and may be of nothing.
Result<std::string> child_key(const aws::Realm& realm, EcsKind kind, const std::string& cluster,
                              std::string_view reference) {
  if (!aws::looks_like_arn(reference)) return cluster + "/" + std::string(reference);
  const auto id = aws::parse_in_cluster(realm, kind, reference, cluster);
  if (!id) return id.error();
  return cluster + "/" + *id;
}

// The name in an ARN is the row's key. The row's own ARN decides.
template <class T>
const T* find_by_arn(const Table<T>& table, EcsKind kind, std::string_view arn) {
  const T* row = table.find(aws::name_in(kind, arn));
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

Result<std::string> cluster_name_in(const aws::Realm& realm, std::string_view cluster) {
  if (cluster.empty()) return std::string(kDefaultCluster);
  if (!aws::looks_like_arn(cluster)) return std::string(cluster);
  return aws::parse_cluster(realm, cluster);
}

Result<std::string> cluster_name(const Step& step, std::string_view cluster) {
  auto name = cluster_name_in(step.settings.realm(), cluster);
  if (!name) return name;
  const model::Cluster* row = step.state.clusters.find(*name);
  if (row == nullptr) return fault("ClusterNotFoundException", "Cluster not found.");
  if (row->status != model::ClusterStatus::kActive) {
    return fault("ClusterNotFoundException", "The referenced cluster was inactive.");
  }
  return name;
}

Result<std::string> task_key(const aws::Realm& realm, const std::string& cluster, std::string_view task) {
  return child_key(realm, EcsKind::kTask, cluster, task);
}
Result<std::string> instance_key(const aws::Realm& realm, const std::string& cluster,
                                 std::string_view instance) {
  return child_key(realm, EcsKind::kContainerInstance, cluster, instance);
}
Result<std::string> service_key(const aws::Realm& realm, const std::string& cluster,
                                std::string_view service) {
  return child_key(realm, EcsKind::kService, cluster, service);
}

Result<const model::TaskDefinition*> task_definition_in(const Step& step, std::string_view reference) {
  if (aws::looks_like_arn(reference)) {
    const auto named = aws::parse_task_definition(step.settings.realm(), reference);
    if (!named) return named.error();
  }
  return find_task_definition(step.state, reference);
}

const model::TaskDefinition* find_task_definition(const State& state, std::string_view reference) {
  const std::string_view name =
      aws::looks_like_arn(reference) ? aws::name_in(EcsKind::kTaskDefinition, reference) : reference;
  const auto named = aws::parse_definition_name(name);
  if (!named || name.empty()) return nullptr;
  const model::TaskDefinition* found =
      named->revision ? state.task_definitions.find(definition_key(named->family, *named->revision))
                      : newest_active(state, named->family);
  // Of an ARN everything before the name counts too.
  const std::string_view head = reference.substr(0, reference.size() - name.size());
  return found != nullptr && found->arn.starts_with(head) ? found : nullptr;
}

const model::ContainerInstance* find_instance_by_arn(const State& state, std::string_view arn) {
  return find_by_arn(state.instances, EcsKind::kContainerInstance, arn);
}
const model::Task* find_task_by_arn(const State& state, std::string_view arn) {
  return find_by_arn(state.tasks, EcsKind::kTask, arn);
}

std::string key_of(const model::Task& task) { return task.cluster + "/" + task.id; }
std::string key_of(const model::Service& service) { return service.cluster + "/" + service.name; }
std::string key_of(const model::ContainerInstance& instance) { return instance.cluster + "/" + instance.id; }
std::string key_of(const model::TaskDefinition& definition) {
  return definition_key(definition.family, definition.revision);
}
std::string key_of(const model::RegisteredTarget& target) {
  return target_key(target.target_group_arn, target.registration);
}

std::string task_key_in(std::string_view task_arn) {
  return std::string(aws::name_in(EcsKind::kTask, task_arn));
}

const model::RegisteredTarget* find_target(const State& state, const model::TaskTarget& target) {
  return state.targets.find(target_key(target.target_group_arn, target.registration));
}

std::string owner_key(std::string_view key) { return std::string(key.substr(0, key.rfind('/'))); }

std::string instance_id_in(std::string_view arn) {
  return id_in(aws::name_in(EcsKind::kContainerInstance, arn));
}

std::string id_in(std::string_view key) { return std::string(key.substr(key.rfind('/') + 1)); }

std::string definition_key(const std::string& family, int revision) {
  return family + ":" + std::to_string(revision);
}

std::string target_key(std::string_view target_group_arn, std::string_view registration) {
  std::string key(target_group_arn);
  key += '/';
  key += registration;
  return key;
}

std::vector<const model::RegisteredTarget*> targets_of(const State& state,
                                                       const std::string& target_group_arn) {
  std::vector<const model::RegisteredTarget*> targets;
  for (const auto& [at, row] : state.target_index().group(target_group_arn).ordered) targets.push_back(row);
  return targets;
}

std::string why_not_there(const model::ContainerInstance* instance) {
  if (instance == nullptr) return "MISSING";
  return instance->status == model::InstanceStatus::kInactive ? "INACTIVE" : "";
}

bool is_connected(const State& state, const model::ContainerInstance& instance) {
  const auto it = state.live.agents.find(instance.arn);
  return it != state.live.agents.end() && it->second.connected;
}

}  // namespace agent::control
