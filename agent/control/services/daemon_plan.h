// What the scheduler of a DAEMON service does next, as a pure function of what there is on each host: on
// which hosts a task is to start, and which tasks are to stop. One task on each host that wants one, never
// two; a rolling update stops first, and never takes the healthy tasks below the minimum.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/services/plan.h"

namespace agent::control {

enum class DaemonStanding {
  kWanted,    // ACTIVE, and the constraints hold
  kLeaving,   // DRAINING, and others run there still: the daemon goes last
  kUnwanted,  // no daemon is to be there
};

struct DaemonTask {
  std::string_view key;  // of its row
  PlanTask task;
};

struct DaemonHost {
  std::string_view name;
  DaemonStanding standing = DaemonStanding::kUnwanted;
  bool reachable = false;  // its agent is connected
  std::vector<DaemonTask> tasks;
};

struct DaemonFacts {
  int minimum_percent = 0;
  Starting starting = Starting::kAllowed;
  std::vector<DaemonHost> hosts;
};

struct DaemonPlan {
  // Hosts that count: those that want a task and could have one, or have one. A host that cannot be reached
  // keeps its task, and gets none.
  int desired = 0;
  std::vector<std::string_view> start;                       // names of hosts
  std::vector<std::pair<std::string_view, StopCause>> stop;  // keys of tasks
  Progress progress = Progress::kMoving;
};

DaemonPlan plan_daemon(const DaemonFacts& facts);

}  // namespace agent::control
