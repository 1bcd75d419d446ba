// Containers of a task definition: one by one, and their sums.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/definition/definition.h"
#include "agent/api/ecs/wire/request.h"
#include "agent/aws/arn.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxImageChars = 255;  // before a digest
constexpr int kDefaultHealthInterval = 30;   // seconds
constexpr int kDefaultHealthTimeout = 5;     // seconds
constexpr int kDefaultHealthRetries = 3;

Result<void> check_image(const std::string& image) {
  if (image.empty()) return client_exception("Container.image should not be null or empty.");
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:./#@";
  const std::size_t at = image.find('@');
  bool good =
      image.find_first_not_of(kAllowed) == std::string::npos && image.substr(0, at).size() <= kMaxImageChars;
  if (at != std::string::npos) {
    constexpr std::string_view kDigest = "sha256:";
    constexpr std::size_t kDigits = 64;
    const std::string digest = image.substr(at + 1);
    good = good && at > 0 && digest.starts_with(kDigest) && digest.size() == kDigest.size() + kDigits &&
           digest.find_first_not_of("0123456789abcdef", kDigest.size()) == std::string::npos;
  }
  if (!good) return client_exception("Container.image contains invalid characters.");
  return {};
}

Result<void> check_sizes(const json& container, bool task_has_memory) {
  const std::string name = text_in(container, "name");
  if (integer_in(container, "cpu").value_or(0) < 0) {
    return client_exception("Invalid setting for container '" + name + "'. 'cpu' must not be negative.");
  }
  const auto hard = integer_in(container, "memory");
  const auto soft = integer_in(container, "memoryReservation");
  if (!task_has_memory && hard.value_or(0) <= 0 && soft.value_or(0) <= 0) {
    return client_exception("Invalid setting for container '" + name +
                            "'. At least one of 'memory' or 'memoryReservation' must be specified.");
  }
  for (const auto& amount : {hard, soft}) {
    if (amount && *amount != 0 && *amount < kMinContainerMemory) {
      return client_exception("Invalid setting for container '" + name + "'. Memory must be at least " +
                              std::to_string(kMinContainerMemory) + " MiB.");
    }
  }
  if (hard && soft && *hard > 0 && *hard < *soft) {
    return client_exception(
        "Invalid setting for container '" + name +
        "'. The value for memory must be greater than or equal to the value for memoryReservation.");
  }
  return {};
}

Result<void> normalise_health_check(json& container) {
  if (!has(container, "healthCheck")) return {};
  json& check = container["healthCheck"];
  const std::string where = "Invalid healthCheck of container '" + text_in(container, "name") + "': ";
  const std::vector<std::string> command = texts_in(check, "command");
  const bool only_how = command.size() == 1 && is_one_of(command.front(), {"CMD", "CMD-SHELL"});
  if (command.empty() || command.front().empty() || only_how) {
    return client_exception(where +
                            "command must hold a command, after CMD or CMD-SHELL if one of them is given.");
  }
  struct Limit {
    const char* member;
    int otherwise;
    int min;
    int max;
  };
  for (const Limit& limit :
       {Limit{"interval", kDefaultHealthInterval, 5, 300}, Limit{"timeout", kDefaultHealthTimeout, 2, 60},
        Limit{"retries", kDefaultHealthRetries, 1, 10}, Limit{"startPeriod", 0, 0, 300}}) {
    const bool given = has(check, limit.member);
    const int value = integer_in(check, limit.member).value_or(limit.otherwise);
    if (value < limit.min || value > limit.max) {
      return client_exception(where + limit.member + " must be between " + std::to_string(limit.min) +
                              " and " + std::to_string(limit.max) + ".");
    }
    if (!given && limit.min > 0) check[limit.member] = value;
  }
  return {};
}

Result<void> check_logging(const json& container) {
  if (!has(container, "logConfiguration")) return {};
  const json& logging = object_in(container, "logConfiguration");
  const std::string driver = text_in(logging, "logDriver");
  if (!is_one_of(driver, {"awslogs", "fluentd", "gelf", "json-file", "journald", "syslog", "splunk",
                          "awsfirelens"})) {
    return client_exception("Log driver '" + driver + "' is not known.");
  }
  const json& options = object_in(logging, "options");
  if (driver == "awslogs" && (!has(options, "awslogs-group") || !has(options, "awslogs-region"))) {
    return client_exception("Log driver awslogs requires options: awslogs-region, awslogs-group");
  }
  return {};
}

