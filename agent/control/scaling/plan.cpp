#include "agent/control/scaling/plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "agent/control/alarms/evaluate.h"

namespace agent::control::scaling {

namespace {

constexpr double kMinuteOf = 60;
constexpr int kMostCapacity = 100'000;  // of a wish, before it is bounded

bool counts_events(const std::string& statistic) { return statistic == "Sum" || statistic == "SampleCount"; }

// As if the while were a minute.
double minute_value(const model::ScalingPolicy& policy, const metrics::Figure& figure, std::int64_t seconds) {
  const double value = metrics::statistic(figure, policy.metric.statistic).value_or(0);
  return counts_events(policy.metric.statistic) ? value * kMinuteOf / static_cast<double>(seconds) : value;
}

// What is to be borne in a while, in tasks at the target.
class Need {
 public:
  Need(const model::ScalingPolicy& policy, const metrics::Store& store, const Running& running)
      : policy_(policy), store_(store), running_(running) {
    if (policy.metric.name != "RequestCountPerTarget") return;
    all_ = alarms::name_of(policy.metric);
    all_.metric = "RequestCount";
    counts_requests_ = store.find(all_) != nullptr;
  }
  bool counts_requests() const { return counts_requests_; }
  double requests(std::int64_t from, std::int64_t to) const { return store_.total(all_, from, to).sum; }

  int out(std::int64_t from, std::int64_t to, double value) const {
    if (counts_requests_) return in_tasks(requests(from, to) * kMinuteOf / static_cast<double>(to - from));
    return in_tasks(value * fewest(running_, from - kSilentStart));
  }
  // Of periods of that length, the largest.
  int in(std::int64_t from, std::int64_t to, std::int64_t period, double largest_value) const {
    if (!counts_requests_) return in_tasks(largest_value * most(running_, from - kSilentStart));
    double largest = 0;
    for (const auto& each : store_.read(all_, from, to, period)) largest = std::max(largest, each.figure.sum);
    return in_tasks(largest * kMinuteOf / static_cast<double>(period));
  }

 private:
  int in_tasks(double load) const {
    constexpr double kRounding = 1e-9;  // 3.0000000001 tasks are 3
    const double tasks = std::ceil(load / policy_.target - kRounding);
    return static_cast<int>(std::clamp(tasks, 0.0, static_cast<double>(kMostCapacity)));
  }

  const model::ScalingPolicy& policy_;
  const metrics::Store& store_;
  const Running& running_;
  metrics::Name all_;
  bool counts_requests_ = false;
};

// Few requests come by chance: so many more than expected hardly ever do. `value`: a minute's, of a target.
bool is_chance(const model::ScalingPolicy& policy, const Need& need, std::int64_t from, std::int64_t to,
               double value) {
  constexpr double kDeviations = 3;
  if (!need.counts_requests()) return false;
  const double came = need.requests(from, to);
  const double expected = came * policy.target / value;
  return came - expected <= kDeviations * std::sqrt(expected) + 1;
}

void look_for_high(const model::ScalingPolicy& policy, const metrics::Store& store, const metrics::Name& name,
                   const Need& need, std::int64_t now, const Timing& timing, Wish& wish) {
  for (const Window& window : kWindows) {
    const bool shortest = window.seconds == 0;
    const std::int64_t seconds = shortest ? timing.out_after : window.seconds;
    const std::int64_t from = now - seconds;
    const metrics::Figure figure = store.total(name, from, now);
    if (figure.count <= 0) continue;
    const bool covered = shortest || store.total(name, from, now - seconds * 2 / 3).count > 0;
    const double value = minute_value(policy, figure, seconds);
    if (!covered || value <= policy.target * window.excess) continue;
    if (window.excess > 1 && is_chance(policy, need, from, now, value)) continue;
    const int out = need.out(from, now, value);
    if (!wish.high || out > wish.out) {
      wish.out = out;
      wish.value = value;
    }
    wish.high = true;
  }
}

void look_for_low(const model::ScalingPolicy& policy, const metrics::Store& store, const metrics::Name& name,
                  const Need& need, std::int64_t now, const Timing& timing, Wish& wish) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kPointsOfShort = 6;
  const std::int64_t period =
      timing.in_after >= 3 * kMinute ? kMinute : std::max<std::int64_t>(1, timing.in_after / kPointsOfShort);
  const std::int64_t wanted = std::max<std::int64_t>(1, timing.in_after / period);
  const std::int64_t come = now - alarms::kLateFigures;
  const std::int64_t end = come - come % period;
  const std::int64_t from = end - wanted * period;
  const auto points = store.read(name, from, end, period);
  double largest = 0;
  for (const auto& each : points) largest = std::max(largest, minute_value(policy, each.figure, period));
  wish.calm = !points.empty() && minute_value(policy, points.back().figure, period) <= policy.target;
  if (points.size() < static_cast<std::size_t>(wanted) || wish.high) return;
  if (largest >= policy.target * kLowShare) return;
  wish.low = true;
  wish.in = need.in(from, end, period, largest);
}

bool within(model::WallTime now, model::WallTime since, int seconds) {
  return since != model::WallTime{} && now < since + std::chrono::seconds(seconds);
}

}  // namespace

