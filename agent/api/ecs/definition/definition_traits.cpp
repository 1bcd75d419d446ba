// What follows from a definition: the launch types it fits and the attributes it asks of an instance.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/definition/definition.h"
#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

using nlohmann::json;

namespace {

// The classic prefix of the ECS agent's attributes, and the later one.
std::string classic(std::string_view name) { return "com.amazonaws.ecs.capability." + std::string(name); }
std::string later(std::string_view name) { return "ecs.capability." + std::string(name); }

std::string mode_of(const json& document) {
  return has(document, "networkMode") ? text_in(document, "networkMode") : "bridge";
}

bool any_container_has(const json& document, std::string_view member) {
  const json& containers = list_in(document, "containerDefinitions");
  return std::any_of(containers.begin(), containers.end(), [&](const json& each) {
    const auto it = each.find(member);
    return it != each.end() && !it->empty() && *it != false;
  });
}

struct FargateSize {
  std::int64_t cpu;
  std::int64_t min;
  std::int64_t max;
  std::int64_t step;
};
constexpr std::array<FargateSize, 6> kFargateSizes = {{{512, 1024, 4096, 1024},
                                                       {1024, 2048, 8192, 1024},
                                                       {2048, 4096, 16384, 1024},
                                                       {4096, 8192, 30720, 1024},
                                                       {8192, 16384, 61440, 4096},
                                                       {16384, 32768, 122880, 8192}}};

bool is_fargate_size(std::int64_t cpu, std::int64_t memory) {
  if (cpu == 256) return memory == 512 || memory == 1024 || memory == 2048;
  return std::any_of(kFargateSizes.begin(), kFargateSizes.end(), [&](const FargateSize& each) {
    return each.cpu == cpu && memory >= each.min && memory <= each.max &&
           (memory - each.min) % each.step == 0;
  });
}

void add_logging(const json& container, std::set<std::string>& names) {
  if (!has(container, "logConfiguration")) return;
  const std::string driver = text_in(object_in(container, "logConfiguration"), "logDriver");
  names.insert(classic("logging-driver." + driver));
  names.insert(classic(driver == "awslogs" || driver == "fluentd" ? "docker-remote-api.1.19"
                                                                  : "docker-remote-api.1.18"));
}

// A secret's ARN names its service; everything else is a parameter.
std::string secret_source(const json& secret) {
  return text_in(secret, "valueFrom").find(":secretsmanager:") != std::string::npos ? "asm" : "ssm";
}

void add_container(const json& container, std::set<std::string>& names) {
  add_logging(container, names);
  for (const json& secret : list_in(container, "secrets")) {
    names.insert(later("secrets." + secret_source(secret) + ".environment-variables"));
  }
  for (const json& secret : list_in(object_in(container, "logConfiguration"), "secretOptions")) {
    names.insert(later("secrets." + secret_source(secret) + ".bootstrap.log-driver"));
  }
  if (has(container, "healthCheck")) names.insert(later("container-health-check"));
  if (!list_in(container, "dependsOn").empty() || has(container, "startTimeout") ||
      has(container, "stopTimeout")) {
    names.insert(later("container-ordering"));
  }
  if (has(container, "repositoryCredentials")) {
    names.insert(later("private-registry-authentication.secretsmanager"));
  }
  if (!list_in(container, "environmentFiles").empty()) names.insert(later("env-files.s3"));
  if (boolean_in(container, "privileged").value_or(false)) names.insert(classic("privileged-container"));
  if (has(container, "firelensConfiguration")) {
    names.insert(later("firelens." + text_in(object_in(container, "firelensConfiguration"), "type")));
  }
  if (boolean_in(object_in(container, "restartPolicy"), "enabled").value_or(false))
    names.insert(later("container-restart-policy"));
  for (const json& each : list_in(container, "resourceRequirements")) {
    if (text_in(each, "type") == "InferenceAccelerator") names.insert(later("task-eia"));
  }
  for (const std::string& each : texts_in(container, "credentialSpecs")) {
    names.insert(later(each.starts_with("credentialspecdomainless:") ? "gmsa-domainless" : "gmsa"));
  }
  for (const json& port : list_in(container, "portMappings")) {
    if (has(port, "containerPortRange")) names.insert(later("network.container-port-range"));
  }
  if (!object_in(container, "dockerLabels").empty() || !list_in(container, "ulimits").empty()) {
    names.insert(classic("docker-remote-api.1.18"));
  }
  if (has(container, "memoryReservation")) names.insert(classic("docker-remote-api.1.21"));
  if (boolean_in(object_in(container, "linuxParameters"), "initProcessEnabled").value_or(false)) {
    names.insert(classic("docker-remote-api.1.25"));
  }
  for (const std::string& option : texts_in(container, "dockerSecurityOptions")) {
    if (option.starts_with("label:")) names.insert(classic("selinux"));
    if (option.starts_with("apparmor:")) names.insert(classic("apparmor"));
    if (option.starts_with("credentialspec:")) names.insert(later("gmsa"));
  }
}

void add_volumes(const json& document, std::set<std::string>& names) {
  for (const json& volume : list_in(document, "volumes")) {
    if (has(volume, "dockerVolumeConfiguration")) {
      const std::string driver = text_in(object_in(volume, "dockerVolumeConfiguration"), "driver");
      names.insert(later("docker-plugin." + (driver.empty() ? "local" : driver)));
    }
    if (has(volume, "efsVolumeConfiguration")) {
      names.insert(later("efs"));
      if (has(object_in(volume, "efsVolumeConfiguration"), "authorizationConfig"))
        names.insert(later("efsAuth"));
    }
    if (has(volume, "fsxWindowsFileServerVolumeConfiguration")) names.insert(later("fsxWindowsFileServer"));
    if (has(volume, "s3filesVolumeConfiguration")) names.insert(later("storage.s3-files"));
    if (boolean_in(volume, "configuredAtLaunch").value_or(false))
      names.insert(later("storage.ebs-task-volume-attach"));
  }
}

}  // namespace

