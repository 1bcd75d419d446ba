#include "agent/control/services/daemon_plan.h"

#include <algorithm>

namespace agent::control {
namespace {

bool ends(const DaemonTask& each) { return each.task.phase == PlanPhase::kStopping; }
bool is_old(const DaemonTask& each) { return each.task.age == PlanAge::kOutdated; }
bool is_up(const DaemonTask& each) { return each.task.phase == PlanPhase::kRunning; }
bool is_healthy(const DaemonTask& each) { return is_up(each) && each.task.health == PlanHealth::kHealthy; }
bool is_bad(const DaemonTask& each) { return is_up(each) && each.task.health == PlanHealth::kUnhealthy; }

// Of several tasks on one host the one that is worth most.
int worth(const DaemonTask& each) {
  return (is_bad(each) ? 0 : 8) + (is_old(each) ? 0 : 4) + (is_healthy(each) ? 2 : 0) + (is_up(each) ? 1 : 0);
}

class DaemonPlanner {
 public:
  explicit DaemonPlanner(const DaemonFacts& facts) : facts_(facts) {}

  DaemonPlan run() {
    for (const DaemonHost& host : facts_.hosts) look_at(host);
    minimum_ = minimum_healthy(plan_.desired, facts_.minimum_percent);
    if (facts_.starting != Starting::kForbidden) {
      plan_.start = missing_;
      stop_first();
    }
    judge();
    return plan_;
  }

 private:
  void stop(const DaemonTask& task, StopCause cause) { plan_.stop.emplace_back(task.key, cause); }

  void look_at(const DaemonHost& host) {
    const DaemonTask* best = nullptr;
    bool ending = false;
    for (const DaemonTask& each : host.tasks) {
      ending = ending || ends(each);
      if (!ends(each) && (best == nullptr || worth(each) > worth(*best))) best = &each;
    }
    moving_ = moving_ || ending;
    for (const DaemonTask& each : host.tasks) {
      if (ends(each)) continue;
      if (host.standing == DaemonStanding::kUnwanted) stop(each, StopCause::kOutdated);
      if (host.standing == DaemonStanding::kWanted && &each != best) stop(each, StopCause::kSurplus);
    }
    others_ = others_ || (best != nullptr && host.standing != DaemonStanding::kWanted);
    if (host.standing != DaemonStanding::kWanted) return;
    if (best != nullptr) {
      ++plan_.desired;
      kept_.push_back(*best);
    } else if (host.reachable) {
      ++plan_.desired;
      if (!ending) missing_.push_back(host.name);
    }
  }

  // There is no room to start first: what is to be replaced goes, as far as the minimum lets it.
  void stop_first() {
    int healthy = 0;
    int up = 0;
    bool idle = !moving_ && missing_.empty();
    for (const DaemonTask& each : kept_) {
      healthy += is_healthy(each) ? 1 : 0;
      up += is_up(each) ? 1 : 0;
      idle = idle && is_up(each);
    }
    // Not all at once, because a balancer without any healthy target still tries the unhealthy ones.
    int bad_to_stop = std::max(up - minimum_, idle ? 1 : 0);
    int spare = healthy - minimum_;
    for (const DaemonTask& each : kept_) {
      if (is_bad(each)) {
        if (bad_to_stop-- > 0) stop(each, StopCause::kUnhealthy);
      } else if (is_old(each) && !is_up(each)) {
        stop(each, StopCause::kOutdated);
      } else if (is_old(each) && !is_healthy(each) && healthy >= minimum_) {
        stop(each, StopCause::kOutdated);
      } else if (is_old(each) && is_healthy(each) && spare > 0) {
        --spare;
        stop(each, StopCause::kOutdated);
      }
    }
  }

  void judge() {
    if (!plan_.start.empty() || !plan_.stop.empty()) return;
    const auto good = [](const DaemonTask& each) { return is_healthy(each) && !is_old(each); };
    const bool all_good = std::all_of(kept_.begin(), kept_.end(), good);
    if (all_good && static_cast<int>(kept_.size()) == plan_.desired && !others_) {
      plan_.progress = Progress::kSteady;
    } else if (!moving_ && missing_.empty() && facts_.starting != Starting::kForbidden && !kept_.empty() &&
               std::all_of(kept_.begin(), kept_.end(), is_healthy) && !all_good) {
      plan_.progress = Progress::kStuck;
    }
  }

  const DaemonFacts& facts_;
  DaemonPlan plan_;
  std::vector<std::string_view> missing_;
  std::vector<DaemonTask> kept_;  // the one of each host that counts
  int minimum_ = 0;
  bool moving_ = false;  // a task is on its way out
  bool others_ = false;  // tasks on hosts that do not count
};

}  // namespace

DaemonPlan plan_daemon(const DaemonFacts& facts) { return DaemonPlanner(facts).run(); }

}  // namespace agent::control