int fewest(const Running& running, std::int64_t from) {
  if (running.empty()) return 0;
  int out = running.back().second;
  for (auto it = running.rbegin(); it != running.rend(); ++it) {
    out = std::min(out, it->second);
    if (it->first <= from) break;
  }
  return out;
}

int most(const Running& running, std::int64_t from) {
  int out = 0;
  for (auto it = running.rbegin(); it != running.rend(); ++it) {
    out = std::max(out, it->second);
    if (it->first <= from) break;
  }
  return out;
}

void note(Running& running, std::int64_t now, int tasks, const Timing& timing) {
  if (running.empty() || running.back().second != tasks) running.emplace_back(now, tasks);
  const std::int64_t asked = now - 2 * std::max(timing.in_after, kNoDataAfter);
  while (running.size() > 1 && running[1].first <= asked) running.pop_front();
}

Wish track(const model::ScalingPolicy& policy, const metrics::Store& store, std::int64_t now,
           const Running& running, const Timing& timing) {
  Wish wish;
  const metrics::Name name = alarms::name_of(policy.metric);
  const metrics::Figure minute = store.total(name, now - 60, now);
  wish.data = store.total(name, now - kNoDataAfter, now).count > 0;
  if (minute.count > 0) wish.value = minute_value(policy, minute, 60);
  if (!wish.data) return wish;
  const Need need(policy, store, running);
  look_for_high(policy, store, name, need, now, timing, wish);
  look_for_low(policy, store, name, need, now, timing, wish);
  return wish;
}

Choice choose(const Situation& at, const std::vector<Tracked>& tracked) {
  Choice choice;
  bool any_high = false;
  for (const Tracked& each : tracked) {
    if (!each.wish.high) continue;
    any_high = true;
    int needed = at.desired + 1;
    if (within(at.now, each.policy->out_at, each.policy->out_cooldown))
      needed = at.desired + std::max(1, (at.desired + kLargerShare - 1) / kLargerShare);
    if (each.wish.out < needed || each.wish.out <= choice.desired.value_or(at.desired)) continue;
    choice.desired = each.wish.out;
    choice.by = each.policy;
    choice.out = true;
  }
  if (choice.desired) {
    *choice.desired = std::min(*choice.desired, at.max_capacity);
    if (*choice.desired <= at.desired) {
      choice.desired.reset();
      choice.not_scaled = "AlreadyAtMaxCapacity";
    } else if (at.out_suspended) {
      choice.desired.reset();
    }
    return choice;
  }
  if (any_high || tracked.empty() || at.in_rollout || at.in_suspended) return choice;
  int in = 0;
  for (const Tracked& each : tracked) {
    if (each.policy->in_disabled) continue;
    if (!each.wish.low || within(at.now, each.policy->in_at, each.policy->in_cooldown)) return choice;
    if (choice.by == nullptr || each.wish.in >= in) {
      in = each.wish.in;
      choice.by = each.policy;
    }
  }
  if (choice.by == nullptr || in >= at.desired) return choice;
  in = std::max(in, at.min_capacity);
  if (in < at.desired)
    choice.desired = in;
  else
    choice.not_scaled = "AlreadyAtMinCapacity";
  return choice;
}

std::optional<int> step_from(const model::ScalingPolicy& policy, double value, double threshold,
                             int capacity) {
  const double above = value - threshold;
  for (const model::StepAdjustment& step : policy.steps) {
    // Above the threshold the lower bound is inside, below it the upper one.
    const bool upward = above >= 0;
    const bool over_lower = !step.has_lower || (upward ? above >= step.lower : above > step.lower);
    const bool under_upper = !step.has_upper || (upward ? above < step.upper : above <= step.upper);
    if (!over_lower || !under_upper) continue;
    if (policy.adjustment_type == "ExactCapacity") return step.adjustment;
    if (policy.adjustment_type == "ChangeInCapacity") return capacity + step.adjustment;
    const double change = capacity * step.adjustment / 100.0;
    int by = static_cast<int>(change);  // toward zero
    if (by == 0 && change != 0) by = change > 0 ? 1 : -1;
    if (by != 0 && std::abs(by) < policy.min_magnitude)
      by = by > 0 ? policy.min_magnitude : -policy.min_magnitude;
    return capacity + by;
  }
  return std::nullopt;
}

Choice choose_step(const Situation& at, const model::ScalingPolicy& policy, double value, double threshold) {
  Choice choice;
  choice.by = &policy;
  const bool cooling_out = within(at.now, policy.out_at, policy.out_cooldown);
  // What the last step added counts towards this one.
  const auto wanted =
      step_from(policy, value, threshold, cooling_out ? std::min(policy.out_from, at.desired) : at.desired);
  if (!wanted) return choice;
  const int to = std::clamp(*wanted, at.min_capacity, at.max_capacity);
  if (to > at.desired) {
    if (!at.out_suspended) choice.desired = to;
    choice.out = true;
  } else if (to < at.desired) {
    const bool free = !cooling_out && !within(at.now, policy.in_at, policy.in_cooldown);
    if (free && !at.in_suspended && !at.in_rollout) choice.desired = to;
  } else if (*wanted > at.desired) {
    choice.not_scaled = "AlreadyAtMaxCapacity";
  } else if (*wanted < at.desired) {
    choice.not_scaled = "AlreadyAtMinCapacity";
  }
  return choice;
}

}  // namespace agent::control::scaling
