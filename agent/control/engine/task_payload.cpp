#include "agent/control/engine/task_payload.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/model/words.h"
#include "shared/base/units.h"

namespace agent::control {
namespace {

using nlohmann::json;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr double kUnitsPerCpu = 1024.0;

// The stored documents were validated when they were registered; a member of the wrong type counts as absent.
json object_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}
const json& member(const json& object, const char* name) {
  static const json kAbsent;
  const auto it = object.find(name);
  return it == object.end() ? kAbsent : *it;
}
std::string text(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::int64_t number(const json& object, const char* name, std::int64_t otherwise) {
  const json& value = member(object, name);
  if (value.is_number()) return value.get<std::int64_t>();
  return otherwise;
}
bool flag(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}
std::vector<std::string> strings(const json& object, const char* name) {
  std::vector<std::string> all;
  for (const json& each : member(object, name)) {
    if (each.is_string()) all.push_back(each.get<std::string>());
  }
  return all;
}
// task-level sizes are stored as strings of digits, and accepted as numbers
std::int64_t digits(const json& object, const char* name, std::int64_t otherwise) {
  const json& value = member(object, name);
  if (!value.is_string()) return number(object, name, otherwise);
  const std::string words = value.get<std::string>();
  const json parsed = json::parse(words, nullptr, false);
  return parsed.is_number() ? parsed.get<std::int64_t>() : otherwise;
}

void copy_text(const json& from, const char* name, json& to, const char* as) {
  if (const std::string value = text(from, name); !value.empty()) to[as] = value;
}
void copy_flag(const json& from, const char* name, json& to, const char* as) {
  if (flag(from, name)) to[as] = true;
}
void copy_list(const json& from, const char* name, json& to, const char* as) {
  if (auto list = strings(from, name); !list.empty()) to[as] = std::move(list);
}

json health_check(const json& check) {
  json out;
  std::vector<std::string> test = strings(check, "command");
  // The engine takes the first word for how to run the rest, and checks nothing at all when it does not know
  // it. A command that begins without one is run as it stands.
  const bool says_how = !test.empty() && (test[0] == "CMD" || test[0] == "CMD-SHELL" || test[0] == "NONE");
  if (!says_how) test.insert(test.begin(), "CMD");
  out["Test"] = std::move(test);
  out["Interval"] = number(check, "interval", 30) * kNanosPerSecond;
  out["Timeout"] = number(check, "timeout", 5) * kNanosPerSecond;
  out["Retries"] = number(check, "retries", 3);
  if (const auto start = number(check, "startPeriod", 0); start > 0) {
    out["StartPeriod"] = start * kNanosPerSecond;
  }
  return out;
}

std::string docker_config(const json& container) {
  json config = json::object();
  copy_text(container, "user", config, "User");
  copy_text(container, "workingDirectory", config, "WorkingDir");
  copy_text(container, "hostname", config, "Hostname");
  copy_flag(container, "pseudoTerminal", config, "Tty");
  copy_flag(container, "interactive", config, "OpenStdin");
  const json& labels = member(container, "dockerLabels");
  if (labels.is_object() && !labels.empty()) config["Labels"] = labels;
  const json& check = member(container, "healthCheck");
  if (check.is_object()) config["HealthCheck"] = health_check(check);
  return config.dump();
}

json device(const json& from) {
  const std::string host = text(from, "hostPath");
  const std::string inside = text(from, "containerPath");
  std::string permissions;
  for (const std::string& each : strings(from, "permissions")) {
    permissions += each == "read" ? "r" : each == "write" ? "w" : each == "mknod" ? "m" : "";
  }
  return {{"PathOnHost", host},
          {"PathInContainer", inside.empty() ? host : inside},
          {"CgroupPermissions", permissions.empty() ? "rwm" : permissions}};
}

void linux_parameters(const json& from, std::int64_t memory_mib, json& host) {
  const json& capabilities = member(from, "capabilities");
  if (capabilities.is_object()) {
    if (auto add = strings(capabilities, "add"); !add.empty()) host["CapAdd"] = std::move(add);
    if (auto drop = strings(capabilities, "drop"); !drop.empty()) host["CapDrop"] = std::move(drop);
  }
  for (const json& each : member(from, "devices")) host["Devices"].push_back(device(each));
  copy_flag(from, "initProcessEnabled", host, "Init");
  if (const auto size = number(from, "sharedMemorySize", 0); size > 0) host["ShmSize"] = size * shared::kMiB;
  for (const json& each : member(from, "tmpfs")) {
    std::string options = "size=" + std::to_string(number(each, "size", 0)) + "m";
    for (const std::string& option : strings(each, "mountOptions")) options += "," + option;
    host["Tmpfs"][text(each, "containerPath")] = options;
  }
  // The engine counts memory and swap together, and refuses the setting without a memory limit.
  if (const json& swap = member(from, "maxSwap"); swap.is_number() && memory_mib > 0) {
    host["MemorySwap"] = (memory_mib + swap.get<std::int64_t>()) * shared::kMiB;
    if (const json& swappiness = member(from, "swappiness"); swappiness.is_number()) {
      host["MemorySwappiness"] = swappiness;
    }
  }
}

// Volumes as agents read them: each with its type, which the API leaves to be seen from the members. The node
// says so when it cannot mount a type.
json typed_volumes(const json& volumes) {
  constexpr std::array kKinds = {std::pair{"dockerVolumeConfiguration", "docker"},
                                 std::pair{"efsVolumeConfiguration", "efs"},
                                 std::pair{"fsxWindowsFileServerVolumeConfiguration", "fsxWindowsFileServer"},
                                 std::pair{"s3filesVolumeConfiguration", "s3files"}};
  json typed = json::array();
  for (const json& volume : volumes) {
    if (!volume.is_object()) continue;
    json out = {{"name", text(volume, "name")}, {"type", "host"}};
    for (const auto& [member_name, type] : kKinds) {
      if (!member(volume, member_name).is_object()) continue;
      out["type"] = type;
      out[member_name] = member(volume, member_name);
    }
    if (out["type"] == "host") {
      out["host"] = member(volume, "host").is_object() ? member(volume, "host") : json::object();
    }
    typed.push_back(std::move(out));
  }
  return typed;
}

void add_mounts(const json& container, link::ContainerPayload& out) {
  for (const json& each : member(container, "mountPoints")) {
    out.mount_points.push_back(
        {text(each, "sourceVolume"), text(each, "containerPath"), flag(each, "readOnly")});
  }
  for (const json& each : member(container, "volumesFrom")) {
    out.volumes_from.push_back({text(each, "sourceContainer"), flag(each, "readOnly")});
  }
}

json log_configuration(const json& from) {
  json config = json::object();
  const json& options = member(from, "options");
  if (options.is_object()) config = options;
  return {{"Type", text(from, "logDriver")}, {"Config", std::move(config)}};
}

json host_config(const json& container, const std::string& network_mode, std::int64_t memory,
                 std::int64_t reservation) {
  json host = {{"NetworkMode", flag(container, "disableNetworking") ? "none" : network_mode},
               {"CapAdd", json::array()},
               {"CapDrop", json::array()}};
  if (reservation > 0) host["MemoryReservation"] = reservation * shared::kMiB;
  copy_flag(container, "privileged", host, "Privileged");
  copy_flag(container, "readonlyRootFilesystem", host, "ReadonlyRootfs");
  copy_list(container, "dnsServers", host, "Dns");
  copy_list(container, "dnsSearchDomains", host, "DnsSearch");
  copy_list(container, "dockerSecurityOptions", host, "SecurityOpt");
  for (const json& each : member(container, "extraHosts")) {
    host["ExtraHosts"].push_back(text(each, "hostname") + ":" + text(each, "ipAddress"));
  }
  for (const json& each : member(container, "ulimits")) {
    host["Ulimits"].push_back({{"Name", text(each, "name")},
                               {"Soft", number(each, "softLimit", 0)},
                               {"Hard", number(each, "hardLimit", 0)}});
  }
  for (const json& each : member(container, "systemControls")) {
    host["Sysctls"][text(each, "namespace")] = text(each, "value");
  }
  const json& logs = member(container, "logConfiguration");
  if (logs.is_object()) host["LogConfig"] = log_configuration(logs);
  const json& linux_part = member(container, "linuxParameters");
  if (linux_part.is_object()) linux_parameters(linux_part, memory, host);
  return host;
}

json override_of(const json& overrides, const std::string& container) {
  for (const json& each : member(overrides, "containerOverrides")) {
    if (each.is_object() && text(each, "name") == container) return each;
  }
  return json::object();
}

void merge_environment(const json& from, std::map<std::string, std::string>& into) {
  for (const json& each : member(from, "environment")) {
    if (each.is_object()) into[text(each, "name")] = text(each, "value");
  }
}

std::string container_arn(const model::Task& task, const std::string& name) {
  for (const model::Container& each : task.containers) {
    if (each.name == name) return each.arn;
  }
  return {};
}

// Of an ARN; of ours where there is none. "arn:aws:ecs:REGION:..."
std::string region_in(const std::string& arn, const std::string& otherwise) {
  constexpr int kRegion = 3;
  if (!arn.starts_with("arn:")) return otherwise;
  std::size_t begin = 0;
  for (int i = 0; i < kRegion; ++i) {
    begin = arn.find(':', begin);
    if (begin == std::string::npos) return otherwise;
    ++begin;
  }
  return arn.substr(begin, arn.find(':', begin) - begin);
}

// The values are the agent's to ask for: they are in no row and in no message.
void add_secrets(const json& container, const std::string& region, link::ContainerPayload& out) {
  for (const json& each : member(container, "secrets")) {
    link::SecretPayload secret;
    secret.name = text(each, "name");
    secret.value_from = text(each, "valueFrom");
    secret.region = region_in(secret.value_from, region);
    secret.provider = secret.value_from.find(":secretsmanager:") == std::string::npos ? "ssm" : "asm";
    out.secrets.push_back(std::move(secret));
  }
  const json& registry = member(container, "repositoryCredentials");
  if (!registry.is_object()) return;
  const std::string from = text(registry, "credentialsParameter");
  out.registry_authentication = link::RegistryAuthentication{from, region_in(from, region)};
}

link::ContainerPayload container_payload(const model::ContainerDefinition& definition,
                                         const model::TaskDefinition& of, const model::Task& task,
                                         const json& overrides, const std::string& region) {
  const json container = object_of(definition.document);
  const json changed = override_of(overrides, definition.name);
  link::ContainerPayload out;
  out.name = definition.name;
  out.image = definition.image;
  out.container_arn = container_arn(task, definition.name);
  out.cpu = static_cast<int>(number(changed, "cpu", definition.cpu));
  out.memory = static_cast<int>(number(changed, "memory", definition.memory.value_or(0)));
  out.essential = definition.essential;
  out.command = strings(member(changed, "command").is_array() ? changed : container, "command");
  out.entry_point = strings(container, "entryPoint");
  out.environment["AWS_EXECUTION_ENV"] = "AWS_ECS_EC2";
  merge_environment(container, out.environment);
  merge_environment(changed, out.environment);
  for (const model::PortMapping& each : definition.port_mappings) {
    out.port_mappings.push_back({each.container_port, each.host_port, each.protocol});
  }
  for (const model::Dependency& each : definition.depends_on) {
    out.depends_on.push_back({each.container, each.condition});
  }
  out.links = strings(container, "links");
  out.start_timeout = static_cast<int>(number(container, "startTimeout", 0));
  out.stop_timeout = static_cast<int>(number(container, "stopTimeout", 0));
  out.docker_config = docker_config(container);
  add_mounts(container, out);
  add_secrets(container, region, out);
  out.docker_host_config =
      host_config(container, std::string(model::word(of.network_mode)), out.memory,
                  number(changed, "memoryReservation", definition.memory_reservation.value_or(0)))
          .dump();
  if (definition.has_health_check) {
    out.health_check_type = "docker";
    out.docker_version = "1.24";
  }
  return out;
}

}  // namespace

link::TaskPayload task_payload(const model::TaskDefinition* definition, const model::Task& task,
                               const std::string& cluster_arn, model::DesiredStatus desired) {
  link::TaskPayload out;
  out.arn = task.arn;
  out.task_cluster_arn = cluster_arn;
  out.family = task.family;
  out.version = std::to_string(task.revision);
  out.desired_status = std::string(model::word(desired));
  out.launch_type = std::string(model::word(task.launch_type));
  out.service_name = task.service;
  out.group = task.group;
  if (definition == nullptr) {
    for (const model::Container& each : task.containers) {
      link::ContainerPayload container;
      container.name = each.name;
      container.image = each.image;
      container.container_arn = each.arn;
      container.essential = each.essential;
      container.docker_config = "{}";
      container.docker_host_config = "{}";
      out.containers.push_back(std::move(container));
    }
    return out;
  }
  const json overrides = object_of(task.overrides);
  const json document = object_of(definition->document);
  out.volumes = typed_volumes(member(document, "volumes")).dump();
  out.cpu = static_cast<double>(digits(overrides, "cpu", definition->cpu.value_or(0))) / kUnitsPerCpu;
  out.memory = static_cast<int>(digits(overrides, "memory", definition->memory.value_or(0)));
  out.network_mode = std::string(model::word(definition->network_mode));
  out.pid_mode = text(document, "pidMode");
  out.ipc_mode = text(document, "ipcMode");
  for (const model::ContainerDefinition& each : definition->containers) {
    out.containers.push_back(
        container_payload(each, *definition, task, overrides, region_in(cluster_arn, "")));
  }
  return out;
}

}  // namespace agent::control
