#include "agent/cli/deploy/plan.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/cli/deploy/document.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::array<const char*, 14> kUpdatable = {"desiredCount",
                                                    "deploymentConfiguration",
                                                    "placementConstraints",
                                                    "placementStrategy",
                                                    "healthCheckGracePeriodSeconds",
                                                    "loadBalancers",
                                                    "capacityProviderStrategy",
                                                    "enableECSManagedTags",
                                                    "propagateTags",
                                                    "enableExecuteCommand",
                                                    "availabilityZoneRebalancing",
                                                    "networkConfiguration",
                                                    "serviceConnectConfiguration",
                                                    "platformVersion"};

// What a member means when nobody gives it.
bool is_default(const std::string& name, const json& value) {
  if (value.is_null()) return true;
  if ((value.is_array() || value.is_object()) && value.empty()) return true;
  if (name == "essential") return value == true;
  if (name == "protocol") return value == "tcp";
  if (name == "readOnly") return value == false;
  return (name == "cpu" || name == "hostPort") && value == 0;
}

json without_defaults(const json& value) {
  if (value.is_array()) {
    json list = json::array();
    for (const json& each : value) list.push_back(without_defaults(each));
    return list;
  }
  if (!value.is_object()) return value;
  json object = json::object();
  for (const auto& [name, each] : value.items()) {
    json inside = without_defaults(each);
    if (!is_default(name, inside)) object[name] = std::move(inside);
  }
  return object;
}

// Of `current` what `wanted` speaks of.
json spoken_of(const json& current, const json& wanted) {
  if (current.is_object() && wanted.is_object()) {
    json out = json::object();
    for (const auto& [name, each] : wanted.items())
      if (current.contains(name)) out[name] = spoken_of(current[name], each);
    return out;
  }
  if (current.is_array() && wanted.is_array() && current.size() == wanted.size()) {
    json out = json::array();
    for (std::size_t i = 0; i < current.size(); ++i) out.push_back(spoken_of(current[i], wanted[i]));
    return out;
  }
  return current;
}

}  // namespace

json update_of(const json& service) {
  json out = json::object();
  for (const char* name : kUpdatable)
    if (service.contains(name)) out[name] = service[name];
  return out;
}

Result<DeployPlan> plan_deployment(const json& wanted_service, const json& wanted_definition,
                                   const json& current_service, const json& current_definition) {
  DeployPlan plan;
  if (!wanted_definition.empty()) {
    const json now = current_definition.is_object() ? without_defaults(definition_to_file(current_definition))
                                                    : json(json::object());
    plan.definition = differences(now, without_defaults(wanted_definition));
    plan.registers = !plan.definition.empty();
  }
  json wanted = wanted_service;
  for (const char* name : {"serviceName", "cluster", "clientToken", "taskDefinition", "role", "tags"})
    wanted.erase(name);
  if (!current_service.is_object()) {
    plan.creates = true;
    plan.service = differences(json::object(), wanted);
    return plan;
  }
  const json now = spoken_of(current_service, wanted);
  plan.service = differences(without_defaults(now), without_defaults(wanted));
  for (const auto& [name, value] : wanted.items()) {
    const bool updatable =
        std::any_of(kUpdatable.begin(), kUpdatable.end(), [&](const char* each) { return name == each; });
    const json before = now.contains(name) ? now[name] : json();
    if (!updatable && before != value) {
      return Error("document",
                   "service: " + name + " cannot be changed from " + before.dump() + " to " + value.dump() +
                       ": delete the service first, or give it another name",
                   shared::Blame::kClient);
    }
  }
  plan.updates = plan.registers || !plan.service.empty();
  return plan;
}

}  // namespace agent::cli
