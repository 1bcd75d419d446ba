// Target tracking against loads over time, second by second: how many tasks there are, when, and how often
// that changed. Requests come by a Poisson process; tasks need some seconds until they serve.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <numeric>

#include "agent/control/alarms/evaluate.h"
#include "agent/control/scaling/plan.h"
#include "shared/env/random.h"

namespace agent::control::scaling {
namespace {

constexpr std::int64_t kBegin = 1'796'000'040;
constexpr double kTarget = 600;                    // requests a minute and task: ten a second
using Load = std::function<double(std::int64_t)>;  // requests a second, at a second

class Curve {
 public:
  explicit Curve(bool requests = true) {
    policy_.name = "p";
    policy_.target = requests ? kTarget : 50;
    policy_.metric =
        requests ? model::MetricQuery{"AWS/ApplicationELB", "RequestCountPerTarget", {}, "Sum", "", 60}
                 : model::MetricQuery{"AWS/ECS", "CPUUtilization", {}, "Average", "", 60};
    policy_.out_cooldown = policy_.in_cooldown = 60;
    requests_ = requests;
  }

  // What the load is in tasks at their target: ten requests a second, or half of a task's CPU.
  void run(const Load& load, std::int64_t seconds) {
    for (std::int64_t i = 0; i < seconds; ++i) second(load(at_ - kBegin));
  }

  int desired = 2;
  int min_capacity = 1;
  int max_capacity = 50;
  std::vector<std::pair<std::int64_t, int>> changes;  // when, to what
  double overload_seconds = 0;                        // with more than 1.5 times the target
  std::int64_t now() const { return at_ - kBegin; }
  int most() const {
    int out = desired;
    for (const auto& [at, to] : changes) out = std::max(out, to);
    return out;
  }
  // Turns of direction: out and then in, or the other way.
  int turns() const {
    int count = 0;
    int direction = 0;
    int before = 2;
    for (const auto& [at, to] : changes) {
      const int now = to > before ? 1 : -1;
      if (direction != 0 && now != direction) ++count;
      direction = now;
      before = to;
    }
    return count;
  }

 private:
  static constexpr std::int64_t kStart = 8;  // seconds until a task serves
  static constexpr std::int64_t kReportEvery = 5;

  int poisson(double mean) {
    double left = std::exp(-mean);
    double product = 1;
    int count = -1;
    do {
      product *= (static_cast<double>(random_.below(1'000'000)) + 0.5) / 1'000'000.0;
      ++count;
    } while (product > left);
    return count;
  }

