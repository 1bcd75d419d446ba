// CreateTaskSet, DescribeTaskSets, UpdateTaskSet, DeleteTaskSet, UpdateServicePrimaryTaskSet.
#include "agent/control/services/task_sets.h"

#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/services/service_requests.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "shared/base/check.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxSetTokenChars = 36;
constexpr double kWholeScale = 100;

// Row key of the service that is named; it exists, and has task sets.
Result<std::string> service_of_sets_in(const Context& context) {
  for (const char* member : {"cluster", "service"}) {
    if (text_in(context.in, member).empty())
      return invalid_parameter(std::string(member) + " must be given.");
  }
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  auto key = control::service_key(context.step.settings.realm(), *cluster, text_in(context.in, "service"));
  if (!key) return key.error();
  if (auto service = control::service_of_task_sets(context.state(), *key); !service) return service.error();
  return key;
}

Result<std::string> set_in(const Context& context, const std::string& service_key, const char* member) {
  const std::string asked = text_in(context.in, member);
  if (asked.empty()) return invalid_parameter(std::string(member) + " must be given.");
  const auto set = control::find_task_set(context.state(), service_key, asked);
  if (!set) return set.error();
  return (*set)->id;
}

Result<double> scale_in(const json& in) {
  const json& given = object_in(in, "scale");
  const std::string unit = text_in(given, "unit");
  if (!unit.empty() && unit != "PERCENT")
    return invalid_parameter("Unknown unit '" + unit + "' of scale. It must be PERCENT.");
  const auto value = given.find("value");
  const double scale = value == given.end() ? kWholeScale : value->get<double>();
  if (scale >= 0 && scale <= kWholeScale) return scale;
  return invalid_parameter("The value of scale must be between 0 and 100.");
}

Answer answer_set(const Context& context, const std::string& service_key, const std::string& id) {
  const model::Service& service = *context.state().services.find(service_key);
  const auto set = control::find_task_set(context.state(), service_key, id);
  BERTH_CHECK(set.has_value(), "a task set keeps its entry while it is answered");
  return json{{"taskSet", encode_task_set(context.step, service, **set, Tags::kShow)}};
}

}  // namespace

json encode_task_set(const control::Step& step, const model::Service& service, const model::Deployment& set,
                     Tags tags) {
  const control::State& state = step.state;
  const control::ServiceCounts counts = control::count_tasks(state, service, set);
  const model::Cluster* cluster = state.clusters.find(service.cluster);
  json balancers = json::array();
  for (const model::ServiceLoadBalancer& each : set.load_balancers) {
    balancers.push_back({{"targetGroupArn", each.target_group_arn},
                         {"containerName", each.container_name},
                         {"containerPort", each.container_port}});
  }
  json out{{"id", set.id},
           {"taskSetArn", step.arn(aws::EcsKind::kTaskSet, control::key_of(service) + "/" + set.id)},
           {"serviceArn", service.arn},
           {"status", model::word(set.status)},
           {"taskDefinition", set.task_definition_arn},
           {"computedDesiredCount", control::computed_desired_count(service, set)},
           {"pendingCount", counts.pending},
           {"runningCount", counts.running},
           {"createdAt", shared::epoch_seconds(set.created_at)},
           {"updatedAt", shared::epoch_seconds(set.updated_at)},
           {"loadBalancers", std::move(balancers)},
           {"serviceRegistries", encode_registries(set.registries)},
           {"scale", {{"value", set.scale}, {"unit", "PERCENT"}}},
           {"stabilityStatus", set.stable ? "STEADY_STATE" : "STABILIZING"},
           {"stabilityStatusAt", shared::epoch_seconds(set.stable_at)},
           {"tags", tags == Tags::kShow ? encode_tags(set.tags) : json::array()}};
  if (cluster != nullptr) out["clusterArn"] = cluster->arn;
  if (set.strategy.empty()) {
    out["launchType"] = model::word(set.launch_type);
  } else {
    out["capacityProviderStrategy"] = encode_strategy_items(set.strategy);
  }
  put_text(out, "externalId", set.external_id);
  return out;
}

