// How a deployment walks through its stages: which shares it asks for, what it waits for, and when it fails.
#include <gtest/gtest.h>

#include "agent/control/services/strategy/stages.h"
#include "agent/model/words.h"

namespace agent::control {
namespace {

using model::DeploymentStrategy;
using model::kWhole;
using model::LifecycleStage;
using shared::WallTime;
using What = StageStep::What;

// Everything that is asked for happens at once, unless the test says otherwise.
class Walk {
 public:
  explicit Walk(DeploymentStrategy kind) {
    facts.rollout.kind = facts.strategy.kind = kind;
    facts.source = true;
    facts.source_whole = true;
    facts.healthy = true;
    facts.now = shared::from_epoch_millis(1'000'000);
    facts.begun = facts.now;
  }

  // One step, carried out. False: it waits, is complete or failed.
  bool go() {
    last = next_step(facts);
    model::Rollout& rollout = facts.rollout;
    switch (last.what) {
      case What::kEnter:
        rollout.stage = last.stage;
        rollout.stage_since = facts.now;
        rollout.shifted.reset();
        said.push_back(std::string(model::word(last.stage)));
        return true;
      case What::kShift:
        rollout.production = last.production;
        rollout.test = last.test;
        rollout.shifted = facts.now;
        said.push_back("production " + std::to_string(last.production) + " test " +
                       std::to_string(last.test));
        return true;
      case What::kDrainAll:
        facts.source = false;
        said.push_back("drain all");
        return true;
      case What::kDrainOthers:
        facts.others = false;
        said.push_back("drain others");
        return true;
      default:
        return false;
    }
  }
  void run() {
    for (int i = 0; i < 200 && go(); ++i) {
    }
  }
  std::vector<std::string> take() { return std::exchange(said, {}); }

  StageFacts facts;
  StageStep last;
  std::vector<std::string> said;
};

TEST(Stages, BlueGreenShiftsAllTrafficBeforeAnythingIsStopped) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.has_test = true;
  walk.run();
  EXPECT_EQ(walk.take(),
            (std::vector<std::string>{"PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT",
                                      "production 0 test 1000", "POST_TEST_TRAFFIC_SHIFT",
                                      "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT",
                                      "production 1000 test 1000", "POST_PRODUCTION_TRAFFIC_SHIFT",
                                      "BAKE_TIME", "CLEAN_UP", "drain all"}));
  EXPECT_EQ(walk.last.what, What::kComplete);
}

TEST(Stages, NothingIsStoppedBeforeTheBakeTimeHasPassed) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.strategy.bake_minutes = 5;
  walk.run();
  EXPECT_EQ(walk.take().back(), "BAKE_TIME");
  EXPECT_EQ(walk.last.wake, walk.facts.now + std::chrono::minutes(5));
  walk.facts.now += std::chrono::minutes(5) - std::chrono::milliseconds(1);
  walk.run();
  EXPECT_TRUE(walk.take().empty());
  walk.facts.now += std::chrono::milliseconds(1);
  walk.facts.healthy = false;
  walk.run();
  EXPECT_TRUE(walk.take().empty()) << "the former revision stays while the new one is not healthy";
  walk.facts.healthy = true;
  walk.run();
  EXPECT_EQ(walk.last.what, What::kComplete);
}

TEST(Stages, TrafficWaitsForHealthyTasks) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.healthy = false;
  walk.run();
  EXPECT_EQ(walk.take().back(), "SCALE_UP");
  walk.facts.healthy = true;
  while (walk.facts.rollout.stage != LifecycleStage::kProductionTrafficShift) walk.go();
  walk.facts.healthy = false;
  EXPECT_FALSE(walk.go());
  EXPECT_EQ(walk.facts.rollout.production, 0);
  EXPECT_EQ(walk.last.what, What::kWait);
  walk.facts.now += kStageLimit;
  walk.go();
  EXPECT_EQ(walk.last.what, What::kFail);
  EXPECT_EQ(walk.last.why, "its tasks were not all healthy within 24 hours");
}

TEST(Stages, AShiftIsOverWhenBalancersRouteSo) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  while (walk.facts.rollout.production == 0) ASSERT_TRUE(walk.go());
  walk.facts.rollout.shifted.reset();
  walk.facts.rollout.shift_begun = walk.facts.now;
  walk.facts.routed = false;
  EXPECT_FALSE(walk.go());
  EXPECT_EQ(walk.facts.rollout.stage, LifecycleStage::kProductionTrafficShift);
}

