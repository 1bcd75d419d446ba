#include "agent/api/ecs/definition/definition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/wire/request.h"
#include "agent/aws/arn.h"
#include "agent/model/words.h"
#include "agent/scheduler/query.h"
#include "shared/base/text.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::int64_t kUnitsOfVcpu = 1024;
constexpr std::int64_t kMibOfGb = 1024;
constexpr std::int64_t kMaxTaskMemory = std::int64_t{1} << 40;  // MiB; guards sums against overflow
constexpr std::array<std::string_view, 4> kLaunchTypes = {"EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"};

// "<number><unit>": the number times `factor` when the unit (any case, optional space) is there, else plain
// digits.
std::optional<std::int64_t> amount_of(std::string_view text, std::string_view unit, std::int64_t factor) {
  const char* const end = text.data() + text.size();
  std::int64_t digits = 0;
  if (const auto [stop, failure] = std::from_chars(text.data(), end, digits);
      failure == std::errc() && stop == end && !text.empty()) {
    return digits < 0 ? std::nullopt : std::optional(digits);
  }
  double number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (failure != std::errc() || !std::isfinite(number) || number < 0 || number > 1e9) return std::nullopt;
  std::string rest(stop, end);
  if (!rest.empty() && rest.front() == ' ') rest.erase(0, 1);
  if (shared::lower_case(rest) != unit) return std::nullopt;
  return std::llround(number * static_cast<double>(factor));
}

Result<void> normalise_sizes(json& document) {
  if (has(document, "cpu")) {
    const auto cpu = cpu_units(text_in(document, "cpu"));
    if (!cpu || *cpu < kMinTaskCpu || *cpu > kMaxTaskCpu) {
      return client_exception("Invalid 'cpu' setting for task. It must be between " +
                              std::to_string(kMinTaskCpu) + " and " + std::to_string(kMaxTaskCpu) +
                              " CPU units, or a number of vCPUs such as \"1 vCPU\".");
    }
    document["cpu"] = std::to_string(*cpu);
  }
  if (has(document, "memory")) {
    const auto memory = memory_mib(text_in(document, "memory"));
    if (!memory || *memory < 1 || *memory > kMaxTaskMemory) {
      return client_exception(
          "Invalid 'memory' setting for task. It must be a number of MiB, or of GB such as \"1 GB\".");
    }
    document["memory"] = std::to_string(*memory);
  }
  return {};
}

Result<void> check_words(const json& document) {
  if (has(document, "networkMode") &&
      !model::from_word<model::NetworkMode>(text_in(document, "networkMode"))) {
    return client_exception("Unknown networkMode " + text_in(document, "networkMode") +
                            ". It must be one of bridge, host, awsvpc, none.");
  }
  if (has(document, "pidMode") && !is_one_of(text_in(document, "pidMode"), {"host", "task"})) {
    return client_exception("Invalid pidMode " + text_in(document, "pidMode") + ". It must be host or task.");
  }
  if (has(document, "ipcMode") && !is_one_of(text_in(document, "ipcMode"), {"host", "task", "none"})) {
    return client_exception("Invalid ipcMode " + text_in(document, "ipcMode") +
                            ". It must be host, task or none.");
  }
  for (const std::string& each : texts_in(document, "requiresCompatibilities")) {
    if (std::find(kLaunchTypes.begin(), kLaunchTypes.end(), each) == kLaunchTypes.end()) {
      return client_exception(
          "Unknown compatibility " + each +
          ". requiresCompatibilities can hold EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES.");
    }
  }
  const json& platform = object_in(document, "runtimePlatform");
  const std::string architecture = text_in(platform, "cpuArchitecture");
  if (has(platform, "cpuArchitecture") && !is_one_of(architecture, {"X86_64", "ARM64"})) {
    return client_exception("Unknown cpuArchitecture " + architecture + ". It must be X86_64 or ARM64.");
  }
  const std::string system = text_in(platform, "operatingSystemFamily");
  if (has(platform, "operatingSystemFamily") && system != "LINUX" && !system.starts_with("WINDOWS_SERVER_")) {
    return client_exception("Unknown operatingSystemFamily " + system +
                            ". It must be LINUX or one of WINDOWS_SERVER_...");
  }
  const json& constraints = list_in(document, "placementConstraints");
  if (constraints.size() > kMaxDefinitionConstraints) {
    return client_exception("At most " + std::to_string(kMaxDefinitionConstraints) +
                            " placementConstraints are allowed.");
  }
  for (const json& each : constraints) {
    if (text_in(each, "type") != "memberOf") {
      return client_exception("Placement constraints of a task definition must be of type memberOf.");
    }
    if (text_in(each, "expression").empty()) {
      return client_exception("A placement constraint of type memberOf needs an expression.");
    }
    if (auto query = scheduler::Query::parse(text_in(each, "expression")); !query) {
      return client_exception(query.error().text());
    }
  }
  return {};
}

