#include "agent/control/records/definition_document.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;
using shared::json::Reader;

model::ContainerDefinition container_in(const Reader& in) {
  model::ContainerDefinition container;
  container.name = in.required_string("name");
  container.image = in.required_string("image");
  container.cpu = in.integer_or<int>("cpu", 0, 0);
  container.memory = in.integer<int>("memory", 0);
  container.memory_reservation = in.integer<int>("memoryReservation", 0);
  container.essential = in.boolean_or("essential", true);
  if (const auto check = in.child("healthCheck")) {
    const auto command = check->strings_or_empty("command");
    container.has_health_check = command.empty() || command.front() != "NONE";  // NONE: not even the image's
  }
  for (const Reader& port : in.children("portMappings")) {
    if (!port.has("containerPort")) continue;  // a range: its ports are chosen by the agent
    container.port_mappings.push_back({port.required_integer<int>("containerPort", 0, shared::net::kMaxPort),
                                       port.integer_or<int>("hostPort", 0, 0, shared::net::kMaxPort),
                                       port.string_or("protocol", "tcp")});
  }
  for (const Reader& each : in.children("resourceRequirements")) {
    const std::string value = each.string_or("value", "");
    int number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (each.string_or("type", "") == "GPU") container.gpus += number;
  }
  for (const Reader& dependency : in.children("dependsOn")) {
    container.depends_on.push_back(
        {dependency.required_string("containerName"), dependency.required_string("condition")});
  }
  return container;
}

// As agents word it: x86_64, arm64; linux, windows.
std::vector<model::NameValue> platform_in(const Reader& in) {
  std::vector<model::NameValue> wanted;
  const auto platform = in.child("runtimePlatform");
  if (!platform) return wanted;
  const std::string architecture = platform->string_or("cpuArchitecture", "");
  const std::string system = platform->string_or("operatingSystemFamily", "");
  if (!architecture.empty()) {
    wanted.push_back({"ecs.cpu-architecture", architecture == "ARM64" ? "arm64" : "x86_64"});
  }
  if (!system.empty()) wanted.push_back({"ecs.os-type", system == "LINUX" ? "linux" : "windows"});
  return wanted;
}

// A string of digits; the API has normalised it.
std::optional<std::int64_t> amount_in(const Reader& in, std::string_view name) {
  const std::optional<std::string> text = in.string(name);
  if (!text) return std::nullopt;
  std::int64_t amount = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, amount);
  if (failure == std::errc() && stop == end) return amount;
  in.fail(name, "expected digits");
  return std::nullopt;
}

}  // namespace

Result<void> fill_from_document(model::TaskDefinition& definition) {
  auto document = shared::json::Document::parse(definition.document, "corrupt");
  if (!document) return document.error();
  const Reader in = document->root();
  const std::string mode = in.string_or("networkMode", "bridge");
  const auto known_mode = model::from_word<model::NetworkMode>(mode);
  if (!known_mode) in.fail("networkMode", "unknown mode " + mode);
  definition.network_mode = known_mode.value_or(model::NetworkMode::kBridge);
  definition.cpu = amount_in(in, "cpu");
  definition.memory = amount_in(in, "memory");
  definition.containers.clear();
  for (const Reader& each : in.children("containerDefinitions")) {
    definition.containers.push_back(container_in(each));
  }
  definition.task_role = in.string_or("taskRoleArn", "");
  definition.execution_role = in.string_or("executionRoleArn", "");
  definition.platform = platform_in(in);
  definition.requires_attributes.clear();
  for (const Reader& each : in.children("requiresAttributes")) {
    definition.requires_attributes.push_back(each.required_string("name"));
  }
  definition.placement_expressions.clear();
  for (const Reader& each : in.children("placementConstraints")) {
    if (auto expression = each.string("expression")) definition.placement_expressions.push_back(*expression);
  }
  if (!document->sink().ok()) return document->sink().error().within("task definition " + definition.family);
  if (const nlohmann::json* containers = in.value("containerDefinitions")) {
    for (std::size_t i = 0; i < definition.containers.size(); ++i) {
      definition.containers[i].document = shared::json::to_text((*containers)[i]);
    }
  }
  return {};
}

}  // namespace agent::control
