// TaskCgroups: a cgroup of each task's own, the parent of its containers' cgroups, so that limits of the task
// as a whole hold whatever the containers' limits are (ECS_ENABLE_TASK_CPU_MEM_LIMIT), on v1 (also hybrid
// hosts) and v2. The engine's cgroup driver decides who makes it: with "cgroupfs" we do, with libcgroup
// (here); with "systemd" systemd does (systemd_slices.h). Thread: one at a time. All calls block for a few
// file operations.
#pragma once
#include <memory>
#include <string>

#include "agent/cgroup/host.h"
#include "agent/cgroup/layout.h"
#include "shared/base/result.h"

namespace agent::cgroup {

class TaskCgroups {
 public:
  virtual ~TaskCgroups() = default;
  virtual Mode mode() const = 0;
  // The error when the operator insists on task limits and this host cannot have them: nothing should start.
  virtual shared::Result<void> usable() const { return {}; }
  // Creates the task's cgroup or brings an existing one to these limits. Returns the containers' parent as
  // the engine wants it ("/ecs/<task id>", with the systemd driver "berth-<task id>.slice"), empty when
  // disabled. Error code "cgroup": names file or property, value and the reason.
  virtual shared::Result<std::string> create(const std::string& task_id, const Limits& limits) = 0;
  // Success also when it is gone already. Error "busy" (retry yes) while processes are left in it.
  virtual shared::Result<void> remove(const std::string& task_id) = 0;
  // "not_found" without such a task.
  virtual shared::Result<Stats> read(const std::string& task_id) const = 0;
};

struct Options {
  std::string root = "ecs";  // below each mount point
  std::int64_t period_micros = kCpuPeriodMicros;
};
// For the cgroupfs driver. Finds out what this host has (/proc/mounts) and makes the root group. Needs to be
// root.
shared::Result<std::unique_ptr<TaskCgroups>> open_task_cgroups(const Options& options);
// Tasks get no cgroup and no limits of their own.
std::unique_ptr<TaskCgroups> disabled_task_cgroups();

}  // namespace agent::cgroup