bool is_ipc_control(const std::string& name) {
  return name.starts_with("kernel.msg") || name.starts_with("kernel.shm") || name == "kernel.sem" ||
         name.starts_with("fs.mqueue.");
}

// What the kernel or the platform has nothing of.
Result<void> check_namespaces(const json& document) {
  const std::string system = text_in(object_in(document, "runtimePlatform"), "operatingSystemFamily");
  for (const char* mode : {"pidMode", "ipcMode"}) {
    if (has(document, mode) && system.starts_with("WINDOWS_"))
      return client_exception(std::string(mode) + " is not supported for Windows containers.");
  }
  const bool host_ipc = text_in(document, "ipcMode") == "host";
  const bool host_network = text_in(document, "networkMode") == "host";
  for (const json& container : list_in(document, "containerDefinitions")) {
    for (const json& each : list_in(container, "systemControls")) {
      const std::string name = text_in(each, "namespace");
      const bool is_host_setting =
          (host_ipc && is_ipc_control(name)) || (host_network && name.starts_with("net."));
      if (!is_host_setting) continue;
      return client_exception("Invalid setting for container '" + text_in(container, "name") +
                              "': systemControls '" + name + "' cannot be set with " +
                              (name.starts_with("net.") ? "networkMode" : "ipcMode") +
                              " host: it would be the host's own setting.");
    }
  }
  return {};
}

// Volumes with unique names and one kind each; a name alone is an empty host directory.
Result<void> normalise_volumes(json& document) {
  std::set<std::string> names;
  for (json& volume : document["volumes"]) {
    const std::string name = text_in(volume, "name");
    if (!aws::is_ecs_name(name)) return client_exception("Invalid volume name '" + name + "'.");
    if (!names.insert(name).second) return client_exception("Duplicate volume name " + name + ".");
    int kinds = 0;
    for (const char* kind : {"host", "dockerVolumeConfiguration", "efsVolumeConfiguration",
                             "fsxWindowsFileServerVolumeConfiguration", "s3filesVolumeConfiguration"}) {
      if (has(volume, kind)) ++kinds;
    }
    const bool at_launch = boolean_in(volume, "configuredAtLaunch").value_or(false);
    if (at_launch) ++kinds;
    if (kinds > 1)
      return client_exception("Volume " + name + " must have exactly one kind of configuration.");
    if (kinds == 0) volume["host"] = json::object();
  }
  return {};
}

}  // namespace

std::optional<std::int64_t> cpu_units(std::string_view text) { return amount_of(text, "vcpu", kUnitsOfVcpu); }
std::optional<std::int64_t> memory_mib(std::string_view text) { return amount_of(text, "gb", kMibOfGb); }

Result<json> normalise_definition(const json& in) {
  const std::string family = text_in(in, "family");
  if (family.empty()) return client_exception("Family should not be null or empty.");
  if (!aws::is_ecs_name(family)) return client_exception("Family contains invalid characters.");
  json document = in;
  document.erase("tags");
  for (const char* list : {"volumes", "placementConstraints"}) {
    if (!has(document, list)) document[list] = json::array();
  }
  if (auto words = check_words(document); !words) return words.error();
  if (auto namespaces = check_namespaces(document); !namespaces) return namespaces.error();
  if (auto sizes = normalise_sizes(document); !sizes) return sizes.error();
  if (auto volumes = normalise_volumes(document); !volumes) return volumes.error();
  if (auto containers = normalise_containers(document); !containers) return containers.error();
  if (auto references = check_references(document); !references) return references.error();
  const std::vector<std::string> compatible = compatibilities_of(document);
  for (const std::string& wanted : texts_in(document, "requiresCompatibilities")) {
    if (std::find(compatible.begin(), compatible.end(), wanted) != compatible.end()) continue;
    const auto obstacle = wanted == "FARGATE" ? fargate_obstacle(document) : std::nullopt;
    return client_exception(obstacle.value_or("The task definition is not compatible with " + wanted + "."));
  }
  document["compatibilities"] = compatible;
  json attributes = json::array();
  for (const std::string& name : required_attributes_of(document)) attributes.push_back({{"name", name}});
  if (!attributes.empty()) document["requiresAttributes"] = std::move(attributes);
  if (const std::size_t size = shared::json::to_text(document).size(); size > kMaxDefinitionBytes) {
    return client_exception("The task definition has " + std::to_string(size) + " bytes; at most " +
                            std::to_string(kMaxDefinitionBytes) + " are allowed.");
  }
  return document;
}

}  // namespace agent::api::ecs
