#include "agent/cli/deploy/document.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "shared/json/nearest.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::array<std::string_view, 25> kServiceMembers = {"serviceName",
                                                              "taskDefinition",
                                                              "desiredCount",
                                                              "loadBalancers",
                                                              "deploymentConfiguration",
                                                              "placementConstraints",
                                                              "placementStrategy",
                                                              "healthCheckGracePeriodSeconds",
                                                              "schedulingStrategy",
                                                              "launchType",
                                                              "capacityProviderStrategy",
                                                              "deploymentController",
                                                              "enableECSManagedTags",
                                                              "propagateTags",
                                                              "enableExecuteCommand",
                                                              "availabilityZoneRebalancing",
                                                              "tags",
                                                              "role",
                                                              "cluster",
                                                              "clientToken",
                                                              "networkConfiguration",
                                                              "serviceRegistries",
                                                              "serviceConnectConfiguration",
                                                              "platformVersion",
                                                              "volumeConfigurations"};

constexpr std::array<std::string_view, 18> kDefinitionMembers = {"family",
                                                                 "containerDefinitions",
                                                                 "volumes",
                                                                 "taskRoleArn",
                                                                 "executionRoleArn",
                                                                 "networkMode",
                                                                 "placementConstraints",
                                                                 "requiresCompatibilities",
                                                                 "cpu",
                                                                 "memory",
                                                                 "tags",
                                                                 "pidMode",
                                                                 "ipcMode",
                                                                 "runtimePlatform",
                                                                 "proxyConfiguration",
                                                                 "inferenceAccelerators",
                                                                 "ephemeralStorage",
                                                                 "enableFaultInjection"};

Error document_error(std::string_view path, const std::string& what) {
  return Error("document", std::string(path) + ": " + what, shared::Blame::kClient);
}

template <std::size_t N>
Result<void> only(const json& object, const std::array<std::string_view, N>& known, std::string_view path,
                  const std::string& where) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return document_error(path, where + shared::json::unknown_name("member", name, known));
  }
  return {};
}

// Where the API wants texts and YAML has numbers.
void texts_instead(json& value) {
  if (value.is_number() || value.is_boolean()) value = value.dump();
}

void coerce(json& definition) {
  for (const char* name : {"cpu", "memory"})
    if (definition.contains(name)) texts_instead(definition[name]);
  if (!definition.contains("containerDefinitions") || !definition["containerDefinitions"].is_array()) return;
  for (json& container : definition["containerDefinitions"]) {
    if (!container.is_object()) continue;
    if (container.contains("environment") && container["environment"].is_array()) {
      for (json& each : container["environment"])
        if (each.is_object() && each.contains("value")) texts_instead(each["value"]);
    }
    if (container.contains("dockerLabels") && container["dockerLabels"].is_object())
      for (json& each : container["dockerLabels"]) texts_instead(each);
    if (container.contains("command") && container["command"].is_array())
      for (json& each : container["command"]) texts_instead(each);
    if (container.contains("logConfiguration") && container["logConfiguration"].is_object() &&
        container["logConfiguration"].contains("options") &&
        container["logConfiguration"]["options"].is_object())
      for (json& each : container["logConfiguration"]["options"]) texts_instead(each);
  }
}

bool is_empty(const json& value) {
  return value.is_null() || ((value.is_array() || value.is_object() || value.is_string()) && value.empty());
}

json kept(const json& described, const auto& members, std::initializer_list<std::string_view> without) {
  json out = json::object();
  for (const std::string_view name : members) {
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    const auto it = described.find(name);
    if (it != described.end() && !is_empty(*it)) out[std::string(name)] = *it;
  }
  return out;
}

}  // namespace

Result<std::string> interpolated(std::string_view text, const Variables& variables) {
  std::string out;
  std::size_t line = 1;
  const auto wrong = [&](const std::string& what) {
    return Error("document", "line " + std::to_string(line) + ": " + what, shared::Blame::kClient);
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') ++line;
    if (text.substr(at).starts_with("$${")) {
      out += "${";
      at += 3;
    } else if (text.substr(at).starts_with("${")) {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) return wrong("${ without }");
      const std::string_view inside = text.substr(at + 2, end - at - 2);
      const std::size_t otherwise = inside.find(":-");
      const std::string name(inside.substr(0, otherwise));
      if (name.empty() ||
          name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
              std::string::npos)
        return wrong("'${" + std::string(inside) + "}' is no variable; write $${ for ${ itself");
      const auto it = variables.find(name);
      if (it != variables.end() && !it->second.empty()) {
        out += it->second;
      } else if (otherwise != std::string_view::npos) {
        out += inside.substr(otherwise + 2);
      } else if (it == variables.end()) {
        return wrong("the variable " + name + " is not set; set it, give --var " + name +
                     "=VALUE, or write $${" + name + "} to keep it as it is");
      }
      at = end + 1;
    } else {
      out += text[at++];
    }
  }
  return out;
}

