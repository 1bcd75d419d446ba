// Lifecycle hooks: called once a stage, after what they are told is durable; their answers, time-outs and
// pauses.
#include "tests/unit/agent/control/services/strategy/staged.h"

namespace agent::control::test {
namespace {

using hooks::Said;
using model::HookStatus;
using model::ServiceDeploymentStatus;

class StagedHooksTest : public StagedTest {
 protected:
  // A service that is stable, and whose next deployment has this hook.
  std::string with_hook(LifecycleStage stage, model::HookTarget target = model::HookTarget::kCall,
                        std::optional<int> timeout = {}, std::optional<model::HookAction> action = {}) {
    world.add_balancer("b1");
    auto service = wanted(DeploymentStrategy::kBlueGreen, 1);
    const std::string key = start(service);
    UpdateService change;
    change.configuration = service.configuration;
    model::LifecycleHook hook;
    hook.target = target;
    if (target == model::HookTarget::kCall) hook.url = "http://hooks.test/run";
    hook.stages = {stage};
    hook.details = R"({"a":1})";
    hook.timeout_minutes = timeout;
    hook.timeout_action = action;
    change.configuration->strategy.hooks = {hook};
    EXPECT_TRUE(update(key, change).has_value());
    return key;
  }
};

TEST_F(StagedHooksTest, AStageGoesOnOnceItsHookHasSucceeded) {
  const std::string key = with_hook(LifecycleStage::kPostTestTrafficShift);
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kPostTestTrafficShift));
  world.pass(Millis(60'000));
  ASSERT_EQ(hooks.calls.size(), 1u) << "called once, however long it takes";
  const hooks::Call& call = hooks.calls[0];
  EXPECT_EQ(call.url, "http://hooks.test/run");
  EXPECT_EQ(call.stage, "POST_TEST_TRAFFIC_SHIFT");
  EXPECT_EQ(call.details, R"({"a":1})");
  EXPECT_EQ(call.service_deployment_arn, newest(key).arn);
  ASSERT_EQ(call.test.size(), 2u);
  EXPECT_EQ(call.test[0].second, model::kWhole);
  EXPECT_EQ(call.production[0].second, 0);
  EXPECT_EQ(primary(key).rollout.stage, LifecycleStage::kPostTestTrafficShift);
  hooks.answer({Said::kInProgress, 7});
  world.pass(Millis(6'000));
  EXPECT_EQ(hooks.calls.size(), 1u);
  world.pass(Millis(2'000));
  ASSERT_EQ(hooks.calls.size(), 2u) << "again after its callBackDelay";
  EXPECT_EQ(hooks.calls[1].execution_id, hooks.calls[0].execution_id);
  hooks.answer({Said::kSucceeded});
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(hooks.calls.size(), 2u);
}

TEST_F(StagedHooksTest, AHookThatFailsRollsTheDeploymentBack) {
  const std::string key = with_hook(LifecycleStage::kPostScaleUp);
  const std::string before = primary(key).id;
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kPostScaleUp));
  world.rest();
  hooks.answer({Said::kFailed});
  world.rest();
  EXPECT_EQ(primary(key).id, before);
  EXPECT_NE(
      newest(key).status_reason.find("the lifecycle hook http://hooks.test/run at POST_SCALE_UP is FAILED"),
      std::string::npos)
      << newest(key).status_reason;
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful);
}

TEST_F(StagedHooksTest, AHookThatSaysNothingIsCalledAgainAndThenHasFailed) {
  const std::string key = with_hook(LifecycleStage::kPreScaleUp);
  deploy(key);
  for (int i = 1; i < kMaxHookFailures; ++i) {
    EXPECT_EQ(hooks.calls.size(), static_cast<std::size_t>(i));
    hooks.answer({Said::kNothing, {}, "it answered with status 500"});
    world.pass(Millis(11'000));
    EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kInProgress);
  }
  hooks.answer({Said::kNothing, {}, "it answered with status 500"});
  world.rest();
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful) << "nothing had changed yet";
  EXPECT_NE(newest(key).status_reason.find("status 500"), std::string::npos);
}

TEST_F(StagedHooksTest, AHookWhoseTimeIsOverDoesWhatWasAskedFor) {
  const std::string key =
      with_hook(LifecycleStage::kPreScaleUp, model::HookTarget::kCall, 3, model::HookAction::kContinue);
  deploy(key);
  world.pass(Millis(179'000));
  EXPECT_EQ(primary(key).rollout.stage, LifecycleStage::kPreScaleUp);
  world.pass(Millis(2'000));
  EXPECT_GT(primary(key).rollout.stage, LifecycleStage::kPreScaleUp);
  ASSERT_TRUE(finish(key));
}

TEST_F(StagedHooksTest, APauseWaitsForTheCaller) {
  const std::string key = with_hook(LifecycleStage::kPostScaleUp, model::HookTarget::kPause);
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kPostScaleUp));
  world.pass(Millis(600'000));
  ASSERT_EQ(primary(key).rollout.hooks.size(), 1u);
  EXPECT_EQ(primary(key).rollout.hooks[0].status, HookStatus::kAwaitingAction);
  const std::string id = primary(key).rollout.hooks[0].id;
  const std::string row = key + "/" + newest(key).id;
  const auto go_on = [&](const std::string& hook) {
    return world.submit([&](Step& step) {
      return continue_service_deployment(step, row, hook, model::HookAction::kContinue);
    });
  };
  EXPECT_EQ(go_on("another").error().code(), "InvalidParameterException");
  ASSERT_TRUE(go_on(id).has_value());
  ASSERT_TRUE(finish(key));
  EXPECT_TRUE(hooks.calls.empty());
}

TEST_F(StagedHooksTest, APauseCanBeAnsweredByGoingBack) {
  const std::string key = with_hook(LifecycleStage::kPostScaleUp, model::HookTarget::kPause);
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kPostScaleUp));
  const std::string id = primary(key).rollout.hooks[0].id;
  const std::string row = key + "/" + newest(key).id;
  ASSERT_TRUE(world
                  .submit([&](Step& step) {
                    return continue_service_deployment(step, row, id, model::HookAction::kRollback);
                  })
                  .has_value());
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful);
}

TEST_F(StagedHooksTest, ARestartedControlCallsAgainWhatItHasNoAnswerTo) {
  const std::string key = with_hook(LifecycleStage::kPreScaleUp);
  deploy(key);
  ASSERT_EQ(hooks.calls.size(), 1u);
  world.crash_and_restart();
  world.pass(Millis(1'000));
  ASSERT_EQ(hooks.calls.size(), 2u);
  EXPECT_EQ(hooks.calls[0].execution_id, hooks.calls[1].execution_id);
  hooks.answer({Said::kSucceeded});
  world.balancers[0]->connect();
  agent->connect();
  ASSERT_TRUE(finish(key));
}

}  // namespace
}  // namespace agent::control::test
