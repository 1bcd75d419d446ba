// The files of this host's cgroups: which layout it has, and what is in the directories of one task, whoever
// made them (libcgroup or systemd). Reads only. Blocks for a few file operations.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/cgroup/layout.h"
#include "shared/base/result.h"

namespace agent::cgroup {

struct Stats {
  std::uint64_t cpu_usage_ns = 0;
  std::uint64_t periods = 0;    // CFS periods that passed with runnable work
  std::uint64_t throttled = 0;  // of those, periods in which the quota was used up
  std::uint64_t throttled_ns = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t oom_kills = 0;  // processes the kernel killed for this task's memory limits
};

// Error "no_controller" as detect_layout's.
shared::Result<Layout> host_layout();

// `group` is a path below a mount point, without the leading slash ("ecs/<task id>").
std::filesystem::path directory_of(const Layout& layout, const std::string& controller,
                                   const std::string& group);
std::vector<std::filesystem::path> directories_of(const Layout& layout,
                                                  const std::string& group);       // existing
shared::Result<Stats> read_stats(const Layout& layout, const std::string& group);  // "not_found"
enum class Population { kEmpty, kHasProcesses };
Population population_of(const Layout& layout, const std::string& group);  // groups below it included

}  // namespace agent::cgroup
