#include "agent/cgroup/layout.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "shared/base/units.h"

namespace agent::cgroup {
namespace {

std::int64_t clamp_shares(std::int64_t shares) { return std::clamp(shares, kMinShares, kMaxShares); }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::string part;
  std::istringstream in{std::string(text)};
  while (std::getline(in, part, separator)) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

}  // namespace

std::int64_t quota_micros(double cpu, std::int64_t period_micros) {
  return std::max(kMinQuotaMicros, static_cast<std::int64_t>(cpu * static_cast<double>(period_micros)));
}

std::int64_t weight_of_shares(std::int64_t shares) {
  return 1 + (clamp_shares(shares) - kMinShares) * 9999 / (kMaxShares - kMinShares);
}

std::vector<Setting> v1_settings(const Limits& limits, std::int64_t period_micros) {
  std::vector<Setting> out;
  if (limits.cpu) {
    out.push_back({"cpu", "cpu.cfs_period_us", std::to_string(period_micros)});
    out.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(quota_micros(*limits.cpu, period_micros))});
  } else {
    out.push_back({"cpu", "cpu.shares", std::to_string(clamp_shares(limits.cpu_shares))});
  }
  out.push_back({"memory", "memory.use_hierarchy", "1"});
  if (limits.memory_mib) {
    out.push_back({"memory", "memory.limit_in_bytes", std::to_string(*limits.memory_mib * shared::kMiB)});
  }
  if (limits.pids) out.push_back({"pids", "pids.max", std::to_string(*limits.pids)});
  return out;
}

std::vector<Setting> v2_settings(const Limits& limits, std::int64_t period_micros) {
  std::vector<Setting> out;
  if (limits.cpu) {
    out.push_back(
        {"cpu", "cpu.max",
         std::to_string(quota_micros(*limits.cpu, period_micros)) + " " + std::to_string(period_micros)});
  } else {
    out.push_back({"cpu", "cpu.weight", std::to_string(weight_of_shares(limits.cpu_shares))});
  }
  if (limits.memory_mib)
    out.push_back({"memory", "memory.max", std::to_string(*limits.memory_mib * shared::kMiB)});
  if (limits.pids) out.push_back({"pids", "pids.max", std::to_string(*limits.pids)});
  return out;
}

shared::Result<Layout> detect_layout(std::string_view mounts, std::string_view v2_controllers) {
  Layout layout;
  for (const std::string& line : split(mounts, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 4) continue;
    const std::string& mount = fields[1];
    if (fields[2] == "cgroup2" && layout.v2_mount.empty()) layout.v2_mount = mount;
    if (fields[2] != "cgroup") continue;
    for (const std::string& option : split(fields[3], ',')) {
      static constexpr std::string_view kNoControllers[] = {"rw",     "ro",       "nosuid", "nodev",
                                                            "noexec", "relatime", "xattr"};
      if (std::find(std::begin(kNoControllers), std::end(kNoControllers), option) != std::end(kNoControllers))
        continue;
      if (option.starts_with("release_agent=") || option.starts_with("clone_children")) continue;
      layout.v1_mounts.emplace(option, mount);
    }
  }
  if (layout.v1_mounts.contains("cpu") && layout.v1_mounts.contains("memory")) {
    layout.mode = Mode::kV1;
    return layout;
  }
  const auto in_v2 = split(v2_controllers.substr(0, v2_controllers.find('\n')), ' ');
  for (const char* needed : {"cpu", "memory"}) {
    if (std::find(in_v2.begin(), in_v2.end(), needed) != in_v2.end()) continue;
    return shared::Error("no_controller",
                         std::string("cgroup controller '") + needed + "' is not available: " +
                             (layout.v1_mounts.contains(needed)
                                  ? "it is mounted as cgroup v1, the other one is not"
                                  : "it is neither mounted as cgroup v1 nor offered by cgroup v2"));
  }
  if (layout.v2_mount.empty()) return shared::Error("no_controller", "no cgroup file system is mounted");
  layout.mode = Mode::kV2;
  return layout;
}

std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key) {
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    std::uint64_t value = 0;
    const char* first = line.data() + key.size() + 1;
    const auto [end, error] = std::from_chars(first, line.data() + line.size(), value);
    if (error == std::errc()) return value;
  }
  return std::nullopt;
}

}  // namespace agent::cgroup
