#include "agent/control/cluster/task_definitions.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/control/records/records.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
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

std::set<std::string> definitions_in_use(const State& state) {
  std::set<std::string> used;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status != model::TaskStatus::kStopped) used.insert(task.task_definition_arn);
  }
  for (const auto& [key, service] : state.services.rows()) {
    if (service.status == model::ServiceStatus::kInactive) continue;
    used.insert(service.task_definition_arn);
    used.insert(service.last_completed_task_definition);
    for (const model::Deployment& deployment : service.deployments) {
      used.insert(deployment.task_definition_arn);
    }
  }
  return used;
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

Result<std::string> register_task_definition(Step& step, NewTaskDefinition wanted) {
  int& last = step.edit_meta().last_revision[wanted.family];
  if (last >= kMaxRevisions) {
    return fault("LimitExceededException", "Family " + wanted.family + " has used all of its " +
                                               std::to_string(kMaxRevisions) + " revisions.");
  }
  model::TaskDefinition definition;
  definition.family = std::move(wanted.family);
  definition.document = std::move(wanted.document);
  if (auto filled = fill_from_document(definition); !filled) {
    return client_exception(filled.error().text());
  }
  definition.revision = ++last;
  definition.tags = std::move(wanted.tags);
  definition.registered_by = std::move(wanted.registered_by);
  definition.registered_at = step.now;
  const std::string key = key_of(definition);
  definition.arn = step.arn("ecs", "task-definition/" + key);
  step.state.task_definitions.put(key, std::move(definition));
  return key;
}

void deregister_task_definition(Step& step, const std::string& key) {
  const model::TaskDefinition* present = step.state.task_definitions.find(key);
  BERTH_CHECK(present != nullptr, "deregister_task_definition of one that exists");
  if (present->status != model::TaskDefinitionStatus::kActive) return;
  model::TaskDefinition& row = *step.state.task_definitions.edit(key);
  row.status = model::TaskDefinitionStatus::kInactive;
  row.deregistered_at = step.now;
}

Result<void> delete_task_definition(Step& step, const std::string& key) {
  const model::TaskDefinition* present = step.state.task_definitions.find(key);
  BERTH_CHECK(present != nullptr, "delete_task_definition of one that exists");
  if (present->status == model::TaskDefinitionStatus::kActive) {
    return client_exception(
        "The specified task definition is still in ACTIVE status. Please deregister the target and "
        "try again.");
  }
  if (present->status == model::TaskDefinitionStatus::kDeleteInProgress) return {};
  model::TaskDefinition& row = *step.state.task_definitions.edit(key);
  row.status = model::TaskDefinitionStatus::kDeleteInProgress;
  auto document = shared::json::parse(row.document);
  BERTH_CHECK(document.has_value() && document->is_object(), "a stored definition is a JSON object");
  (*document)["deleteRequestedAt"] = shared::epoch_seconds(step.now);
  row.document = shared::json::to_text(*document);
  return {};
}

void purge_task_definitions(Step& step) {
  std::vector<std::string> leaving;
  for (const auto& [key, row] : step.state.task_definitions.rows()) {
    if (row.status == model::TaskDefinitionStatus::kDeleteInProgress) leaving.push_back(key);
  }
  if (leaving.empty()) return;
  const std::set<std::string> used = definitions_in_use(step.state);
  for (const std::string& key : leaving) {
    if (!used.contains(step.state.task_definitions.find(key)->arn)) step.state.task_definitions.erase(key);
  }
}

}  // namespace agent::control
