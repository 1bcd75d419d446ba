// Deployments by stages, with agents and balancers: who has tasks, who has traffic, and what is stopped when.
#include "tests/unit/agent/control/services/strategy/staged.h"

namespace agent::control::test {
namespace {

using model::RolloutState;
using model::ServiceDeploymentStatus;

TEST_F(StagedTest, BlueGreenKeepsTheFormerRevisionWholeUntilTheBakeTimeHasPassed) {
  world.add_balancer("b1");
  world.add_balancer("b2");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  service.configuration.strategy.bake_minutes = 5;
  const std::string key = start(service);
  watches = true;
  EXPECT_EQ(group_of(key), first);
  EXPECT_EQ(weight(production, first), 100);
  EXPECT_EQ(weight(production, other), 0);
  deploy(key);
  EXPECT_EQ(group_of(key), other);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  EXPECT_EQ(weight(production, other), 100);
  EXPECT_EQ(weight(production, first), 0);
  EXPECT_EQ(weight(test, other), 100);
  EXPECT_EQ(tasks_in(first), 2);
  EXPECT_EQ(tasks_in(other), 2);
  world.pass(Millis(298'000));
  EXPECT_EQ(tasks_in(first), 2);
  EXPECT_TRUE(agent->stop_order.empty());
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(tasks_in(first), 0);
  EXPECT_EQ(agent->stop_order.size(), 2u);
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kSuccessful);
  deploy(key);
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(group_of(key), first) << "the groups take turns";
  EXPECT_EQ(weight(production, first), 100);
}

TEST_F(StagedTest, TrafficIsNotShiftedWhileATargetIsNotHealthyInEveryBalancer) {
  world.add_balancer("b1");
  FakeBalancer& strict = world.add_balancer("b2");
  const std::string key = start(wanted(DeploymentStrategy::kBlueGreen));
  watches = true;
  strict.finds_unhealthy = {other};
  deploy(key);
  EXPECT_FALSE(reach(key, LifecycleStage::kPostScaleUp, Millis(40'000)));
  EXPECT_EQ(weight(production, other), 0);
  EXPECT_EQ(weight(test, other), 0);
  EXPECT_EQ(tasks_in(first), 2);
  strict.finds_unhealthy.clear();
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(weight(production, other), 100);
}

TEST_F(StagedTest, NothingIsStoppedBeforeEveryBalancerRoutesByTheNewWeights) {
  world.add_balancer("quick");
  FakeBalancer& slow = world.add_balancer("slow");
  const std::string key = start(wanted(DeploymentStrategy::kBlueGreen));
  slow.finds_unhealthy = {other};
  deploy(key);
  EXPECT_FALSE(reach(key, LifecycleStage::kPostScaleUp, Millis(5'000)));
  slow.finds_unhealthy.clear();
  slow.report();
  slow.acknowledges = false;
  world.pass(Millis(20'000));
  EXPECT_EQ(primary(key).rollout.stage, LifecycleStage::kTestTrafficShift);
  EXPECT_EQ(weight(production, first), 100);
  slow.acknowledges = true;
  slow.apply(slow.received);
  ASSERT_TRUE(finish(key));
}

TEST_F(StagedTest, ABalancerThatIsAwayHoldsAShiftForTheDeregistrationDelay) {
  world.add_balancer("quick");
  FakeBalancer& lost = world.add_balancer("lost");
  const std::string key = start(wanted(DeploymentStrategy::kBlueGreen));
  lost.disconnect();
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kTestTrafficShift));
  world.pass(Millis(25'000));
  EXPECT_EQ(primary(key).rollout.stage, LifecycleStage::kTestTrafficShift);
  ASSERT_TRUE(finish(key));
}

TEST_F(StagedTest, LinearShiftsInSteps) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kLinear);
  service.configuration.strategy.step = 333;
  service.configuration.strategy.step_bake_minutes = 1;
  const std::string key = start(service);
  watches = true;
  deploy(key);
  std::vector<int> seen;
  ASSERT_TRUE(world.until(
      [&] {
        watch(key);
        const int now = primary(key).rollout.production;
        if (seen.empty() || seen.back() != now) seen.push_back(now);
        EXPECT_EQ(weight(production, other) + weight(production, first), now % 10 == 0 ? 100 : 1'000);
        return world.stable(key);
      },
      Millis(3'600'000)));
  EXPECT_EQ(seen, (std::vector<int>{333, 666, 999, 1'000}));
}

TEST_F(StagedTest, StoppingTheDeploymentGivesTheTrafficBackAtOnce) {
  FakeBalancer& balancer = world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  const std::string key = start(service);
  const std::string before = primary(key).id;
  UpdateService change;
  change.configuration = service.configuration;
  change.configuration->strategy.bake_minutes = 10;
  ASSERT_TRUE(update(key, change).has_value());
  const std::string failed = deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  balancer.acknowledges = false;
  const std::string row = key + "/" + newest(key).id;
  ASSERT_TRUE(
      world.submit([&](Step& step) { return stop_service_deployment(step, row, StopType::kRollback); })
          .has_value());
  EXPECT_EQ(primary(key).id, before) << "its tasks were there all the time";
  EXPECT_EQ(weight(production, first), 100);
  EXPECT_EQ(weight(test, first), 100);
  EXPECT_EQ(tasks_in(other), 2) << "the balancer still sends requests there";
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackInProgress);
  balancer.acknowledges = true;
  balancer.apply(balancer.received);
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(tasks_in(other), 0);
  EXPECT_EQ(tasks_in(first), 2);
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful);
  const auto events = world.events(key);
  EXPECT_NE(
      std::find(events.begin(), events.end(), "(service web) rolling back to deployment " + before + "."),
      events.end());
}

TEST_F(StagedTest, TheCircuitBreakerNeverTouchesTheRevisionThatServes) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  service.configuration.circuit_breaker = true;
  service.configuration.circuit_breaker_rollback = true;
  const std::string key = start(service);
  watches = true;
  std::set<std::string> serving;
  for (const model::Task* task : world.live_tasks()) serving.insert(task->arn);
  const std::string before = primary(key).id;
  deploy(key);
  world.obedient = false;
  ASSERT_TRUE(world.until(
      [&] {
        watch(key);
        for (const model::Task* task : world.live_tasks()) {
          if (!serving.contains(task->arn) && agent->told[task->arn] == "RUNNING" &&
              !agent->reported_stopped.contains(task->arn))
            agent->report(task->arn, "STOPPED", 137);
        }
        return newest(key).status != ServiceDeploymentStatus::kInProgress;
      },
      Millis(3'600'000)));
  world.obedient = true;
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(primary(key).id, before);
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful);
  EXPECT_NE(newest(key).status_reason.find("container main exited with 137"), std::string::npos)
      << newest(key).status_reason;
  for (const model::Task* task : world.live_tasks()) EXPECT_TRUE(serving.contains(task->arn));
}

TEST_F(StagedTest, ANewerDeploymentFirstGivesTheTrafficBackToTheRevisionThatWasWhole) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  const std::string key = start(service);
  UpdateService change;
  change.configuration = service.configuration;
  change.configuration->strategy.bake_minutes = 10;
  ASSERT_TRUE(update(key, change).has_value());
  watches = true;
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  const std::string third = deploy(key);
  EXPECT_EQ(weight(production, first), 100);
  EXPECT_EQ(tasks_in(first), 2);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  EXPECT_EQ(primary(key).id, third);
  EXPECT_EQ(tasks_in(first), 2);
  EXPECT_EQ(tasks_in(other), 2);
  ASSERT_TRUE(finish(key));
}

TEST_F(StagedTest, ARestartOfControlInTheMiddleLosesNothing) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kCanary);
  service.configuration.strategy.canary_bake_minutes = 1;
  const std::string key = start(service);
  watches = true;
  deploy(key);
  for (int i = 0; i < 30; ++i) {
    world.pass(Millis(5'000));
    agent->obey();
    watch(key);
    world.crash_and_restart();
    for (auto& each : world.balancers) {
      each->connect();
      each->report();
    }
    agent->connect();
    agent->obey();
    watch(key);
  }
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(agent->stop_order.size(), 2u);
  EXPECT_EQ(weight(production, other), 100);
}

TEST_F(StagedTest, WithoutItsRuleADeploymentFailsAndGoesBack) {
  world.add_balancer("b1");
  const std::string key = start(wanted(DeploymentStrategy::kBlueGreen));
  const std::string before = primary(key).id;
  deploy(key);
  ASSERT_TRUE(world.submit([&](Step& step) { return delete_rule(step, test); }).has_value());
  EXPECT_EQ(primary(key).id, before);
  EXPECT_NE(newest(key).status_reason.find("does not forward any more"), std::string::npos)
      << newest(key).status_reason;
}

TEST_F(StagedTest, WithoutALoadBalancerTheNewRevisionIsWholeBeforeTheFormerOneGoes) {
  auto service = world.service("worker", world.define("worker"), 2);
  service.load_balancers.clear();
  service.configuration.strategy.kind = DeploymentStrategy::kBlueGreen;
  const std::string key = start(service);
  UpdateService change;
  change.force_new_deployment = true;
  ASSERT_TRUE(update(key, change).has_value());
  ASSERT_TRUE(world.until(
      [&] {
        EXPECT_GE(world.counts(key).running, 2);
        return world.stable(key);
      },
      Millis(600'000)));
  EXPECT_EQ(agent->stop_order.size(), 2u);
}

TEST_F(StagedTest, ARollingDeploymentIsInProgressUntilItsBakeTimeHasPassed) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kRolling);
  service.configuration.strategy.bake_minutes = 10;
  const std::string key = world.create(service);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  EXPECT_EQ(primary(key).rollout_state, RolloutState::kInProgress);
  world.pass(Millis(595'000));
  EXPECT_EQ(primary(key).rollout_state, RolloutState::kInProgress);
  world.pass(Millis(10'000));
  EXPECT_EQ(primary(key).rollout_state, RolloutState::kCompleted);
}

TEST_F(StagedTest, AServiceThatGoesOnRollingStaysInTheGroupThatHasTheTraffic) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  const std::string key = start(service);
  watches = true;
  deploy(key);
  ASSERT_TRUE(finish(key));
  UpdateService change;
  change.configuration = service.configuration;
  change.configuration->strategy = {};
  ASSERT_TRUE(update(key, change).has_value());
  deploy(key);
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(group_of(key), other);
  EXPECT_EQ(tasks_in(other), 2);
  EXPECT_EQ(weight(production, other), 100);
}

TEST_F(StagedTest, AnAlarmThatGoesOffDuringTheDeploymentRollsItBack) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kBlueGreen);
  service.configuration.strategy.alarms = model::DeploymentAlarms{{"old", "new"}, true, true};
  const std::string key = start(service);
  say("old", AlarmState::kAlarm);
  deploy(key);
  ASSERT_TRUE(finish(key)) << "what was in ALARM before is no news";
  const std::string before = primary(key).id;
  deploy(key);
  say("old", AlarmState::kOk);
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kInProgress);
  say("new", AlarmState::kAlarm);
  EXPECT_EQ(primary(key).id, before);
  EXPECT_EQ(newest(key).alarms_triggered, std::vector<std::string>{"new"});
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackSuccessful);
}

TEST_F(StagedTest, AnAlarmDuringTheBakeTimeOfARollingDeploymentRollsItBack) {
  world.add_balancer("b1");
  auto service = wanted(DeploymentStrategy::kRolling);
  service.configuration.strategy.alarms = model::DeploymentAlarms{{"errors"}, true, true};
  const std::string key = start(service);
  UpdateService change;
  change.configuration = service.configuration;
  change.configuration->strategy.bake_minutes = 10;
  ASSERT_TRUE(update(key, change).has_value());
  deploy(key);
  ASSERT_TRUE(reach(key, LifecycleStage::kBakeTime));
  say("errors", AlarmState::kAlarm);
  EXPECT_EQ(newest(key).status, ServiceDeploymentStatus::kRollbackInProgress);
  ASSERT_TRUE(finish(key));
  EXPECT_EQ(primary(key).task_definition_arn, definition);
}

}  // namespace
}  // namespace agent::control::test
