#include "agent/control/services/plan.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "agent/control/state/plant.h"

namespace agent::control {
namespace {

constexpr std::int64_t kHundred = 100;
constexpr std::size_t kHealths = 4;
constexpr std::size_t kAges = 2;
constexpr std::size_t kGuards = 2;

bool live(const PlanTask& task) { return task.phase != PlanPhase::kStopping; }
bool pending(const PlanTask& task) { return task.phase == PlanPhase::kPending; }
bool running(const PlanTask& task) { return task.phase == PlanPhase::kRunning; }
bool current(const PlanTask& task) { return task.age == PlanAge::kCurrent; }
bool healthy(const PlanTask& task) { return running(task) && task.health == PlanHealth::kHealthy; }
bool awaited(const PlanTask& task) { return running(task) && task.health == PlanHealth::kAwaited; }
bool unhealthy(const PlanTask& task) { return running(task) && task.health == PlanHealth::kUnhealthy; }
bool unsure(const PlanTask& task) { return running(task) && !healthy(task) && !unhealthy(task); }
bool free(const PlanTask& task) { return !task.guarded; }
// Worth keeping: current and not found bad.
bool good(const PlanTask& task) { return live(task) && current(task) && !unhealthy(task); }

template <class Wanted>
PlanKinds kinds_that(Wanted wanted) {
  PlanKinds out;
  for (std::size_t kind = 0; kind < kPlanKinds; ++kind) out[kind] = wanted(task_of_kind(kind));
  return out;
}

class Planner {
 public:
  explicit Planner(const PlanFacts& facts)
      : facts_(facts),
        minimum_(BERTH_PLANTED(kGoBelowMinimum) ? 0 : minimum_healthy(facts.desired, facts.minimum_percent)),
        maximum_(maximum_running(facts.desired, facts.maximum_percent)),
        left_(facts.tasks),
        need_(std::max(0, facts.desired - count(good))) {}

  ServicePlan run() {
    drop_idle_outdated();
    drop_surplus();
    start();
    drop_replaced_unhealthy();
    make_room_from_unhealthy();
    drop_outdated();
    judge();
    return plan_;
  }

 private:
  int count(const PlanKinds& kinds) const {
    int sum = 0;
    for (std::size_t kind = 0; kind < kPlanKinds; ++kind) sum += kinds[kind] ? left_[kind] : 0;
    return sum;
  }
  template <class Wanted>
  int count(Wanted wanted) const {
    return count(kinds_that(wanted));
  }

  // At most `most` of these.
  template <class Wanted>
  void stop(Wanted wanted, int most, StopCause cause) {
    const PlanKinds kinds = kinds_that(wanted);
    const int number = std::min(most, count(kinds));
    if (number <= 0) return;
    plan_.stop.push_back({kinds, number, cause});
    int rest = number;
    // Which kinds lose how many does not matter to what follows: a stop takes all of its kinds, or kinds that
    // count alike from here on.
    for (std::size_t kind = 0; kind < kPlanKinds; ++kind) {
      if (!kinds[kind]) continue;
      const int taken = std::min(rest, left_[kind]);
      left_[kind] -= taken;
      rest -= taken;
    }
  }

  // Outdated tasks that never came up serve nobody.
  void drop_idle_outdated() {
    stop([](const PlanTask& t) { return pending(t) && !current(t) && free(t); },
         std::numeric_limits<int>::max(), StopCause::kOutdated);
  }

  // More current tasks than desired, the least useful first: an unhealthy one and its replacement count once,
  // as the replacement has yet to prove itself. After a restart of control nobody has told yet which ones are
  // healthy: then those that may be wait, as the others are perhaps the unhealthy ones.
  void drop_surplus() {
    const auto surplus = [this] { return count(good) - facts_.desired; };
    if (surplus() <= 0) return;
    stop([](const PlanTask& t) { return pending(t) && current(t) && free(t); }, surplus(),
         StopCause::kSurplus);
    if (surplus() <= 0) return;
    stop([](const PlanTask& t) { return unhealthy(t) && current(t); }, std::numeric_limits<int>::max(),
         StopCause::kUnhealthy);
    const bool enough = count(healthy) >= minimum_;
    stop(
        [enough](const PlanTask& t) { return unsure(t) && current(t) && free(t) && (enough || !awaited(t)); },
        surplus(), StopCause::kSurplus);
    stop([](const PlanTask& t) { return healthy(t) && current(t) && free(t); },
         std::min(surplus(), count(healthy) - minimum_), StopCause::kSurplus);
  }

