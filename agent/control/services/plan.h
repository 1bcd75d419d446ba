// What a service's scheduler does next, as a pure function of how many tasks of each kind there are: how many
// tasks of the PRIMARY deployment to start, and how many of which kinds to stop. It holds the promise of the
// deployment configuration: what is stopped here never takes the healthy tasks below the minimum (unless they
// are below it already, and then no healthy one is stopped), and what is started never takes the tasks above
// the maximum. Which of the tasks of a kind are stopped is for the book (book.h) to say.
#pragma once
#include <array>
#include <bitset>
#include <cstddef>
#include <vector>

namespace agent::control {

enum class PlanPhase { kPending, kRunning, kStopping };
enum class PlanHealth {
  kUnknown,    // not judged yet, or still in its grace period
  kAwaited,    // as good as unknown, but a balancer will tell: it may have been healthy all the time
  kHealthy,    // counts towards the minimum
  kUnhealthy,  // to be replaced
};
enum class PlanAge { kCurrent, kOutdated };  // outdated: of an older deployment, or on a DRAINING instance

// A kind of task: those that the plan does not tell apart.
struct PlanTask {
  PlanPhase phase = PlanPhase::kPending;
  PlanHealth health = PlanHealth::kUnknown;
  PlanAge age = PlanAge::kCurrent;
  bool guarded = false;  // protected from scale-in and deployments: stopped only when it is unhealthy
  bool operator==(const PlanTask&) const = default;
};
inline constexpr std::size_t kPlanKinds = 48;
std::size_t kind_of(const PlanTask& task);  // below kPlanKinds
PlanTask task_of_kind(std::size_t kind);
using PlanKinds = std::bitset<kPlanKinds>;
using PlanCounts = std::array<int, kPlanKinds>;  // tasks by kind

enum class Starting {
  kAllowed,
  kBlocked,    // no instance had room when it was last tried, so that stopping first may be the only way
  kForbidden,  // backing off, or the deployment failed
};

struct PlanFacts {
  int desired = 0;
  int minimum_percent = 100;
  int maximum_percent = 200;
  Starting starting = Starting::kAllowed;
  PlanCounts tasks{};
};

enum class StopCause { kUnhealthy, kOutdated, kSurplus };
// `count` of the tasks of these kinds that no earlier stop of the plan takes; there are as many.
struct PlannedStop {
  PlanKinds kinds;
  int count = 0;
  StopCause cause = StopCause::kSurplus;
};

enum class Progress {
  kMoving,   // something to do, or something under way
  kSteady,   // exactly the desired tasks, all current and healthy
  kGuarded,  // more protected tasks than desired, so that those which remain cannot be stopped
  kStuck,    // neither start nor stop is allowed by the percentages, and nothing under way will change that
};

struct ServicePlan {
  int start = 0;
  std::vector<PlannedStop> stop;
  Progress progress = Progress::kMoving;
};

// ceil for the minimum, floor for the maximum, as ECS rounds.
int minimum_healthy(int desired, int minimum_percent);
int maximum_running(int desired, int maximum_percent);

ServicePlan plan_service(const PlanFacts& facts);

}  // namespace agent::control
