// What containers say in numbers: timeouts, ulimits, memory of the kernel's, GPUs.
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/definition/definition.h"
#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr int kMaxGpus = 1024;           // of one container
constexpr int kMaxSwappiness = 100;      // percent, as the kernel has it
constexpr int kMinRestartPeriod = 60;    // seconds
constexpr int kMaxRestartPeriod = 1800;  // seconds

Result<void> check_ulimits(const json& container, const std::string& where) {
  // -1 stands for no limit.
  const auto amount = [](const json& ulimit, const char* member) {
    const int value = integer_in(ulimit, member).value_or(0);
    return value == -1 ? std::numeric_limits<int>::max() : value;
  };
  for (const json& each : list_in(container, "ulimits")) {
    const std::string name = text_in(each, "name");
    if (!is_one_of(name, {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
                          "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"})) {
      return client_exception(where + "unknown ulimit '" + name + "'.");
    }
    if (amount(each, "softLimit") > amount(each, "hardLimit")) {
      return client_exception(where + "the softLimit of ulimit " + name + " is above its hardLimit.");
    }
  }
  return {};
}

Result<void> check_linux(const json& container, const std::string& where) {
  const json& parameters = object_in(container, "linuxParameters");
  for (const char* member : {"maxSwap", "sharedMemorySize"}) {
    if (integer_in(parameters, member).value_or(0) < 0)
      return client_exception(where + member + " must not be negative.");
  }
  // The engine counts memory and swap together.
  if (has(parameters, "maxSwap") && !has(container, "memory"))
    return client_exception(where + "maxSwap needs a memory limit of the container.");
  const int swappiness = integer_in(parameters, "swappiness").value_or(0);
  if (swappiness < 0 || swappiness > kMaxSwappiness) {
    return client_exception(where + "swappiness must be between 0 and " + std::to_string(kMaxSwappiness) +
                            ", got " + std::to_string(swappiness) + ".");
  }
  for (const json& each : list_in(parameters, "tmpfs")) {
    if (integer_in(each, "size").value_or(0) >= 1) continue;
    return client_exception(where + "the size of tmpfs '" + text_in(each, "containerPath") +
                            "' must be at least 1 MiB.");
  }
  return {};
}

}  // namespace

Result<int> gpus_in(const json& requirements) {
  int gpus = 0;
  for (const json& each : requirements) {
    const std::string type = text_in(each, "type");
    const std::string value = text_in(each, "value");
    if (type == "InferenceAccelerator") continue;
    if (type != "GPU") return client_exception("A resource requirement of type " + type + " is not known.");
    int number = 0;
    const char* const end = value.data() + value.size();
    const auto [stop, failure] = std::from_chars(value.data(), end, number);
    if (failure != std::errc() || stop != end || number < 1 || number > kMaxGpus) {
      return client_exception("The value of a GPU requirement must be a number of GPUs, got '" + value +
                              "'.");
    }
    gpus += number;
  }
  return gpus;
}

Result<void> check_limits(const json& container) {
  const std::string where = "Invalid setting for container '" + text_in(container, "name") + "': ";
  for (const char* member : {"startTimeout", "stopTimeout"}) {
    if (integer_in(container, member).value_or(0) < 0)
      return client_exception(where + member + " must not be negative.");
  }
  const json& restart = object_in(container, "restartPolicy");
  const int period = integer_in(restart, "restartAttemptPeriod").value_or(kMinRestartPeriod);
  if (period < kMinRestartPeriod || period > kMaxRestartPeriod) {
    return client_exception(where + "restartAttemptPeriod must be between " +
                            std::to_string(kMinRestartPeriod) + " and " + std::to_string(kMaxRestartPeriod) +
                            ".");
  }
  if (auto ulimits = check_ulimits(container, where); !ulimits) return ulimits;
  if (auto parameters = check_linux(container, where); !parameters) return parameters;
  const auto gpus = gpus_in(list_in(container, "resourceRequirements"));
  if (!gpus) return gpus.error();
  return {};
}

}  // namespace agent::api::ecs
