#include <algorithm>

#include "agent/runtime/oci/bundle/bundle.h"
#include "agent/runtime/oci/bundle/defaults.h"

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

void set_variable(std::vector<std::string>& environment, const std::string& variable) {
  const auto name = variable.substr(0, variable.find('='));
  for (std::string& each : environment) {
    if (each.substr(0, each.find('=')) != name) continue;
    each = variable;
    return;
  }
  environment.push_back(variable);
}

}  // namespace

Result<Process> merge(const ContainerSettings& settings, const ImageConfig& image,
                      const std::string& hostname) {
  Process out;
  // An entry point of the container's own drops the image's command.
  const bool own_entry = settings.entry_point.has_value() && !settings.entry_point->empty();
  std::vector<std::string> entry = own_entry ? *settings.entry_point : image.entry_point;
  if (entry.size() == 1 && entry[0].empty()) entry.clear();  // how clients reset it
  std::vector<std::string> command = settings.command;
  if (command.empty() && !own_entry) command = image.command;
  out.arguments = std::move(entry);
  out.arguments.insert(out.arguments.end(), command.begin(), command.end());
  if (out.arguments.empty()) return Error("CannotCreateContainerError", "No command specified");
  out.environment = {"PATH=" + std::string(kDefaultPath), "HOSTNAME=" + hostname};
  for (const std::string& each : image.environment) set_variable(out.environment, each);
  for (const std::string& each : settings.environment) {
    if (each.find('=') != std::string::npos) set_variable(out.environment, each);
  }
  out.working_directory =
      settings.working_directory.empty() ? image.working_directory : settings.working_directory;
  if (out.working_directory.empty()) out.working_directory = "/";
  if (!out.working_directory.starts_with('/')) out.working_directory = "/" + out.working_directory;
  out.user = settings.user.empty() ? image.user : settings.user;
  out.stop_signal = settings.stop_signal.empty() ? image.stop_signal : settings.stop_signal;
  return out;
}

std::optional<HealthCheck> merge_health(const ContainerSettings& settings, const ImageConfig& image) {
  HealthCheck out = settings.health_check.value_or(HealthCheck{});
  if (image.health_check) {
    const HealthCheck& from = *image.health_check;
    if (out.test.empty()) out.test = from.test;
    if (out.interval_ns == 0) out.interval_ns = from.interval_ns;
    if (out.timeout_ns == 0) out.timeout_ns = from.timeout_ns;
    if (out.start_period_ns == 0) out.start_period_ns = from.start_period_ns;
    if (out.retries == 0) out.retries = from.retries;
  }
  if (out.test.size() < 2 || out.test[0] == "NONE") return std::nullopt;
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (out.interval_ns == 0) out.interval_ns = 30 * kSecond;
  if (out.timeout_ns == 0) out.timeout_ns = 30 * kSecond;
  if (out.retries == 0) out.retries = 3;
  return out;
}

std::vector<std::string> health_arguments(const HealthCheck& check, const ImageConfig& image) {
  if (check.test.at(0) == "CMD") return {check.test.begin() + 1, check.test.end()};
  std::vector<std::string> out =
      image.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : image.shell;
  out.push_back(check.test.at(1));
  return out;
}

}  // namespace agent::runtime::oci