std::optional<std::string> fargate_obstacle(const json& document) {
  if (mode_of(document) != "awsvpc")
    return "Fargate only supports network mode \xE2\x80\x98"
           "awsvpc\xE2\x80\x99.";
  if (!has(document, "cpu")) return "Fargate requires that 'cpu' be defined at the task level.";
  if (!has(document, "memory")) return "Fargate requires that 'memory' be defined at the task level.";
  const std::string cpu = text_in(document, "cpu");
  const std::string memory = text_in(document, "memory");
  if (!is_fargate_size(cpu_units(cpu).value_or(0), memory_mib(memory).value_or(0))) {
    return "No Fargate configuration exists for given values: " + cpu + " CPU, " + memory + " memory.";
  }
  if (text_in(document, "pidMode") == "host") {
    return "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for "
           "pidMode is "
           "'task'.";
  }
  for (const char* member : {"privileged", "links", "dockerSecurityOptions"}) {
    if (any_container_has(document, member))
      return "Fargate does not support the container setting '" + std::string(member) + "'.";
  }
  if (has(document, "ipcMode")) return "Fargate does not support ipcMode.";
  if (!list_in(document, "placementConstraints").empty())
    return "Fargate does not support placementConstraints.";
  for (const json& volume : list_in(document, "volumes")) {
    if (has(volume, "dockerVolumeConfiguration") || has(object_in(volume, "host"), "sourcePath")) {
      return "Fargate does not support volume " + text_in(volume, "name") +
             ": host paths and docker volumes need a host.";
    }
  }
  for (const json& container : list_in(document, "containerDefinitions")) {
    const std::string driver = text_in(object_in(container, "logConfiguration"), "logDriver");
    if (driver == "awslogs" && !has(document, "executionRoleArn")) {
      return "Fargate requires task definition to have execution role ARN to support log driver awslogs.";
    }
    if (!driver.empty() && driver != "awslogs" && driver != "splunk" && driver != "awsfirelens") {
      return "Fargate does not support log driver " + driver + ".";
    }
  }
  return std::nullopt;
}

std::vector<std::string> compatibilities_of(const json& document) {
  std::vector<std::string> fitting;
  const bool own_interface = mode_of(document) == "awsvpc";
  if (!own_interface && !has(document, "proxyConfiguration")) fitting.emplace_back("EXTERNAL");
  fitting.emplace_back("EC2");
  if (!fargate_obstacle(document)) fitting.emplace_back("FARGATE");
  const bool managed = own_interface || mode_of(document) == "host";
  if (managed) fitting.emplace_back("MANAGED_INSTANCES");
  return fitting;
}

// Execution roles and private registries are not among them: no agent says of itself that it has none.
std::vector<std::string> required_attributes_of(const json& document) {
  std::set<std::string> names;
  if (mode_of(document) == "awsvpc") names.insert(later("task-eni"));
  if (has(document, "taskRoleArn"))
    names.insert(classic(mode_of(document) == "host" ? "task-iam-role-network-host" : "task-iam-role"));
  if (has(document, "cpu") || has(document, "memory")) names.insert(later("task-cpu-mem-limit"));
  // Also for `host` and `none`: an agent that knows nothing of the modes would start the task without them.
  if (has(document, "pidMode") || has(document, "ipcMode")) {
    names.insert(later("pid-ipc-namespace-sharing"));
  }
  if (!list_in(document, "inferenceAccelerators").empty()) names.insert(later("task-eia"));
  if (has(document, "proxyConfiguration")) names.insert(later("aws-appmesh"));
  if (boolean_in(document, "enableFaultInjection").value_or(false)) names.insert(later("fault-injection"));
  for (const json& container : list_in(document, "containerDefinitions")) {
    add_container(container, names);
  }
  add_volumes(document, names);
  return {names.begin(), names.end()};
}

}  // namespace agent::api::ecs
