// PutAttributes, DeleteAttributes, ListAttributes.
#include "agent/control/cluster/attributes.h"

#include <map>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/state/lookup.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxAttributesPerCall = 10;
constexpr std::string_view kTargetType = "container-instance";  // the only one that ECS has

// What a request says about one attribute of one instance.
struct TargetAttribute {
  std::string key;
  model::NameValue attribute;
};

Result<void> check_target_type(const std::string& type) {
  if (type == kTargetType) return {};
  return invalid_parameter("Invalid targetType '" + type + "'. It must be " + std::string(kTargetType) + ".");
}

Result<TargetAttribute> target_attribute_in(const Context& context, const std::string& cluster,
                                            const json& in) {
  const std::string target = text_in(in, "targetId");
  const std::string type = text_in(in, "targetType");
  if (target.empty()) {
    return invalid_parameter("The targetId of attribute '" + text_in(in, "name") + "' cannot be empty.");
  }
  if (type.empty() && !aws::looks_like_arn(target)) {
    return invalid_parameter("The targetType must be given with '" + target +
                             "', which is not the ARN of a container instance.");
  }
  if (!type.empty()) {
    if (auto ok = check_target_type(type); !ok) return ok.error();
  }
  auto key = control::attribute_target(context.step, cluster, target);
  if (!key) return key.error();
  return TargetAttribute{*std::move(key), {text_in(in, "name"), text_in(in, "value")}};
}

Result<std::vector<TargetAttribute>> target_attributes_in(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const json& given = list_in(context.in, "attributes");
  if (given.empty()) return invalid_parameter("Attributes cannot be empty.");
  if (given.size() > kMaxAttributesPerCall) {
    return invalid_parameter("Attributes can contain at most " + std::to_string(kMaxAttributesPerCall) +
                             " items, got " + std::to_string(given.size()) + ".");
  }
  std::vector<TargetAttribute> all;
  for (const json& each : given) {
    auto named = target_attribute_in(context, *cluster, each);
    if (!named) return named.error();
    all.push_back(*std::move(named));
  }
  return all;
}

json encode_attribute(const model::ContainerInstance& instance, const model::NameValue& attribute) {
  json out{{"name", attribute.name}, {"targetId", instance.arn}};
  if (!attribute.value.empty()) out["value"] = attribute.value;
  return out;
}

}  // namespace

Answer put_attributes(const Context& context) {
  const auto all = target_attributes_in(context);
  if (!all) return all.error();
  json answer = json::array();
  for (const auto& [key, attribute] : *all) {
    if (auto put = control::put_attribute(context.step, key, attribute); !put) return put.error();
    answer.push_back(encode_attribute(*context.state().instances.find(key), attribute));
  }
  return json{{"attributes", std::move(answer)}};
}

Answer delete_attributes(const Context& context) {
  const auto all = target_attributes_in(context);
  if (!all) return all.error();
  json answer = json::array();
  for (const auto& [key, attribute] : *all) {
    const auto deleted = control::delete_attribute(context.step, key, attribute);
    if (!deleted) return deleted.error();
    if (*deleted) answer.push_back(encode_attribute(*context.state().instances.find(key), **deleted));
  }
  return json{{"attributes", std::move(answer)}};
}

Answer list_attributes(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  if (auto ok = check_target_type(text_in(context.in, "targetType")); !ok) return ok.error();
  const std::string name = text_in(context.in, "attributeName");
  const std::string value = text_in(context.in, "attributeValue");
  if (!value.empty() && name.empty()) {
    return invalid_parameter("An attributeValue can only be given with an attributeName.");
  }
  std::vector<Item> items;
  std::map<std::string, json> found;
  control::each_of_cluster(context.state().instances, *cluster,
                           [&](const model::ContainerInstance& instance) {
                             if (instance.status == model::InstanceStatus::kInactive) return;
                             for (const model::NameValue& each : instance.attributes) {
                               if (!name.empty() && each.name != name) continue;
                               if (!value.empty() && each.value != value) continue;
                               const std::string place = instance.id + " " + each.name;
                               items.push_back({place, place});
                               found[place] = encode_attribute(instance, each);
                             }
                           });
  Answer answer = page_of(context, "attributes", std::move(items), kMaxPage);
  if (!answer) return answer;
  for (json& each : answer->at("attributes")) each = found.at(each.get<std::string>());
  return answer;
}

}  // namespace agent::api::ecs
