// TaskCgroups: a cgroup of each task's own, the parent of its containers' cgroups, so that limits of the task
// as a whole hold whatever the containers' limits are (ECS_ENABLE_TASK_CPU_MEM_LIMIT). Mechanism: libcgroup,
// for v1 (also hybrid hosts) and v2. The engine must use the cgroupfs driver, because its containers are put
// below our path. Thread: one at a time. All calls block for a few file operations.
#pragma once
#include <memory>
#include <string>

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

class TaskCgroups {
 public:
  virtual ~TaskCgroups() = default;
  virtual Mode mode() const = 0;
  // Creates the task's cgroup or brings an existing one to these limits. Returns the parent path for the
  // engine
  // ("/ecs/<task id>"), empty when disabled. Error code "cgroup": names file, value and the kernel's reason.
  virtual shared::Result<std::string> create(const std::string& task_id, const Limits& limits) = 0;
  // Success also when it is gone already. Error "busy" (retry yes) while processes are left in it.
  virtual shared::Result<void> remove(const std::string& task_id) = 0;
  virtual shared::Result<Stats> read(
      const std::string& task_id) const = 0;  // "not_found" without such a task
};

struct Options {
  std::string root = "ecs";  // below each mount point
  std::int64_t period_micros = kCpuPeriodMicros;
};
// Finds out what this host has (/proc/mounts) and makes the root group. Needs to be root.
shared::Result<std::unique_ptr<TaskCgroups>> open_task_cgroups(const Options& options);
// Tasks get no cgroup and no limits of their own.
std::unique_ptr<TaskCgroups> disabled_task_cgroups();

}  // namespace agent::cgroup
