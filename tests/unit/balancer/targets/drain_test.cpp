#include "balancer/targets/drain.h"

#include <gtest/gtest.h>

#include "balancer/targets/target.h"

namespace balancer::targets {
namespace {

using shared::Millis;
using shared::SteadyTime;
using shared::lbconfig::Config;
using shared::lbconfig::Target;
using shared::lbconfig::TargetState;

constexpr SteadyTime kDrainStart{std::chrono::hours(1)};
const TargetKey kOld{"tg", "r1"};

Config config(std::uint64_t version, TargetState state, Millis limit = Millis(10'000)) {
  Config out;
  out.version = version;
  out.target_groups.resize(1);
  out.target_groups[0].id = "tg";
  out.target_groups[0].targets.push_back({"i-1", 80, "10.0.0.1", "r1", "", state, limit});
  return out;
}

TEST(DrainTracker, IsNotDrainedBeforeEveryWorkerAcknowledgedHoweverIdleOrLate) {
  DrainTracker drains;
  drains.on_config(config(7, TargetState::kDraining), kDrainStart);
  EXPECT_FALSE(drains.drained(kOld, 0, kDrainStart));
  EXPECT_FALSE(drains.drained(kOld, 0, kDrainStart + std::chrono::hours(1)));
  drains.on_acknowledged(6);
  EXPECT_FALSE(drains.drained(kOld, 0, kDrainStart)) << "a former version says nothing about it";
  drains.on_acknowledged(7);
  EXPECT_FALSE(drains.drained(kOld, 2, kDrainStart));
  EXPECT_TRUE(drains.drained(kOld, 0, kDrainStart));
  EXPECT_TRUE(drains.drained(kOld, 0, kDrainStart)) << "and it stays so";
}

TEST(DrainTracker, TheLimitCountsFromWhenItWasLearnedOfAndLaterConfigurationsDoNotRestartIt) {
  DrainTracker drains;
  drains.on_config(config(7, TargetState::kDraining), kDrainStart);
  drains.on_acknowledged(7);
  drains.on_config(config(8, TargetState::kDraining), kDrainStart + Millis(9'000));
  EXPECT_EQ(drains.cut_at(kOld), kDrainStart + Millis(10'000));
  EXPECT_FALSE(drains.drained(kOld, 1, kDrainStart + Millis(9'999)));
  EXPECT_TRUE(drains.drained(kOld, 1, kDrainStart + Millis(10'000)));
}

TEST(DrainTracker, ForgetsTargetsThatLeftTheConfiguration) {
  DrainTracker drains;
  drains.on_config(config(7, TargetState::kDraining), kDrainStart);
  drains.on_config(Config{}, kDrainStart);
  EXPECT_FALSE(drains.cut_at(kOld));
  EXPECT_FALSE(drains.drained(kOld, 0, kDrainStart + std::chrono::hours(9)));
}

TEST(Registry, ARegistrationKeepsItsRuntimeAndANewOneIsAnotherTarget) {
  DrainTracker drains;
  Registry registry(2);
  Config first = config(1, TargetState::kActive);
  auto before = registry.compile(first, drains);
  ASSERT_TRUE(before);
  Config second = config(2, TargetState::kDraining);
  second.target_groups[0].targets.push_back(
      {"i-1", 80, "10.0.0.1", "r2", "", TargetState::kActive, Millis(0)});
  drains.on_config(second, kDrainStart);
  auto after = registry.compile(second, drains);
  ASSERT_TRUE(after);
  const auto& old_group = *(*before)[0];
  const auto& new_group = *(*after)[0];
  ASSERT_EQ(new_group.draining.size(), 1U);
  ASSERT_EQ(new_group.active.size(), 1U);
  EXPECT_EQ(new_group.draining[0].target, old_group.active[0]) << "load and health go on";
  EXPECT_NE(new_group.active[0], old_group.active[0]);
  old_group.active[0]->opened(0);
  old_group.active[0]->opened(1);
  old_group.active[0]->closed(0);
  EXPECT_EQ(new_group.draining[0].target->in_flight(), 1U);
  EXPECT_FALSE(new_group.in_use) << "no listener forwards to it";
}

}  // namespace
}  // namespace balancer::targets
