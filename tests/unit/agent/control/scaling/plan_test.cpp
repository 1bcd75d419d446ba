#include "agent/control/scaling/plan.h"

#include <gtest/gtest.h>

namespace agent::control::scaling {
namespace {

const model::WallTime kNow = shared::from_epoch_millis(1'796'000'040'000);

model::ScalingPolicy steps(const std::string& type, std::vector<model::StepAdjustment> adjustments,
                           int magnitude = 0) {
  model::ScalingPolicy policy;
  policy.name = "steps";
  policy.adjustment_type = type;
  policy.steps = std::move(adjustments);
  policy.min_magnitude = magnitude;
  return policy;
}
model::StepAdjustment between(std::optional<double> lower, std::optional<double> upper, int adjustment) {
  return {lower.has_value(), upper.has_value(), lower.value_or(0), upper.value_or(0), adjustment};
}
Situation at(int desired, int min = 0, int max = 100) {
  Situation situation;
  situation.desired = desired;
  situation.min_capacity = min;
  situation.max_capacity = max;
  situation.now = kNow;
  return situation;
}

TEST(AStep, IsChosenByHowFarTheMetricIsFromTheThreshold) {
  const auto policy = steps(
      "ChangeInCapacity", {between(0, 10, 1), between(10, {}, 3), between(-10, 0, -1), between({}, -10, -2)});
  EXPECT_EQ(step_from(policy, 80, 80, 5), 6);  // above: the lower bound is inside
  EXPECT_EQ(step_from(policy, 90, 80, 5), 8);  // and the upper one outside
  EXPECT_EQ(step_from(policy, 75, 80, 5), 4);
  EXPECT_EQ(step_from(policy, 70, 80, 5), 3);  // below: the other way round
  EXPECT_EQ(step_from(steps("ChangeInCapacity", {between(0, 10, 1)}), 95, 80, 5), std::nullopt);
  EXPECT_EQ(step_from(steps("ExactCapacity", {between(0, {}, 7)}), 95, 80, 5), 7);
}

TEST(AStep, OfPercentIsRoundedAsAwsDoes) {
  const auto by = [](int percent, int capacity, int magnitude = 0) {
    return *step_from(steps("PercentChangeInCapacity", {between(0, {}, percent)}, magnitude), 100, 80,
                      capacity) -
           capacity;
  };
  EXPECT_EQ(by(127, 10), 12);  // 12.7
  EXPECT_EQ(by(-67, 10), -6);  // -6.7
  EXPECT_EQ(by(5, 10), 1);     // 0.5
  EXPECT_EQ(by(-5, 10), -1);   // -0.5
  EXPECT_EQ(by(10, 10, 4), 4);
  EXPECT_EQ(by(-10, 10, 4), -4);
}

TEST(AStep, CountsWhatTheOneBeforeAddedWhileThatCoolsDown) {
  auto policy = steps("ChangeInCapacity", {between(0, 10, 1), between(10, {}, 3)});
  policy.out_from = 4;
  policy.out_at = kNow - shared::Millis(60'000);
  EXPECT_EQ(choose_step(at(5), policy, 85, 80).desired, std::nullopt);  // 4 + 1 are there
  EXPECT_EQ(choose_step(at(5), policy, 95, 80).desired, 7);             // 4 + 3
  policy.out_at = kNow - shared::Millis(300'000);
  EXPECT_EQ(choose_step(at(5), policy, 85, 80).desired, 6);
}

TEST(AStep, StaysInsideOfTheBoundsAndSaysWhenTheyHoldIt) {
  const auto out = steps("ChangeInCapacity", {between(0, {}, 5)});
  EXPECT_EQ(choose_step(at(4, 0, 6), out, 85, 80).desired, 6);
  EXPECT_EQ(choose_step(at(6, 0, 6), out, 85, 80).not_scaled, "AlreadyAtMaxCapacity");
  const auto in = steps("ChangeInCapacity", {between({}, 0, -5)});
  EXPECT_EQ(choose_step(at(4, 2, 6), in, 75, 80).desired, 2);
  EXPECT_EQ(choose_step(at(2, 2, 6), in, 75, 80).not_scaled, "AlreadyAtMinCapacity");
  Situation suspended = at(4, 2, 6);
  suspended.in_suspended = suspended.out_suspended = true;
  EXPECT_EQ(choose_step(suspended, in, 75, 80).desired, std::nullopt);
  EXPECT_EQ(choose_step(suspended, out, 85, 80).desired, std::nullopt);
}

Tracked wants(const model::ScalingPolicy& policy, int out, int in) {
  Wish wish;
  wish.data = true;
  wish.high = out != 0;
  wish.low = in != 0;
  wish.out = out;
  wish.in = in;
  return {&policy, wish};
}

TEST(SeveralPolicies, GrowToTheLargestWishAndShrinkOnlyIfAllAgree) {
  const model::ScalingPolicy a;
  const model::ScalingPolicy b;
  model::ScalingPolicy only_out;
  only_out.in_disabled = true;
  EXPECT_EQ(choose(at(4), {wants(a, 6, 0), wants(b, 9, 0)}).desired, 9);
  EXPECT_EQ(choose(at(4), {wants(a, 6, 0), wants(b, 0, 2)}).desired, 6);
  EXPECT_EQ(choose(at(4), {wants(a, 0, 1), wants(b, 0, 2)}).desired, 2);
  EXPECT_EQ(choose(at(4), {wants(a, 0, 1), wants(b, 0, 0)}).desired, std::nullopt);
  EXPECT_EQ(choose(at(4), {wants(a, 0, 1), wants(only_out, 0, 0)}).desired, 1);
  EXPECT_EQ(choose(at(4), {wants(only_out, 0, 1)}).desired, std::nullopt);
}

TEST(ScalingIn, WaitsForItsCooldownAndForRolloutsAndScalingOutForNeither) {
  model::ScalingPolicy policy;
  policy.in_at = kNow - shared::Millis(299'000);
  EXPECT_EQ(choose(at(4), {wants(policy, 0, 2)}).desired, std::nullopt);
  policy.in_at = kNow - shared::Millis(300'000);
  EXPECT_EQ(choose(at(4), {wants(policy, 0, 2)}).desired, 2);
  Situation rollout = at(4);
  rollout.in_rollout = true;
  EXPECT_EQ(choose(rollout, {wants(policy, 0, 2)}).desired, std::nullopt);
  EXPECT_EQ(choose(rollout, {wants(policy, 5, 0)}).desired, 5);
  policy.out_at = kNow - shared::Millis(1'000);  // cooling down: a little more is not met, much more is
  EXPECT_EQ(choose(at(20), {wants(policy, 21, 0)}).desired, std::nullopt);
  EXPECT_EQ(choose(at(20), {wants(policy, 22, 0)}).desired, 22);
}

}  // namespace
}  // namespace agent::control::scaling