TEST(Stages, LinearGoesInEqualStepsWithABakeTimeAfterEachButTheLast) {
  Walk walk(DeploymentStrategy::kLinear);
  walk.facts.strategy.step = 400;
  walk.facts.strategy.step_bake_minutes = 6;
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, 400);
  EXPECT_EQ(walk.last.wake, walk.facts.now + std::chrono::minutes(6));
  walk.facts.now += std::chrono::minutes(6);
  walk.take();
  walk.run();
  EXPECT_EQ(walk.take(), (std::vector<std::string>{"PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT",
                                                   "production 800 test 0"}))
      << "each step goes by way of the stage before it";
  walk.facts.now += std::chrono::minutes(6);
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, kWhole) << "a step never goes above all of it";
  EXPECT_EQ(walk.last.what, What::kComplete) << "no bake time after the last step";
}

TEST(Stages, LinearWaitsAtAStepWhileItsTasksAreNotHealthy) {
  Walk walk(DeploymentStrategy::kLinear);
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, 100);
  walk.facts.healthy = false;
  walk.facts.now += std::chrono::minutes(6);
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, 100);
  EXPECT_EQ(walk.last.what, What::kWait);
}

TEST(Stages, CanaryShiftsTwice) {
  Walk walk(DeploymentStrategy::kCanary);
  walk.facts.strategy.canary = 1;
  walk.facts.strategy.canary_bake_minutes = 10;
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, 1);
  walk.facts.now += std::chrono::minutes(10);
  walk.run();
  EXPECT_EQ(walk.facts.rollout.production, kWhole);
  EXPECT_EQ(walk.last.what, What::kComplete);
}

TEST(Stages, HooksHoldAStageBackOrEndTheDeployment) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  ASSERT_TRUE(walk.go());
  walk.facts.hooks = HooksSay::kWait;
  EXPECT_FALSE(walk.go());
  EXPECT_EQ(walk.facts.rollout.stage, LifecycleStage::kPreScaleUp);
  walk.facts.hooks = HooksSay::kGoBack;
  walk.go();
  EXPECT_EQ(walk.last.what, What::kFail);
}

TEST(Stages, OtherRevisionsGoOnlyOnceTheFormerOneIsWholeAndHasTheTraffic) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.others = true;
  walk.facts.routed = false;
  walk.facts.source_whole = false;
  walk.run();
  EXPECT_EQ(walk.take(), (std::vector<std::string>{"RECONCILE_SERVICE"}));
  walk.facts.routed = true;
  walk.run();
  EXPECT_TRUE(walk.take().empty());
  walk.facts.source_whole = true;
  walk.go();
  EXPECT_EQ(walk.take(), (std::vector<std::string>{"drain others"}));
  walk.run();
  EXPECT_EQ(walk.last.what, What::kComplete);
}

TEST(Stages, AWayBackWaitsForNothingButTheBalancers) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.rollout.going_back = true;
  walk.facts.rollout.stage = LifecycleStage::kProductionTrafficShift;
  walk.facts.rollout.production = kWhole;
  walk.facts.healthy = false;
  walk.facts.routed = false;
  walk.facts.hooks = HooksSay::kWait;
  EXPECT_FALSE(walk.go());
  walk.facts.routed = true;
  walk.run();
  EXPECT_EQ(walk.take(), (std::vector<std::string>{"CLEAN_UP"})) << "traffic first; nothing is stopped yet";
  walk.facts.healthy = true;
  walk.run();
  EXPECT_EQ(walk.take(), (std::vector<std::string>{"drain all"}));
  EXPECT_EQ(walk.last.what, What::kComplete);
}

TEST(Stages, ADeploymentEndsAfterThirtyDays) {
  Walk walk(DeploymentStrategy::kBlueGreen);
  walk.facts.strategy.bake_minutes = 1'440;
  walk.run();
  walk.facts.now = walk.facts.begun + kDeploymentLimit;
  walk.go();
  EXPECT_EQ(walk.last.what, What::kFail);
}

}  // namespace
}  // namespace agent::control
