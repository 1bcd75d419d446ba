#include "agent/control/cluster/tags.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"
#include "shared/base/check.h"

namespace agent::control {
namespace {

using aws::EcsKind;
using shared::Result;

template <class T>
Result<std::string> present_key(const Table<T>& table, std::string key) {
  if (table.find(key) == nullptr) {
    return fault("ResourceNotFoundException", "The specified resource was not found.");
  }
  return key;
}

enum class Kind { kCluster, kService, kTask, kInstance, kTaskDefinition, kCapacityProvider, kTaskSet };
struct Resource {
  Kind kind;
  std::string key;    // of a row
  std::string set{};  // id of the task set in it
};

Result<Resource> resource_in_cluster(const Step& step, EcsKind kind, const std::vector<std::string>& parts) {
  if (parts.size() != 2) return invalid_parameter("Long arn format must be used for tagging operations");
  if (auto cluster = cluster_name(step, parts[0]); !cluster) return cluster.error();
  const State& state = step.state;
  const std::string key = parts[0] + "/" + parts[1];
  const bool is_service = kind == EcsKind::kService;
  const bool is_task = kind == EcsKind::kTask;
  const Result<std::string> found = is_service ? present_key(state.services, key)
                                    : is_task  ? present_key(state.tasks, key)
                                               : present_key(state.instances, key);
  if (!found) return found.error();
  return Resource{is_service ? Kind::kService : is_task ? Kind::kTask : Kind::kInstance, key};
}

bool is_set(const model::Service& service, const model::Deployment& each, const Resource& set) {
  return service.controller == model::DeploymentController::kExternal && each.id == set.set;
}

Result<Resource> find_resource(const Step& step, const std::string& arn) {
  const auto named = aws::parse_ecs_arn(step.settings.realm(), arn);
  if (!named) return named.error();
  switch (named->kind) {
    case EcsKind::kService:
    case EcsKind::kTask:
    case EcsKind::kContainerInstance:
      return resource_in_cluster(step, named->kind, named->parts);
    case EcsKind::kCluster: {
      const Result<std::string> cluster = cluster_name(step, named->parts[0]);
      if (!cluster) return cluster.error();
      return Resource{Kind::kCluster, *cluster};
    }
    case EcsKind::kTaskDefinition: {
      const Result<std::string> key = present_key(step.state.task_definitions, named->parts[0]);
      if (!key) return key.error();
      return Resource{Kind::kTaskDefinition, *key};
    }
    case EcsKind::kTaskSet: {
      Resource set{Kind::kTaskSet, named->parts[0] + "/" + named->parts[1],
                   named->parts[2] + "/" + named->parts[3]};
      const model::Service* service = step.state.services.find(set.key);
      const bool there =
          service != nullptr && std::any_of(service->deployments.begin(), service->deployments.end(),
                                            [&](const auto& each) { return is_set(*service, each, set); });
      if (!there) return fault("ResourceNotFoundException", "The specified resource was not found.");
      return set;
    }
    case EcsKind::kCapacityProvider: {
      const Result<std::string> key = present_key(step.state.capacity_providers, named->parts[0]);
      if (!key) return key.error();
      return Resource{Kind::kCapacityProvider, *key};
    }
    default:
      return invalid_parameter("The resourceArn " + arn +
                               " is not the ARN of an ECS resource that has tags.");
  }
}

void set_tags(Step& step, const Resource& resource, std::vector<model::Tag> tags) {
  const auto set = [&](auto& row) { row.tags = std::move(tags); };
  switch (resource.kind) {
    case Kind::kCluster:
      rows(step).clusters.edit(resource.key, set);
      break;
    case Kind::kService:
      rows(step).services.edit(resource.key, set);
      break;
    case Kind::kTask:
      rows(step).tasks.edit(resource.key, set);
      break;
    case Kind::kInstance:
      rows(step).instances.edit(resource.key, set);
      break;
    case Kind::kTaskDefinition:
      rows(step).task_definitions.edit(resource.key, set);
      break;
    case Kind::kTaskSet:
      rows(step).services.edit(resource.key, [&](model::Service& row) {
        for (model::Deployment& each : row.deployments) {
          if (each.id == resource.set) each.tags = std::move(tags);
        }
      });
      break;
    case Kind::kCapacityProvider:
      rows(step).capacity_providers.edit(resource.key, set);
      break;
  }
}

const std::vector<model::Tag>& present_tags(const State& state, const Resource& resource) {
  switch (resource.kind) {
    case Kind::kCluster:
      return state.clusters.find(resource.key)->tags;
    case Kind::kService:
      return state.services.find(resource.key)->tags;
    case Kind::kTask:
      return state.tasks.find(resource.key)->tags;
    case Kind::kInstance:
      return state.instances.find(resource.key)->tags;
    case Kind::kTaskSet: {
      const auto& sets = state.services.find(resource.key)->deployments;
      return std::find_if(sets.begin(), sets.end(), [&](const auto& each) { return each.id == resource.set; })
          ->tags;
    }
    case Kind::kCapacityProvider:
      return state.capacity_providers.find(resource.key)->tags;
    case Kind::kTaskDefinition:
      break;
  }
  return state.task_definitions.find(resource.key)->tags;
}

}  // namespace

Result<std::vector<model::Tag>> tags_of(const Step& step, const std::string& arn) {
  const Result<Resource> resource = find_resource(step, arn);
  if (!resource) return resource.error();
  return present_tags(step.state, *resource);
}

Result<void> add_tags(Step& step, const std::string& arn, const std::vector<model::Tag>& tags) {
  const Result<Resource> resource = find_resource(step, arn);
  if (!resource) return resource.error();
  std::vector<model::Tag> merged = merge_tags(present_tags(step.state, *resource), tags);
  const auto counted = std::count_if(merged.begin(), merged.end(),
                                     [](const auto& each) { return !is_reserved_tag_key(each.key); });
  if (counted > static_cast<std::ptrdiff_t>(kMaxTags)) {
    return fault("LimitExceededException",
                 "The resource can have at most " + std::to_string(kMaxTags) + " tags.");
  }
  set_tags(step, *resource, std::move(merged));
  return {};
}

Result<void> remove_tags(Step& step, const std::string& arn, const std::vector<std::string>& keys) {
  const Result<Resource> resource = find_resource(step, arn);
  if (!resource) return resource.error();
  for (const std::string& key : keys) {
    if (is_reserved_tag_key(key))
      return invalid_parameter("Tag key " + key + " begins with the reserved prefix aws:");
  }
  std::vector<model::Tag> tags = present_tags(step.state, *resource);
  std::erase_if(tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  set_tags(step, *resource, std::move(tags));
  return {};
}

}  // namespace agent::control