Result<void> check_environment(const json& container, bool execution_role) {
  const std::string name = text_in(container, "name");
  std::set<std::string> names;
  for (const json& each : list_in(container, "environment")) {
    if (text_in(each, "name").empty())
      return client_exception("Container '" + name + "' has an environment variable without a name.");
    names.insert(text_in(each, "name"));
  }
  const json& secrets = list_in(container, "secrets");
  if (!secrets.empty() && !execution_role) {
    return client_exception(
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.");
  }
  for (const json& each : secrets) {
    if (text_in(each, "name").empty() || text_in(each, "valueFrom").empty()) {
      return client_exception("Secrets of container '" + name + "' need a name and a valueFrom.");
    }
    if (names.contains(text_in(each, "name"))) {
      return client_exception(
          "The secret name must be unique and not shared with any new or existing environment "
          "variables set on the container, such as '" +
          text_in(each, "name") + "'.");
    }
  }
  if (list_in(container, "environmentFiles").size() > kMaxEnvironmentFiles) {
    return client_exception("Container '" + name + "' can have at most " +
                            std::to_string(kMaxEnvironmentFiles) + " environmentFiles.");
  }
  return {};
}

Result<void> normalise_container(json& container, const json& document) {
  const std::string name = text_in(container, "name");
  if (name.empty()) return client_exception("Container.name should not be null or empty.");
  if (!aws::is_ecs_name(name)) return client_exception("Container.name contains invalid characters.");
  if (auto image = check_image(text_in(container, "image")); !image) return image;
  if (auto sizes = check_sizes(container, has(document, "memory")); !sizes) return sizes;
  const std::string mode = has(document, "networkMode") ? text_in(document, "networkMode") : "bridge";
  if (auto ports = normalise_ports(container, mode); !ports) return ports;
  if (auto health = normalise_health_check(container); !health) return health;
  if (auto logging = check_logging(container); !logging) return logging;
  if (auto limits = check_limits(container); !limits) return limits;
  if (auto environment = check_environment(container, has(document, "executionRoleArn")); !environment) {
    return environment;
  }
  if (mode == "awsvpc") {
    for (const char* member : {"hostname", "dnsServers", "dnsSearchDomains", "extraHosts", "links"}) {
      if (has(container, member) && !container[member].empty()) {
        return client_exception(std::string(member) +
                                " is not supported on container when networkMode=awsvpc.");
      }
    }
  }
  if (!has(container, "cpu")) container["cpu"] = 0;
  if (!has(container, "essential")) container["essential"] = true;
  for (const char* list : {"portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"}) {
    if (!has(container, list)) container[list] = json::array();
  }
  return {};
}

Result<void> check_sums(const json& document) {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  for (const json& container : document["containerDefinitions"]) {
    cpu += integer_in(container, "cpu").value_or(0);
    const int soft = integer_in(container, "memoryReservation").value_or(0);
    memory += soft > 0 ? soft : integer_in(container, "memory").value_or(0);
  }
  const auto task_cpu = cpu_units(text_in(document, "cpu"));
  const auto task_memory = memory_mib(text_in(document, "memory"));
  if (task_cpu && cpu > *task_cpu) {
    return client_exception("The total cpu units of the containers (" + std::to_string(cpu) +
                            ") must not exceed the cpu of the task (" + std::to_string(*task_cpu) + ").");
  }
  if (task_memory && memory > *task_memory) {
    return client_exception("The total memory of the containers (" + std::to_string(memory) +
                            " MiB) must not exceed the memory of the task (" + std::to_string(*task_memory) +
                            " MiB).");
  }
  return {};
}

}  // namespace

Result<void> normalise_containers(json& document) {
  json containers = list_in(document, "containerDefinitions");
  if (containers.empty()) return client_exception("Container list cannot be empty.");
  if (containers.size() > kMaxContainers) {
    return client_exception("A task definition can have at most " + std::to_string(kMaxContainers) +
                            " containers.");
  }
  std::set<std::string> names;
  bool essential = false;
  for (json& container : containers) {
    if (auto normal = normalise_container(container, document); !normal) return normal;
    if (!names.insert(text_in(container, "name")).second) {
      return client_exception("Duplicate container name " + text_in(container, "name") + ".");
    }
    essential = essential || boolean_in(container, "essential").value_or(true);
  }
  if (!essential) return client_exception("A task definition must have at least one essential container.");
  document["containerDefinitions"] = std::move(containers);
  return check_sums(document);
}

}  // namespace agent::api::ecs
