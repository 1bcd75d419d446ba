#include "balancer/loop/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "shared/env/random.h"

namespace balancer::loop {
namespace {

using shared::Millis;
using shared::SteadyTime;

SteadyTime at(long long ms) { return SteadyTime(Millis(1'000'000 + ms)); }

struct Alarm {
  TimerNode node;
  int fired = 0;
  Alarm() {
    node.bind(this, [](void* self) { ++static_cast<Alarm*>(self)->fired; });
  }
};

TEST(TimerWheel, FiresOnceNeverEarlyAndAtMostOneTickLate) {
  TimerWheel wheel(at(0));
  Alarm alarm;
  wheel.arm(alarm.node, at(1'000));
  for (long long ms = 0; ms < 1'000; ++ms) wheel.advance(at(ms));
  EXPECT_EQ(alarm.fired, 0);
  wheel.advance(at(1'000) + TimerWheel::kTick);
  EXPECT_EQ(alarm.fired, 1);
  for (long long ms = 1'100; ms < 60'000; ms += 10) wheel.advance(at(ms));
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, PushedTimersFireAtTheirLastDeadlineAndPulledOnesAtTheEarlier) {
  TimerWheel wheel(at(0));
  Alarm idle;
  wheel.arm(idle.node, at(500));
  for (long long ms = 0; ms <= 10'000; ms += 10) {
    wheel.advance(at(ms));
    wheel.arm(idle.node, at(ms + 500));
  }
  EXPECT_EQ(idle.fired, 0);
  wheel.arm(idle.node, at(10'100));
  wheel.advance(at(10'130));
  EXPECT_EQ(idle.fired, 1);
}

TEST(TimerWheel, DeadlinesBeyondTheHorizonAndLongPausesAreKept) {
  TimerWheel wheel(at(0));
  Alarm far;
  Alarm near;
  wheel.arm(far.node, at(3'600'000));
  wheel.arm(near.node, at(100));
  wheel.advance(at(3'599'000));  // as after a suspended machine
  EXPECT_EQ(near.fired, 1);
  EXPECT_EQ(far.fired, 0);
  wheel.advance(at(3'600'030));
  EXPECT_EQ(far.fired, 1);
}

TEST(TimerWheel, DisarmedAndRemovedNodesStayQuietAndAFiringNodeMayRearmItself) {
  TimerWheel wheel(at(0));
  Alarm disarmed;
  {
    Alarm dead;
    wheel.arm(dead.node, at(50));
    wheel.arm(disarmed.node, at(50));
    wheel.disarm(disarmed.node);
  }
  struct Periodic {
    TimerWheel& wheel;
    TimerNode node;
    int fired = 0;
  } periodic{wheel, {}, 0};
  periodic.node.bind(&periodic, [](void* self) {
    auto* p = static_cast<Periodic*>(self);
    ++p->fired;
    p->wheel.arm(p->node, at(100LL * (p->fired + 1)));
  });
  wheel.arm(periodic.node, at(100));
  for (long long ms = 0; ms <= 1'030; ms += 10) wheel.advance(at(ms));
  EXPECT_EQ(disarmed.fired, 0);
  EXPECT_EQ(periodic.fired, 10);
}

// A loop sleeps until next_tick(): it must not sleep through a deadline, and has no reason to wake for an
// empty slot.
TEST(TimerWheel, NextTickIsWhenSomethingIsThereToLookAt) {
  TimerWheel wheel(at(0));
  Alarm late;
  Alarm early;
  wheel.arm(late.node, at(5'000));
  EXPECT_GE(wheel.next_tick(), at(5'000));
  EXPECT_LE(wheel.next_tick(), at(5'000) + TimerWheel::kTick);
  wheel.advance(at(1'000));
  EXPECT_GE(wheel.next_tick(), at(5'000));
  wheel.arm(early.node, at(1'300));
  EXPECT_LE(wheel.next_tick(), at(1'300) + TimerWheel::kTick);
  wheel.advance(wheel.next_tick());
  EXPECT_EQ(early.fired, 1);
  EXPECT_EQ(late.fired, 0);
  EXPECT_GE(wheel.next_tick(), at(5'000));
  wheel.arm(late.node, at(90'000));  // pushed: looked at in its old slot, then far away
  for (int wakes = 0; wakes < 10 && late.fired == 0; ++wakes) wheel.advance(wheel.next_tick());
  EXPECT_EQ(late.fired, 1);
  EXPECT_TRUE(wheel.empty());
}

// Driven as a loop drives it, by next_tick() alone, every timer fires within a tick of its deadline.
TEST(TimerWheel, NothingIsSleptThrough) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    shared::env::SeededRandom random(seed);
    const auto below = [&random](std::uint64_t bound) { return static_cast<long long>(random.below(bound)); };
    TimerWheel wheel(at(0));
    std::vector<std::unique_ptr<Alarm>> alarms;
    for (int i = 0; i < 20; ++i) alarms.push_back(std::make_unique<Alarm>());
    SteadyTime now = at(0);
    for (int step = 0; step < 2'000; ++step) {
      const auto& alarm = alarms[static_cast<std::size_t>(below(20))];
      const long long what = below(6);
      if (what == 0) {
        wheel.disarm(alarm->node);
      } else if (what == 1) {
        wheel.remove(alarm->node);
      } else {
        wheel.arm(alarm->node, now + Millis(1 + below(below(5) == 0 ? 90'000 : 2'000)));
      }
      // Something else wakes the loop now and then.
      const SteadyTime other = now + Millis(below(below(20) == 0 ? 60'000 : 3'000));
      now = wheel.empty() ? other : std::max(now, std::min(other, wheel.next_tick()));
      wheel.advance(now);
      for (const auto& each : alarms) {
        if (!each->node.armed()) continue;
        ASSERT_GT(each->node.deadline() + TimerWheel::kTick, now);
      }
    }
  }
}

TEST(TimerWheel, AgreesWithAnOrderedMapUnderRandomUse) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    shared::env::SeededRandom random(seed);
    const auto below = [&random](std::uint64_t bound) { return static_cast<long long>(random.below(bound)); };
    TimerWheel wheel(at(0));
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::vector<long long> deadline(50, -1);
    std::vector<int> expected(50, 0);
    for (int i = 0; i < 50; ++i) alarms.push_back(std::make_unique<Alarm>());
    long long now = 0;
    for (int step = 0; step < 5'000; ++step) {
      const auto i = static_cast<std::size_t>(below(50));
      if (below(4) == 0) {
        wheel.disarm(alarms[i]->node);
        deadline[i] = -1;
      } else {
        deadline[i] = now + 1 + below(below(10) == 0 ? 60'000 : 300);
        wheel.arm(alarms[i]->node, at(deadline[i]));
      }
      now += below(30);
      wheel.advance(at(now));
      const long long looked_at = now / 20 * 20;
      for (std::size_t k = 0; k < 50; ++k) {
        // Between its deadline and the next tick a timer may have fired or not, both are right.
        const bool may = deadline[k] >= 0 && deadline[k] <= now;
        const bool must = may && deadline[k] <= looked_at;
        if (must || (may && alarms[k]->fired == expected[k] + 1)) ++expected[k], deadline[k] = -1;
        ASSERT_EQ(alarms[k]->fired, expected[k]) << "alarm " << k << " at " << now;
      }
    }
  }
}

}  // namespace
}  // namespace balancer::loop