Answer create_task_set(const Context& context) {
  const json& in = context.in;
  const auto key = service_of_sets_in(context);
  if (!key) return key.error();
  model::Deployment wanted;
  wanted.client_token = text_in(in, "clientToken");
  if (wanted.client_token.size() > kMaxSetTokenChars) {
    return invalid_parameter("clientToken can have at most " + std::to_string(kMaxSetTokenChars) +
                             " characters.");
  }
  auto where = where_in(context, key->substr(0, key->find('/')));
  if (!where) return where.error();
  wanted.launch_type = where->launch_type;
  wanted.strategy = std::move(where->providers);
  const std::string reference = text_in(in, "taskDefinition");
  if (reference.empty()) return invalid_parameter("taskDefinition must be given.");
  const auto definition = runnable_definition(context, reference, wanted.launch_type);
  if (!definition) return definition.error();
  wanted.task_definition_arn = (*definition)->arn;
  auto balancers = load_balancers_in(in);
  if (!balancers) return balancers.error();
  wanted.load_balancers = *std::move(balancers);
  auto registries = registries_in(in);
  if (!registries) return registries.error();
  wanted.registries = *std::move(registries);
  const auto scale = scale_in(in);
  if (!scale) return scale.error();
  wanted.scale = *scale;
  wanted.external_id = text_in(in, "externalId");
  auto tags = tags_in(in);
  if (!tags) return tags.error();
  wanted.tags = *std::move(tags);
  const auto id = control::create_task_set(context.step, *key, std::move(wanted));
  if (!id) return id.error();
  return answer_set(context, *key, *id);
}

Answer describe_task_sets(const Context& context) {
  const auto key = service_of_sets_in(context);
  if (!key) return key.error();
  const model::Service& service = *context.state().services.find(*key);
  const Tags tags = includes(context, "TAGS") ? Tags::kShow : Tags::kHide;
  json sets = json::array();
  json failures = json::array();
  const std::vector<std::string> asked = texts_in(context.in, "taskSets");
  for (const std::string& each : asked) {
    const auto set = control::find_task_set(context.state(), *key, each);
    if (set) {
      sets.push_back(encode_task_set(context.step, service, **set, tags));
    } else {
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kTaskSet, *key + "/" + each)));
    }
  }
  if (asked.empty()) {
    for (const model::Deployment& each : service.deployments)
      sets.push_back(encode_task_set(context.step, service, each, tags));
  }
  return json{{"taskSets", std::move(sets)}, {"failures", std::move(failures)}};
}

Answer update_task_set(const Context& context) {
  const auto key = service_of_sets_in(context);
  if (!key) return key.error();
  const auto id = set_in(context, *key, "taskSet");
  if (!id) return id.error();
  if (!has(context.in, "scale")) return invalid_parameter("scale must be given.");
  const auto scale = scale_in(context.in);
  if (!scale) return scale.error();
  if (auto done = control::scale_task_set(context.step, *key, *id, *scale); !done) return done.error();
  return answer_set(context, *key, *id);
}

Answer delete_task_set(const Context& context) {
  const auto key = service_of_sets_in(context);
  if (!key) return key.error();
  const auto id = set_in(context, *key, "taskSet");
  if (!id) return id.error();
  const bool force = boolean_in(context.in, "force").value_or(false);
  const auto done = control::delete_task_set(
      context.step, *key, *id, force ? control::ForceTaskSet::kYes : control::ForceTaskSet::kNo);
  if (!done) return done.error();
  return answer_set(context, *key, *id);
}

Answer update_service_primary_task_set(const Context& context) {
  const auto key = service_of_sets_in(context);
  if (!key) return key.error();
  const auto id = set_in(context, *key, "primaryTaskSet");
  if (!id) return id.error();
  if (auto done = control::make_primary(context.step, *key, *id); !done) return done.error();
  return answer_set(context, *key, *id);
}

}  // namespace agent::api::ecs
