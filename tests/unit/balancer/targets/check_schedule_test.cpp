#include "balancer/targets/check_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace balancer::targets {
namespace {

using shared::Millis;
using shared::SteadyTime;
using shared::lbconfig::HealthCheck;

constexpr SteadyTime kScheduleStart{std::chrono::hours(1)};
constexpr Millis kInterval{10'000};
constexpr Millis kTimeout{2'000};
constexpr int kTargets = 400;

HealthCheck every(Millis interval, Millis timeout = kTimeout) {
  HealthCheck check;
  check.interval = interval;
  check.timeout = timeout;
  return check;
}

struct Crowd {
  Crowd() {
    for (int i = 0; i < kTargets; ++i) {
      schedules.emplace_back(random);
      due.push_back(kScheduleStart);
    }
  }
  // Runs until `end`; the checks in each tenth of a second.
  std::vector<int> run_until(SteadyTime end, const HealthCheck& check) {
    std::vector<int> counts;
    for (; now < end; now += Millis(100)) {
      counts.push_back(0);
      for (std::size_t i = 0; i < due.size(); ++i) {
        if (due[i] > now) continue;
        due[i] = schedules[i].on_check(check, now);
        ++counts.back();
      }
    }
    return counts;
  }
  shared::env::SeededRandom random{5};
  SteadyTime now = kScheduleStart;
  std::vector<CheckSchedule> schedules;
  std::vector<SteadyTime> due;
};

TEST(CheckSchedule, TargetsAddedTogetherAreCheckedAtOnceAndThenSpreadOverTheInterval) {
  Crowd crowd;
  const auto counts = crowd.run_until(kScheduleStart + 10 * kInterval, every(kInterval));
  EXPECT_EQ(counts[0], kTargets) << "deployments wait for the first check";
  // Half an interval has 50 tenths of a second: 8 of 400 in each, if they were spread evenly.
  EXPECT_LE(*std::max_element(counts.begin() + 1, counts.end()), 24);
}

TEST(CheckSchedule, ThresholdsAreReachedNoLaterThanAfterAsManyIntervals) {
  shared::env::SeededRandom random(6);
  for (int target = 0; target < kTargets; ++target) {
    CheckSchedule schedule(random);
    SteadyTime at = kScheduleStart;
    for (int check = 1; check <= 5; ++check) {
      const SteadyTime next = schedule.on_check(every(kInterval), at);
      EXPECT_LE(next - at, kInterval);
      if (check > 1) {
        EXPECT_EQ(next - at, kInterval);
      } else {
        EXPECT_GE(next - at, kInterval / 2);
      }
      at = next;
    }
  }
}

TEST(CheckSchedule, TheSecondCheckNeverCutsTheFirstOneShort) {
  shared::env::SeededRandom random(7);
  for (int target = 0; target < kTargets; ++target) {
    CheckSchedule schedule(random);
    EXPECT_EQ(schedule.on_check(every(kInterval, kInterval), kScheduleStart), kScheduleStart + kInterval);
    CheckSchedule other(random);
    EXPECT_GE(other.on_check(every(kInterval, Millis(9'000)), kScheduleStart),
              kScheduleStart + Millis(9'000));
  }
}

TEST(CheckSchedule, AMuchShorterIntervalDoesNotMakeAllTargetsDueTogether) {
  Crowd crowd;
  crowd.run_until(kScheduleStart + Millis(35'000), every(Millis(30'000)));
  const HealthCheck shorter = every(Millis(4'000), Millis(1'000));
  for (std::size_t i = 0; i < crowd.due.size(); ++i) {
    crowd.due[i] = crowd.schedules[i].on_interval(shorter, crowd.now);
    EXPECT_LE(crowd.due[i] - crowd.now, shorter.interval);
  }
  const auto counts = crowd.run_until(crowd.now + Millis(20'000), shorter);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 30) << "10 of 400, if they were spread evenly";
}

TEST(CheckSchedule, ChecksThatAreTurnedOnAgainBeginAnew) {
  shared::env::SeededRandom random(8);
  CheckSchedule schedule(random);
  const Millis first = std::chrono::duration_cast<Millis>(
      schedule.on_check(every(kInterval), kScheduleStart) - kScheduleStart);
  schedule.on_check(every(kInterval), kScheduleStart + first);
  schedule.rest();
  EXPECT_EQ(schedule.on_check(every(kInterval), kScheduleStart + kInterval * 3),
            kScheduleStart + kInterval * 3 + first);
}

}  // namespace
}  // namespace balancer::targets
