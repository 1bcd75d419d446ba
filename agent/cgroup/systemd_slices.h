// TaskCgroups for engines with the systemd cgroup driver, as on any Debian host with cgroup v2: there systemd
// alone may write the tree, so each task gets a transient slice unit, asked for over D-Bus, and the engine
// puts the containers' scopes into it. The slices outlive the agent; they end by remove() or with the host.
// An operator can limit all tasks together with `systemctl set-property berth.slice ...`.
#pragma once
#include <memory>
#include <string>

#include "agent/cgroup/task_cgroups.h"

namespace agent::cgroup {

struct SliceOptions {
  std::string parent = "berth";  // slices are named "<parent>-<task id>.slice"
  std::int64_t period_micros = kCpuPeriodMicros;
};
// Asks systemd for its version, to know that it answers. Error "cgroup" when it cannot be reached (no systemd
// as process 1, no system bus, as in a container), "no_controller" as detect_layout's. Each call of the
// interface opens a connection of its own and waits 5 s at most for each answer.
shared::Result<std::unique_ptr<TaskCgroups>> open_systemd_task_cgroups(const SliceOptions& options);

}  // namespace agent::cgroup
