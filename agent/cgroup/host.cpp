#include "agent/cgroup/host.h"

#include <fstream>
#include <set>
#include <sstream>

namespace agent::cgroup {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

constexpr std::uint64_t kMicro = 1000;  // ns

std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::uint64_t number_in(const fs::path& path) {
  std::uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

// In v1 a kill is counted only where the victim lived, so that the containers' groups count too. A
// container's group is gone when its last process is, and its count with it.
std::uint64_t v1_oom_kills(const fs::path& memory) {
  std::uint64_t kills = keyed_value(slurp(memory / "memory.oom_control"), "oom_kill").value_or(0);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(memory, ignored)) {
    if (!entry.is_directory(ignored)) continue;
    kills += keyed_value(slurp(entry.path() / "memory.oom_control"), "oom_kill").value_or(0);
  }
  return kills;
}

bool has_processes(const fs::path& directory) {
  if (!slurp(directory / "cgroup.procs").empty()) return true;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.is_directory(ignored) && has_processes(entry.path())) return true;
  }
  return false;
}

}  // namespace

Result<Layout> host_layout() {
  const std::string mounts = slurp("/proc/mounts");
  const auto first = detect_layout(mounts, "cpu memory");  // only to learn where v2 is
  const std::string v2 = first && !first->v2_mount.empty() ? first->v2_mount : "/sys/fs/cgroup";
  return detect_layout(mounts, slurp(fs::path(v2) / "cgroup.controllers"));
}

fs::path directory_of(const Layout& layout, const std::string& controller, const std::string& group) {
  const auto mount = layout.v1_mounts.find(controller);
  const bool in_v2 = layout.mode == Mode::kV2 || mount == layout.v1_mounts.end();
  return fs::path(in_v2 ? layout.v2_mount : mount->second) / group;
}

std::vector<fs::path> directories_of(const Layout& layout, const std::string& group) {
  std::set<std::string> mounts;
  for (const auto& [controller, mount] : layout.v1_mounts) mounts.insert(mount);
  if (!layout.v2_mount.empty()) mounts.insert(layout.v2_mount);
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const std::string& mount : mounts) {
    const fs::path path = fs::path(mount) / group;
    if (fs::exists(path, ignored)) found.push_back(path);
  }
  return found;
}

Result<Stats> read_stats(const Layout& layout, const std::string& group) {
  const fs::path cpu = directory_of(layout, "cpu", group);
  const fs::path memory = directory_of(layout, "memory", group);
  std::error_code ignored;
  if (!fs::exists(cpu, ignored)) return Error("not_found", "no cgroup " + group);
  const std::string cpu_stat = slurp(cpu / "cpu.stat");
  Stats stats;
  stats.periods = keyed_value(cpu_stat, "nr_periods").value_or(0);
  stats.throttled = keyed_value(cpu_stat, "nr_throttled").value_or(0);
  if (layout.mode == Mode::kV2) {
    stats.cpu_usage_ns = keyed_value(cpu_stat, "usage_usec").value_or(0) * kMicro;
    stats.throttled_ns = keyed_value(cpu_stat, "throttled_usec").value_or(0) * kMicro;
    stats.memory_bytes = number_in(memory / "memory.current");
    stats.oom_kills = keyed_value(slurp(memory / "memory.events"), "oom_kill").value_or(0);
    return stats;
  }
  stats.throttled_ns = keyed_value(cpu_stat, "throttled_time").value_or(0);
  stats.cpu_usage_ns = number_in(directory_of(layout, "cpuacct", group) / "cpuacct.usage");
  stats.memory_bytes = number_in(memory / "memory.usage_in_bytes");
  stats.oom_kills = v1_oom_kills(memory);
  return stats;
}

Population population_of(const Layout& layout, const std::string& group) {
  for (const fs::path& directory : directories_of(layout, group)) {
    if (has_processes(directory)) return Population::kHasProcesses;
  }
  return Population::kEmpty;
}

}  // namespace agent::cgroup