  void start() {
    if (facts_.starting == Starting::kForbidden) return;
    plan_.start = BERTH_PLANTED(kExceedMaximum) ? need_ : std::clamp(maximum_ - count(live), 0, need_);
  }

  // A replacement that is up makes the unhealthy task dispensable.
  void drop_replaced_unhealthy() {
    const int proven = count([](const PlanTask& t) { return good(t) && healthy(t); });
    stop(unhealthy, count(unhealthy) - std::max(0, facts_.desired - proven), StopCause::kUnhealthy);
  }

  // No room to start a replacement first: unhealthy tasks go first then, but not all at once, because a
  // balancer without any healthy target still tries the unhealthy ones.
  void make_room_from_unhealthy() {
    if (facts_.starting == Starting::kForbidden) return;
    const int missing = need_ - plan_.start;
    const bool blocked = facts_.starting == Starting::kBlocked && need_ > 0;
    if (missing <= 0 && !blocked) return;
    const bool idle = count(pending) == 0 && count([](const PlanTask& t) { return !live(t); }) == 0;
    stop(unhealthy,
         std::min(std::max(missing, blocked ? 1 : 0), std::max(count(running) - minimum_, idle ? 1 : 0)),
         StopCause::kUnhealthy);
  }

  // Start first while there is room to start: then capacity never drops below what is desired. Without room,
  // down to the minimum.
  void drop_outdated() {
    const bool no_room = plan_.start < need_ || facts_.starting == Starting::kBlocked;
    const bool stop_first = no_room && facts_.starting != Starting::kForbidden && need_ > 0;
    const int spare = count(healthy) - (stop_first ? minimum_ : std::max(minimum_, facts_.desired));
    if (spare < 0) return;
    stop([](const PlanTask& t) { return unsure(t) && !current(t) && free(t); },
         std::numeric_limits<int>::max(), StopCause::kOutdated);
    stop([](const PlanTask& t) { return healthy(t) && !current(t) && free(t); }, spare, StopCause::kOutdated);
  }

  void judge() {
    if (plan_.start > 0 || !plan_.stop.empty()) return;
    const int proven = count([](const PlanTask& t) { return good(t) && healthy(t); });
    const bool moves = count(pending) > 0 || count([](const PlanTask& t) { return !live(t); }) > 0;
    if (count(live) == count(good) && count(good) == facts_.desired && proven == facts_.desired) {
      plan_.progress = Progress::kSteady;
    } else if (count([](const PlanTask& t) { return live(t) && t.guarded; }) > facts_.desired) {
      plan_.progress = Progress::kGuarded;
    } else if (!moves && count(healthy) == count(live) && need_ > 0 && count(live) >= maximum_ &&
               facts_.starting != Starting::kForbidden) {
      plan_.progress = Progress::kStuck;
    }
  }

  const PlanFacts& facts_;
  const int minimum_;
  const int maximum_;
  PlanCounts left_;  // without what is stopped
  const int need_;
  ServicePlan plan_;
};

}  // namespace

std::size_t kind_of(const PlanTask& task) {
  const auto by_health =
      static_cast<std::size_t>(task.phase) * kHealths + static_cast<std::size_t>(task.health);
  return (by_health * kAges + static_cast<std::size_t>(task.age)) * kGuards + (task.guarded ? 1 : 0);
}

PlanTask task_of_kind(std::size_t kind) {
  const std::size_t by_age = kind / kGuards;
  return {static_cast<PlanPhase>(by_age / kAges / kHealths),
          static_cast<PlanHealth>(by_age / kAges % kHealths), static_cast<PlanAge>(by_age % kAges),
          kind % kGuards == 1};
}

int minimum_healthy(int desired, int minimum_percent) {
  const auto raw = (std::int64_t{desired} * minimum_percent + kHundred - 1) / kHundred;
  return static_cast<int>(std::clamp<std::int64_t>(raw, 0, desired));
}

int maximum_running(int desired, int maximum_percent) {
  const auto raw = std::int64_t{desired} * maximum_percent / kHundred;
  return static_cast<int>(std::clamp<std::int64_t>(raw, 0, std::numeric_limits<int>::max()));
}

ServicePlan plan_service(const PlanFacts& facts) { return Planner(facts).run(); }

}  // namespace agent::control