  void second(double load) {
    while (static_cast<int>(serving_.size()) < desired)
      serving_.push_back(changes.empty() ? 0 : at_ + kStart);
    while (static_cast<int>(serving_.size()) > desired) serving_.pop_back();
    int running = 0;
    for (const auto since : serving_) running += since <= at_ ? 1 : 0;
    const auto name = alarms::name_of(policy_.metric);
    if (running > 0 && requests_) {
      const int requests = poisson(load * 10);
      metrics::Name all = name;
      all.metric = "RequestCount";
      EXPECT_TRUE(store_.add(name, "", metrics::Figure::of(static_cast<double>(requests) / running), at_));
      EXPECT_TRUE(store_.add(all, "", metrics::Figure::of(requests), at_));
    } else if (at_ % kReportEvery == 0) {
      for (int i = 0; i < running; ++i) {
        const double noise = static_cast<double>(random_.below(21)) - 10;
        EXPECT_TRUE(store_.add(
            name, "", metrics::Figure::of(std::clamp(load * 50 / running + noise, 0.0, 100.0)), at_));
      }
    }
    if (running > 0 && load / running > 1.5) ++overload_seconds;
    note(running_, at_, running, Timing{});
    ++at_;
    Situation situation;
    situation.desired = desired;
    situation.min_capacity = min_capacity;
    situation.max_capacity = max_capacity;
    situation.now = shared::from_epoch_millis(at_ * 1'000);
    const Choice choice = choose(situation, {{&policy_, track(policy_, store_, at_, running_, Timing{})}});
    if (!choice.desired) return;
    changes.emplace_back(now(), *choice.desired);
    if (choice.out) {
      policy_.out_from = desired;
      policy_.out_at = situation.now;
      policy_.in_at = {};
    } else {
      policy_.in_at = situation.now;
    }
    desired = *choice.desired;
  }

  bool requests_;
  model::ScalingPolicy policy_;
  metrics::Store store_{kBegin};
  shared::env::SeededRandom random_{11};
  std::deque<std::int64_t> serving_;
  Running running_;
  std::int64_t at_ = kBegin;
};

TEST(ALoadStep, IsAnsweredWithinFiveSecondsAndToTheRightSize) {
  for (const bool requests : {true, false}) {
    Curve curve(requests);
    curve.run([](std::int64_t) { return 1.6; }, 300);
    ASSERT_TRUE(curve.changes.empty()) << "of a load that two tasks bear";
    curve.run([](std::int64_t) { return 6.0; }, 120);
    ASSERT_FALSE(curve.changes.empty());
    EXPECT_LE(curve.changes.front().first - 300, requests ? 5 : 6);
    EXPECT_GE(curve.desired, 6);
    EXPECT_LE(curve.most(), 7);
  }
}

TEST(ASteadyLoad, ChangesNothingHoweverNoisyItIs) {
  for (const double load : {0.2, 1.0, 1.5, 1.85}) {
    Curve curve;
    curve.min_capacity = 2;
    curve.run([&](std::int64_t) { return load; }, 2 * 3'600);
    EXPECT_TRUE(curve.changes.empty())
        << load << ": to " << (curve.changes.empty() ? 0 : curve.changes[0].second) << " at "
        << (curve.changes.empty() ? 0 : curve.changes[0].first);
  }
  Curve cpu(false);
  cpu.min_capacity = 2;
  cpu.run([](std::int64_t) { return 1.7; }, 3'600);
  EXPECT_TRUE(cpu.changes.empty());
}

TEST(ARise, IsFollowedWithoutALongOverload) {
  Curve curve;
  curve.run([](std::int64_t at) { return 1.5 + static_cast<double>(at) / 120; }, 1'800);  // to 16.5
  EXPECT_GE(curve.desired, 15);
  EXPECT_LE(curve.most(), 20);
  EXPECT_EQ(curve.turns(), 0);
  EXPECT_LE(curve.overload_seconds, 10);
  EXPECT_LE(curve.changes.size(), 20U);
}

TEST(ASawTooth, KeepsTheTasksThatItsTeethNeed) {
  Curve curve;
  // Four minutes up from 2 to 8, and down at once.
  curve.run([](std::int64_t at) { return 2 + static_cast<double>(at % 240) / 40; }, 2 * 3'600);
  EXPECT_LE(curve.turns(), 1) << "tasks stopped between two teeth";
  EXPECT_GE(curve.desired, 8);
  EXPECT_LE(curve.most(), 11);
}

TEST(NightAndDay, AreFollowedBothWays) {
  Curve curve;
  constexpr double kDay = 86'400;
  std::vector<int> at_hour;
  for (int hour = 0; hour < 24; ++hour) {
    curve.run([](std::int64_t at) { return 6 - 5 * std::cos(2 * M_PI * static_cast<double>(at) / kDay); },
              3'600);
    at_hour.push_back(curve.desired);
  }
  EXPECT_LE(at_hour[0], 3);
  EXPECT_GE(at_hour[12], 11);
  EXPECT_LE(at_hour[12], 14);
  EXPECT_LE(at_hour[23], 4);
  EXPECT_LE(curve.turns(), 2) << "up in the morning, down in the evening";
  EXPECT_LE(curve.overload_seconds, 10);
  for (const auto& [at, to] : curve.changes) EXPECT_LE(to, 14);
}

TEST(ALoadThatEnds, TakesTheTasksAwayAfterFifteenMinutes) {
  Curve curve;
  curve.run([](std::int64_t) { return 7.6; }, 300);
  ASSERT_GE(curve.desired, 8);
  curve.run([](std::int64_t) { return 0.0; }, 840);
  EXPECT_GE(curve.desired, 8) << "what was too many may go, the rest stays";
  curve.run([](std::int64_t) { return 0.0; }, 240);
  EXPECT_EQ(curve.desired, 1);
}

TEST(MissingFigures, ScaleNothing) {
  Curve curve;
  curve.run([](std::int64_t) { return 2.0; }, 300);
  model::ScalingPolicy policy;
  policy.target = kTarget;
  policy.metric = {"AWS/ApplicationELB", "RequestCountPerTarget", {}, "Sum", "", 60};
  const metrics::Store empty(kBegin);
  const Wish wish = track(policy, empty, kBegin + 3'600, {{kBegin, 5}}, Timing{});
  EXPECT_FALSE(wish.data || wish.high || wish.low);
}

}  // namespace
}  // namespace agent::control::scaling
