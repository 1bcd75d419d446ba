// What a service's policies ask for, as values: from figures, tasks and the time. Application Auto Scaling's
// rules, but decided on figures of seconds where AWS waits for three minutes: a larger load shows within
// Timing::out_after. To scale in takes as long as on AWS. Thread: any.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/metrics/store.h"
#include "agent/model/scaling.h"

namespace agent::control::scaling {

struct Timing {
  std::int64_t out_after = 5;   // seconds that a load far above the target has to last
  std::int64_t in_after = 900;  // that all figures have to be below kLowShare of the target
};
inline constexpr double kLowShare = 0.9;

// A shorter while asks for a larger excess, so that noise starts no tasks.
struct Window {
  std::int64_t seconds;  // 0: Timing::out_after
  double excess;
};
inline constexpr Window kWindows[] = {{0, 1.2}, {30, 1.1}, {180, 1.0}};
inline constexpr std::int64_t kNoDataAfter = 180;
// Within a scale-out cooldown only a need that is larger by so much is met: one in ten, at least one.
inline constexpr int kLargerShare = 10;

// How many tasks ran, since when (seconds), in order. Those of a while bore its load.
using Running = std::deque<std::pair<std::int64_t, int>>;
// Tasks that have just begun have told no figures yet.
inline constexpr std::int64_t kSilentStart = 25;
int fewest(const Running& running, std::int64_t from);
int most(const Running& running, std::int64_t from);
// Notes how many there are, and forgets what nobody asks about any more.
void note(Running& running, std::int64_t now, int tasks, const Timing& timing);

// Of a target tracking policy.
struct Wish {
  bool data = false;
  bool high = false;  // above the target
  bool low = false;   // far enough below it for long enough
  bool calm = false;  // of the last minute nothing is above the target
  int out = 0;        // capacity that brings it to the target
  int in = 0;         // and that keeps it there
  double value = 0;   // of the metric, as a minute of AWS would show it
};
// Of requests the need is all of them over the target, whoever bore them; of other metrics the tasks that ran
// meanwhile are multiplied.
Wish track(const model::ScalingPolicy& policy, const metrics::Store& store, std::int64_t now,
           const Running& running, const Timing& timing);

struct Situation {
  int desired = 0;
  int min_capacity = 0;
  int max_capacity = 0;
  bool in_rollout = false;
  bool out_suspended = false;
  bool in_suspended = false;
  model::WallTime now{};
};
struct Tracked {
  const model::ScalingPolicy* policy = nullptr;
  Wish wish;
};
struct Choice {
  std::optional<int> desired;
  const model::ScalingPolicy* by = nullptr;  // whose wish it is
  bool out = false;
  std::string not_scaled;  // why the wish is not met: NotScaledReasons' code
};
// Out if any policy wants, to the largest; in if all agree that may, to the largest.
Choice choose(const Situation& situation, const std::vector<Tracked>& tracked);

// Step scaling: what the step for `value` makes of a capacity. Nothing: no step is for it.
std::optional<int> step_from(const model::ScalingPolicy& policy, double value, double threshold,
                             int capacity);
Choice choose_step(const Situation& situation, const model::ScalingPolicy& policy, double value,
                   double threshold);

}  // namespace agent::control::scaling
