#include "agent/node/link/registration.h"

#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace agent::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kUnitsPerCpu = 1024;
constexpr const char* kInstallation = "berthInstallation";

std::vector<std::string> as_text(const std::set<int>& ports) {
  std::vector<std::string> out;
  for (const int port : ports) out.push_back(std::to_string(port));
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> instance_attributes(const NodeSettings& settings,
                                                                     const Identity& identity,
                                                                     cgroup::Mode limits) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](const std::string& name, const std::string& value = "") {
    out.emplace_back(name, value);
  };
  const std::string a = "ecs.capability.";
  const std::string b = "com.amazonaws.ecs.capability.";
  // The list newer ECS agents send, with its gaps; every engine we talk to has these API versions.
  for (int minor = 17; minor <= 32; ++minor) {
    if (minor == 26 || minor == 27 || minor == 31) continue;
    add(b + "docker-remote-api.1." + std::to_string(minor));
  }
  for (const std::string& driver : settings.logging_drivers) add(b + "logging-driver." + driver);
  if (!settings.disable_privileged) add(b + "privileged-container");
  for (const char* name : {"container-ordering", "full-sync", "container-health-check", "docker-plugin.local",
                           "external", "pid-ipc-namespace-sharing"}) {
    add(a + name);
  }
  if (limits != cgroup::Mode::kDisabled) {
    add(a + "task-cpu-mem-limit");
    add(a + "increased-task-cpu-limit");
  }
  add(a + "secrets.ssm.environment-variables");
  add(a + "secrets.asm.environment-variables");
  // Where containers find their role's keys.
  if (!settings.metadata_url.empty()) {
    add(b + "task-iam-role");
    add(b + "task-iam-role-network-host");
  }
  for (const std::string& name : settings.extra_capabilities) add(name);
  add("ecs.os-type", "linux");
  add("ecs.os-family", "LINUX");
  add("ecs.cpu-architecture", settings.cpu_architecture);
  add("berth.address", settings.address);
  add("berth.instance-id", identity.instance_id);
  for (const auto& [name, value] : settings.attributes) add(name, value);
  return out;
}

std::string registration_request(const NodeSettings& settings, const Identity& identity, cgroup::Mode limits,
                                 const std::string& engine_version, const std::string& client_token) {
  const auto integer = [](const char* name, std::int64_t value) {
    return json{{"name", name}, {"type", "INTEGER"}, {"integerValue", value}};
  };
  const auto ports = [](const char* name, const std::set<int>& values) {
    return json{{"name", name}, {"type", "STRINGSET"}, {"stringSetValue", as_text(values)}};
  };
  json attributes = json::array();
  for (const auto& [name, value] : instance_attributes(settings, identity, limits)) {
    attributes.push_back(value.empty() ? json{{"name", name}} : json{{"name", name}, {"value", value}});
  }
  json body = {{"cluster", settings.cluster},
               {"clientToken", client_token},
               {"instanceIdentityDocument", ""},
               {"instanceIdentityDocumentSignature", ""},
               {"totalResources",
                {integer("CPU", settings.cpus * kUnitsPerCpu),
                 integer("MEMORY", settings.memory_mib - settings.reserved_memory_mib),
                 ports("PORTS", settings.reserved_ports), ports("PORTS_UDP", settings.reserved_ports_udp)}},
               {"versionInfo",
                {{"agentVersion", settings.agent_version},
                 {"agentHash", settings.agent_hash},
                 {"dockerVersion", "DockerVersion: " + engine_version}}},
               {"attributes", std::move(attributes)}};
  if (!identity.container_instance_arn.empty())
    body["containerInstanceArn"] = identity.container_instance_arn;
  for (const auto& [key, value] : settings.tags) body["tags"].push_back({{"key", key}, {"value", value}});
  return shared::json::to_text(body);
}

shared::Result<Registered> registered_as(const std::string& answer) {
  auto document = shared::json::Document::parse(answer, "malformed");
  if (!document) return document.error();
  const auto root = document->root();
  const auto instance = root.required_child("containerInstance");
  Registered out{instance ? instance->required_string("containerInstanceArn") : "",
                 root.string_or(kInstallation, "")};
  if (!root.ok()) return root.error();
  return out;
}

shared::Result<PollEndpoints> poll_endpoints(const std::string& answer) {
  auto document = shared::json::Document::parse(answer, "malformed");
  if (!document) return document.error();
  const auto root = document->root();
  PollEndpoints endpoints{root.required_string("endpoint"), root.string_or("telemetryEndpoint", ""),
                          root.string_or(kInstallation, "")};
  if (!root.ok()) return root.error();
  for (std::string* each : {&endpoints.session, &endpoints.telemetry}) {
    while (each->ends_with('/')) each->pop_back();
  }
  return endpoints;
}

}  // namespace agent::node
