#include "agent/control/services/plan.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace agent::control {
namespace {

constexpr std::int64_t kHundred = 100;

bool live(const PlanTask& task) { return task.phase != PlanPhase::kStopping; }
bool healthy(const PlanTask& task) {
  return task.phase == PlanPhase::kRunning && task.health == PlanHealth::kHealthy;
}
bool may_be_healthy(const PlanTask& task) {
  return healthy(task) || (task.phase == PlanPhase::kRunning && task.health == PlanHealth::kAwaited);
}
bool unhealthy(const PlanTask& task) {
  return task.phase == PlanPhase::kRunning && task.health == PlanHealth::kUnhealthy;
}
// Worth keeping: current and not found bad.
bool good(const PlanTask& task) { return live(task) && task.age == PlanAge::kCurrent && !unhealthy(task); }

// Which of two tasks goes first when one too many is there.
int shrink_rank(const PlanTask& task) {
  if (task.phase == PlanPhase::kPending) return 0;
  if (unhealthy(task)) return 1;
  if (task.age == PlanAge::kOutdated) return 2;
  return healthy(task) ? 4 : 3;
}

class Planner {
 public:
  explicit Planner(const PlanFacts& facts)
      : facts_(facts),
        minimum_(minimum_healthy(facts.desired, facts.minimum_percent)),
        maximum_(maximum_running(facts.desired, facts.maximum_percent)),
        stopped_(facts.tasks.size(), false) {
    for (const PlanTask& task : facts.tasks) {
      live_ += live(task) ? 1 : 0;
      pending_ += task.phase == PlanPhase::kPending ? 1 : 0;
      stopping_ += task.phase == PlanPhase::kStopping ? 1 : 0;
      running_ += task.phase == PlanPhase::kRunning ? 1 : 0;
      healthy_ += healthy(task) ? 1 : 0;
      good_ += good(task) ? 1 : 0;
      good_and_healthy_ += good(task) && healthy(task) ? 1 : 0;
    }
    need_ = std::max(0, facts.desired - good_);
  }

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
  void stop(std::size_t i, StopCause cause) {
    const PlanTask& task = facts_.tasks[i];
    stopped_[i] = true;
    --live_;
    pending_ -= task.phase == PlanPhase::kPending ? 1 : 0;
    running_ -= task.phase == PlanPhase::kRunning ? 1 : 0;
    healthy_ -= healthy(task) ? 1 : 0;
    good_ -= good(task) ? 1 : 0;
    good_and_healthy_ -= good(task) && healthy(task) ? 1 : 0;
    plan_.stop.push_back({i, cause});
  }

  template <class Wanted>
  std::vector<std::size_t> in_shrink_order(Wanted wanted) const {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < facts_.tasks.size(); ++i) {
      if (!stopped_[i] && live(facts_.tasks[i]) && wanted(facts_.tasks[i])) chosen.push_back(i);
    }
    std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
      const PlanTask& x = facts_.tasks[a];
      const PlanTask& y = facts_.tasks[b];
      if (shrink_rank(x) != shrink_rank(y)) return shrink_rank(x) < shrink_rank(y);
      return x.order < y.order;
    });
    return chosen;
  }

  // Outdated tasks that never came up serve nobody.
  void drop_idle_outdated() {
    for (const std::size_t i : in_shrink_order([](const PlanTask& task) {
           return task.phase == PlanPhase::kPending && task.age == PlanAge::kOutdated;
         })) {
      stop(i, StopCause::kOutdated);
    }
  }

  // More current tasks than desired. Healthy ones are last in order, and only those beyond `desired` are
  // taken. After a restart of control nobody has told yet which ones are: then they wait, as the others are
  // perhaps the unhealthy ones.
  void drop_surplus() {
    for (const std::size_t i :
         in_shrink_order([](const PlanTask& task) { return task.age == PlanAge::kCurrent; })) {
      if (current_live() <= facts_.desired) return;
      if (may_be_healthy(facts_.tasks[i]) && healthy_ - (healthy(facts_.tasks[i]) ? 1 : 0) < minimum_)
        continue;
      stop(i, unhealthy(facts_.tasks[i]) ? StopCause::kUnhealthy : StopCause::kSurplus);
    }
  }
  // An unhealthy task and its replacement count once: the replacement has yet to prove itself.
  int current_live() const { return std::max(good_, 0); }

  void start() {
    if (facts_.starting == Starting::kForbidden) return;
    plan_.start = std::clamp(maximum_ - live_, 0, need_);
  }

  // A replacement that is up makes the unhealthy task dispensable.
  void drop_replaced_unhealthy() {
    int keep = std::max(0, facts_.desired - good_and_healthy_);
    const auto bad = in_shrink_order(unhealthy);
    for (std::size_t i = 0; i < bad.size(); ++i) {
      if (static_cast<int>(bad.size() - i) <= keep) return;
      stop(bad[i], StopCause::kUnhealthy);
    }
  }

  // No room to start a replacement first: unhealthy tasks go first then, but not all at once, because a
  // balancer without any healthy target still tries the unhealthy ones.
  void make_room_from_unhealthy() {
    if (facts_.starting == Starting::kForbidden) return;
    const int missing = need_ - plan_.start;
    const bool blocked = facts_.starting == Starting::kBlocked && need_ > 0;
    if (missing <= 0 && !blocked) return;
    const int one_by_one = pending_ == 0 && stopping_ == 0 ? 1 : 0;
    int allowed = std::min(std::max(missing, blocked ? 1 : 0), std::max(running_ - minimum_, one_by_one));
    for (const std::size_t i : in_shrink_order(unhealthy)) {
      if (allowed-- <= 0) return;
      stop(i, StopCause::kUnhealthy);
    }
  }

  // Start first while there is room to start: then capacity never drops below what is desired. Without room,
  // down to the minimum.
  void drop_outdated() {
    const bool no_room = plan_.start < need_ || facts_.starting == Starting::kBlocked;
    const bool stop_first = no_room && facts_.starting != Starting::kForbidden && need_ > 0;
    const int floor = stop_first ? minimum_ : std::max(minimum_, facts_.desired);
    for (const std::size_t i :
         in_shrink_order([](const PlanTask& task) { return task.age == PlanAge::kOutdated; })) {
      const PlanTask& task = facts_.tasks[i];
      if (unhealthy(task)) continue;  // judged above
      if (healthy_ - (healthy(task) ? 1 : 0) < floor) continue;
      stop(i, StopCause::kOutdated);
    }
  }

  void judge() {
    if (plan_.start > 0 || !plan_.stop.empty()) return;
    const bool only_current = live_ == good_;
    if (only_current && good_ == facts_.desired && good_and_healthy_ == facts_.desired) {
      plan_.progress = Progress::kSteady;
    } else if (pending_ == 0 && stopping_ == 0 && healthy_ == live_ && need_ > 0 && live_ >= maximum_ &&
               facts_.starting != Starting::kForbidden) {
      plan_.progress = Progress::kStuck;
    }
  }

  const PlanFacts& facts_;
  const int minimum_;
  const int maximum_;
  std::vector<bool> stopped_;
  int live_ = 0;
  int pending_ = 0;
  int stopping_ = 0;
  int running_ = 0;
  int healthy_ = 0;
  int good_ = 0;
  int good_and_healthy_ = 0;
  int need_ = 0;
  ServicePlan plan_;
};

}  // namespace

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
