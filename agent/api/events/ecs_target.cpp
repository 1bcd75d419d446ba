#include "agent/api/events/ecs_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"

namespace agent::api::events {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostStartedBy = 128;

shared::Error bad(const std::string& text) { return control::fault("ValidationException", text); }

// What RunTask takes as it is: member here, member there.
constexpr std::pair<const char*, const char*> kSame[] = {
    {"LaunchType", "launchType"},
    {"PlatformVersion", "platformVersion"},
    {"Group", "group"},
    {"CapacityProviderStrategy", "capacityProviderStrategy"},
    {"PlacementConstraints", "placementConstraints"},
    {"PlacementStrategy", "placementStrategy"},
    {"EnableECSManagedTags", "enableECSManagedTags"},
    {"EnableExecuteCommand", "enableExecuteCommand"},
    {"PropagateTags", "propagateTags"},
    {"ReferenceId", "referenceId"},
};

// EventBridge's are {"Key", "Value"}, Scheduler's maps.
json tags_of(const json& given) {
  json out = json::array();
  for (const json& each : given) {
    if (!each.is_object()) continue;
    const auto text = [&](const char* upper, const char* lower) {
      return each.value(upper, each.value(lower, std::string()));
    };
    if (each.contains("Key") || each.contains("key")) {
      out.push_back({{"key", text("Key", "key")}, {"value", text("Value", "value")}});
      continue;
    }
    for (const auto& [key, value] : each.items())
      out.push_back({{"key", key}, {"value", value.is_string() ? value.get<std::string>() : std::string()}});
  }
  return out;
}

json network_of(const json& given) {
  json out = json::object();
  const auto it = given.find("awsvpcConfiguration");
  if (it == given.end()) return out;
  json& inner = out["awsvpcConfiguration"] = json::object();
  for (const auto& [from, to] :
       {std::pair("Subnets", "subnets"), std::pair("SecurityGroups", "securityGroups"),
        std::pair("AssignPublicIp", "assignPublicIp")}) {
    if (it->contains(from)) inner[to] = it->at(from);
  }
  return out;
}

}  // namespace

Result<void> check_ecs_target(const shared::json::Reader& target, int most_tasks) {
  const auto ecs = target.required_child("EcsParameters");
  if (!ecs) return target.error();
  const std::string arn = target.string_or("Arn", "");
  if (arn.find(":ecs:") == std::string::npos || arn.find(":cluster/") == std::string::npos)
    return bad(target.path_of("Arn") + ": the target of EcsParameters is the ARN of a cluster.");
  if (target.string_or("RoleArn", "").empty()) return bad("RoleArn is required for target " + arn + ".");
  if (ecs->string_or("TaskDefinitionArn", "").empty())
    return bad(ecs->path_of("TaskDefinitionArn") + ": is required.");
  (void)ecs->integer<int>("TaskCount", 1, most_tasks);
  if (!target.ok()) return target.error();
  const std::string input = target.string_or("Input", "");
  const auto overrides = shared::json::parse(input.empty() ? "{}" : input);
  if (!overrides || !overrides->is_object())
    return bad(target.path_of("Input") + ": must be a JSON object with the overrides of RunTask.");
  return {};
}

json run_task_request(const model::Invocation& invocation) {
  const model::EventTarget& target = invocation.target;
  const auto parsed = shared::json::parse(target.ecs);
  const json ecs = parsed && parsed->is_object() ? *parsed : json::object();
  json out{{"cluster", target.arn},
           {"taskDefinition", ecs.value("TaskDefinitionArn", "")},
           {"count", ecs.value("TaskCount", 1)}};
  for (const auto& [from, to] : kSame) {
    if (ecs.contains(from) && !ecs.at(from).is_null() && ecs.at(from) != "") out[to] = ecs.at(from);
  }
  if (ecs.contains("NetworkConfiguration"))
    out["networkConfiguration"] = network_of(ecs.at("NetworkConfiguration"));
  if (ecs.contains("Tags") && ecs.at("Tags").is_array()) out["tags"] = tags_of(ecs.at("Tags"));
  std::string by = invocation.started_by.substr(0, kMostStartedBy);
  std::replace(by.begin(), by.end(), '.', '_');  // which is no letter of startedBy
  out["startedBy"] = by;
  const bool has_input = !target.input.empty() || !target.input_path.empty() || !target.transformer.empty();
  if (has_input) {
    auto overrides = shared::json::parse(invocation.payload);
    if (overrides && overrides->is_object()) out["overrides"] = *std::move(overrides);
  }
  return out;
}

}  // namespace agent::api::events
