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
  shared::lbconfig::TargetGroup group;
  group.id = "tg";
  group.targets.push_back({"i-1", 80, "10.0.0.1", "r1", "", state, limit});
  out.target_groups.push_back(group);
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
  shared::lbconfig::TargetGroup group = *second.target_groups[0];
  group.targets.push_back({"i-1", 80, "10.0.0.1", "r2", "", TargetState::kActive, Millis(0)});
  second.target_groups[0] = group;
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

TEST(Registry, AGroupThatConfigurationsShareIsCompiledOnce) {
  DrainTracker drains;
  Registry registry(2);
  const auto compiled = [&](const Config& next) {
    drains.on_config(next, kDrainStart);
    return registry.compile(next, drains).value();
  };
  Config first = config(1, TargetState::kDraining);
  shared::lbconfig::TargetGroup other;
  other.id = "other";
  first.target_groups.push_back(other);
  const auto before = compiled(first);
  Config second = first;
  second.version = 2;
  other.targets.push_back({"i-2", 80, "10.0.0.2", "r3", "", TargetState::kActive, Millis(0)});
  second.target_groups[1] = other;
  const auto after = compiled(second);
  EXPECT_EQ(after[0], before[0]);
  EXPECT_NE(after[1], before[1]);
  EXPECT_EQ(after[1]->active.size(), 1U);
  EXPECT_EQ(after[1]->runtime, before[1]->runtime);

  shared::lbconfig::Listener listener;
  listener.default_action.forward.target_groups = {{"tg", 1}};
  second.listeners.push_back(listener);
  const auto used = compiled(second);
  EXPECT_TRUE(used[0]->in_use) << "a listener forwards to it now";
  EXPECT_EQ(used[1], after[1]);
}

TEST(Registry, ARegistrationAtAnotherAddressIsAnotherTarget) {
  DrainTracker drains;
  Registry registry(2);
  const auto before = registry.compile(config(1, TargetState::kActive), drains).value();
  Config moved = config(2, TargetState::kActive);
  shared::lbconfig::TargetGroup group = *moved.target_groups[0];
  group.targets[0].address = "10.0.0.9";
  moved.target_groups[0] = group;
  const auto after = registry.compile(moved, drains).value();
  EXPECT_NE(after[0]->active[0], before[0]->active[0]);
}

}  // namespace
}  // namespace balancer::targets