struct Deployment::State {
  json service = json::object();
  json definition = json::object();
};

Deployment::Deployment() : state_(std::make_unique<State>()) {}
Deployment::Deployment(Deployment&&) noexcept = default;
Deployment& Deployment::operator=(Deployment&&) noexcept = default;
Deployment::~Deployment() = default;

const json& Deployment::service() const { return state_->service; }
const json& Deployment::definition() const { return state_->definition; }

std::string Deployment::service_name() const {
  const auto it = state_->service.find("serviceName");
  return it != state_->service.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<void> Deployment::add(const json& document, std::string_view path) {
  const auto take = [&](json& into, const json& from, const auto& known, const std::string& where,
                        const char* what) -> Result<void> {
    if (!from.is_object()) return document_error(path, where + "must be an object");
    if (!into.empty()) return document_error(path, std::string("is a second ") + what);
    if (auto checked = only(from, known, path, where); !checked) return checked;
    into = from;
    return {};
  };
  const bool has_service = document.contains("service") && document["service"].is_object();
  const bool has_definition = document.contains("taskDefinition") && document["taskDefinition"].is_object();
  Result<void> taken;
  if (has_service || has_definition) {
    constexpr std::array<std::string_view, 2> kBoth = {"service", "taskDefinition"};
    taken = only(document, kBoth, path, "");
    if (taken && has_service)
      taken = take(state_->service, document["service"], kServiceMembers, "service: ", "service");
    if (taken && has_definition)
      taken = take(state_->definition, document["taskDefinition"], kDefinitionMembers,
                   "taskDefinition: ", "task definition");
  } else if (document.contains("containerDefinitions") || document.contains("family")) {
    taken = take(state_->definition, document, kDefinitionMembers, "", "task definition");
  } else if (document.contains("serviceName")) {
    taken = take(state_->service, document, kServiceMembers, "", "service");
  } else {
    return document_error(path,
                          "is neither a task definition (family, containerDefinitions) nor a service "
                          "(serviceName), nor {service, taskDefinition}");
  }
  if (!taken) return taken;
  coerce(state_->definition);
  return {};
}

json service_to_file(const json& described) {
  json out =
      kept(described, kServiceMembers, {"cluster", "clientToken", "taskDefinition", "serviceRegistries"});
  const auto drop_if = [&](const char* name, const json& value) {
    if (out.contains(name) && out[name] == value) out.erase(name);
  };
  // What holds anyway.
  drop_if("schedulingStrategy", "REPLICA");
  drop_if("launchType", "EC2");
  drop_if("deploymentController", json{{"type", "ECS"}});
  drop_if("enableECSManagedTags", false);
  drop_if("enableExecuteCommand", false);
  drop_if("propagateTags", "NONE");
  drop_if("availabilityZoneRebalancing", "DISABLED");
  drop_if("healthCheckGracePeriodSeconds", 0);
  if (described.value("schedulingStrategy", "") == "DAEMON") out.erase("desiredCount");
  return out;
}

json definition_to_file(const json& described) {
  json out = kept(described, kDefinitionMembers, {});
  if (!out.contains("containerDefinitions")) return out;
  for (json& container : out["containerDefinitions"]) {
    for (auto it = container.begin(); it != container.end();)
      it = is_empty(*it) || (it.key() == "cpu" && *it == 0) ? container.erase(it) : std::next(it);
  }
  return out;
}

Result<void> set_image(json& definition, std::string_view image) {
  std::string container;
  // "web=repo/web:2"; an image's own "=" is not possible.
  if (const std::size_t equals = image.find('='); equals != std::string_view::npos) {
    container = image.substr(0, equals);
    image.remove_prefix(equals + 1);
  }
  json& all = definition["containerDefinitions"];
  if (container.empty() && all.size() > 1) {
    for (const json& each : all) {
      if (!each.value("essential", true)) continue;
      if (!container.empty()) {
        return Error("document", "several containers are essential: say which one, --image CONTAINER=IMAGE",
                     shared::Blame::kClient);
      }
      container = each.value("name", "");
    }
  }
  std::string names;
  for (json& each : all) {
    if (container.empty() || each.value("name", "") == container) {
      each["image"] = image;
      return {};
    }
    names += (names.empty() ? "" : ", ") + each.value("name", "");
  }
  return Error("document", "there is no container '" + container + "'; there are " + names,
               shared::Blame::kClient);
}

}  // namespace agent::cli
