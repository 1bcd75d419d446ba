// Services behind load balancers: new target healthy, then old target out of every balancer, then drained,
// then told to stop. The order is asserted at every moment by Watch.
#include <algorithm>

#include "agent/control/elb/targets.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/changes.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::TaskStatus;
using shared::Millis;
using shared::Result;

class RolloutTest : public ::testing::Test {
 protected:
  RolloutTest() {
    world.add_target_group(30);
    agent = &world.add_agent();
    first = world.define("web", R"("cpu": 10, "memory": 10)", 80);
  }

  std::string start(int desired, int minimum = 100, int maximum = 200) {
    auto wanted = world.service("web", first, desired);
    wanted.configuration.minimum_healthy_percent = minimum;
    wanted.configuration.maximum_percent = maximum;
    const std::string key = world.create(wanted);
    EXPECT_TRUE(world.until([&] { return world.stable(key); }));
    return key;
  }

  std::string deploy(const std::string& key) {
    UpdateService change;
    change.task_definition_arn = world.define("web", R"("cpu": 10, "memory": 10)", 80);
    EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, change); }).has_value());
    return *change.task_definition_arn;
  }

  // Host ports of the tasks that the agent was told to stop.
  std::set<int> told_to_stop() const {
    std::set<int> ports;
    for (const auto& [key, task] : world.state().tasks.rows()) {
      const auto it = agent->told.find(task.arn);
      if (it == agent->told.end() || it->second != "STOPPED") continue;
      for (const auto& container : task.containers) {
        for (const auto& binding : container.bindings) ports.insert(binding.host_port);
      }
    }
    return ports;
  }

  // No balancer routes to a task that was told to stop, and enough targets are left everywhere.
  void watch(std::size_t fewest_active) {
    const auto stopped = told_to_stop();
    for (const auto& balancer : world.balancers) {
      if (!balancer->channel) continue;
      std::size_t active = 0;
      for (const lb::Target& target : balancer->config.target_groups.at(0)->targets) {
        EXPECT_FALSE(stopped.contains(target.port)) << "still known to " << balancer->id;
        active += target.state == lb::TargetState::kActive ? 1 : 0;
      }
      EXPECT_GE(active, fewest_active) << balancer->id;
    }
  }

  bool finish(const std::string& key, std::size_t fewest_active, Millis limit = Millis(300'000)) {
    return world.until(
        [&] {
          watch(fewest_active);
          return world.stable(key);
        },
        limit);
  }

  World world;
  FakeAgent* agent = nullptr;
  std::string first;
};

TEST_F(RolloutTest, TaskIsRunningOnlyOnceItsTargetIsRegistered) {
  world.add_balancer("b1");
  world.obedient = false;
  const std::string key = world.create(world.service("web", first, 1));
  const model::Task* task = world.live_tasks().front();
  TaskChange without_port;
  without_port.task = task->arn;
  without_port.status = "RUNNING";
  ASSERT_TRUE(
      world.submit([&](Step& s) { return apply_task_change(s, in_default(without_port)); }).has_value());
  EXPECT_EQ(task->last_status, TaskStatus::kActivating);  // its host port is not known yet
  EXPECT_EQ(world.counts(key).pending, 1);
  agent->report(task->arn, "RUNNING");
  EXPECT_EQ(task->last_status, TaskStatus::kRunning);
  ASSERT_EQ(task->targets.size(), 1u);
  const auto rows = targets_of(world.state(), world.target_group);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]->task_arn, task->arn);
  EXPECT_EQ(rows[0]->port, task->containers[0].bindings[0].host_port);
  EXPECT_EQ(rows[0]->address, "10.0.0.1");
  EXPECT_EQ(world.balancers[0]->config.target_groups.at(0)->targets.at(0).port, rows[0]->port);
  const auto events = world.events(key);
  EXPECT_NE(std::find(events.begin(), events.end(),
                      "(service web) registered 1 targets in (target-group " + world.target_group + ")"),
            events.end());
}

TEST_F(RolloutTest, ReplacesAllTasksWithoutEverLosingOne) {
  world.add_balancer("b1");
  world.add_balancer("b2");
  const std::string key = start(3);
  const std::string second = deploy(key);
  EXPECT_EQ(world.service_row(key).deployments.size(), 2u);
  ASSERT_TRUE(finish(key, 3));
  EXPECT_EQ(agent->stop_order.size(), 3u);
  for (const model::Task* task : world.live_tasks()) EXPECT_EQ(task->task_definition_arn, second);
  EXPECT_EQ(targets_of(world.state(), world.target_group).size(), 3u);
}

TEST_F(RolloutTest, NoStopBeforeEveryBalancerAcknowledgedAndDrained) {
  FakeBalancer& quick = world.add_balancer("quick");
  FakeBalancer& slow = world.add_balancer("slow");
  const std::string key = start(1);
  const model::Task* old_task = world.live_tasks().front();
  const std::string old = old_task->arn;
  slow.reports = false;
  deploy(key);
  ASSERT_TRUE(world.until([&] { return slow.config.target_groups.at(0)->targets.size() == 2; }));
  EXPECT_EQ(old_task->last_status, TaskStatus::kRunning);  // the new one is not healthy everywhere yet

  slow.acknowledges = false;
  slow.reports = true;
  slow.report();
  world.pass(Millis(10'000));
  EXPECT_EQ(old_task->last_status, TaskStatus::kDeactivating);
  EXPECT_EQ(quick.config, *world.state().published);
  EXPECT_LT(slow.config.version, slow.received.version);
  EXPECT_EQ(agent->told[old], "RUNNING");  // slow still routes to it

  slow.drains = false;
  slow.apply(slow.received);
  world.rest();
  EXPECT_EQ(agent->told[old], "RUNNING");  // acknowledged, but a request is still open

  slow.drains = true;
  slow.acknowledges = true;
  slow.report();
  world.rest();
  EXPECT_EQ(agent->told[old], "STOPPED");
  watch(1);
}

TEST_F(RolloutTest, AUnresponsiveBalancerHoldsAStopOnlyForTheDeregistrationDelay) {
  world.add_balancer("alive");
  FakeBalancer& dead = world.add_balancer("dead");
  const std::string key = start(1);
  const std::string old_task = world.live_tasks().front()->arn;
  dead.disconnect();
  deploy(key);
  ASSERT_TRUE(world.until([&] {
    return world.state().tasks.find("default/" + old_task.substr(old_task.rfind('/') + 1))->last_status ==
           TaskStatus::kDeactivating;
  }));
  world.pass(Millis(28'000));
  EXPECT_EQ(agent->told[old_task], "RUNNING");
  world.pass(Millis(4'000));
  EXPECT_EQ(agent->told[old_task], "STOPPED");
}

TEST_F(RolloutTest, ABalancerThatWouldServeAnOlderVersionAfterARestartHasAcknowledgedThatOneOnly) {
  FakeBalancer& full = world.add_balancer("full");
  const std::string key = start(1);
  const std::string old_task = world.live_tasks().front()->arn;
  full.kept_version = full.config.version;  // its disk is full from now on
  full.deltas = true;
  deploy(key);
  ASSERT_TRUE(world.until([&] {
    full.disconnect();
    full.connect();
    return world.state().tasks.find("default/" + old_task.substr(old_task.rfind('/') + 1))->last_status ==
           TaskStatus::kDeactivating;
  }));
  world.pass(Millis(10'000));
  EXPECT_EQ(agent->told[old_task], "RUNNING") << "the older one has it as active";
  world.pass(Millis(30'000));
  EXPECT_EQ(agent->told[old_task], "STOPPED") << "the deregistration delay has passed";
}

TEST_F(RolloutTest, KeepsTheOldTasksWhileNewOnesAreNotHealthy) {
  FakeBalancer& balancer = world.add_balancer("b1");
  const std::string key = start(2);
  std::set<std::string> old;
  for (const model::Task* task : world.live_tasks()) old.insert(task->arn);
  balancer.acknowledges = false;  // never tells anything about the new targets
  deploy(key);
  EXPECT_FALSE(world.until([&] { return world.stable(key); }));
  for (const std::string& task : old) EXPECT_EQ(agent->told[task], "RUNNING");
  EXPECT_EQ(world.live_tasks().size(), 4u);
}

TEST_F(RolloutTest, UnhealthyTasksAreReplacedAndNamed) {
  FakeBalancer& balancer = world.add_balancer("b1");
  const std::string key = start(1);
  balancer.finds_healthy = false;
  balancer.report();
  world.rest();
  EXPECT_EQ(world.live_tasks().size(), 2u);  // the replacement starts first
  // The replacement is no better and there is no room for a third: one has to go.
  ASSERT_TRUE(world.until([&] { return !agent->stop_order.empty(); }));
  const std::string& stopped = agent->stop_order.front();
  const model::Task& task = world.task("default/" + stopped.substr(stopped.rfind('/') + 1));
  EXPECT_EQ(task.stop_code, "ServiceSchedulerInitiated");
  EXPECT_EQ(task.stopped_reason,
            "Task failed ELB health checks in (target-group " + world.target_group + ")");
  bool named = false;
  for (const std::string& each : world.events(key)) {
    named = named ||
            each.find("is unhealthy in (target-group " + world.target_group +
                      ") due to (reason Health checks failed with these codes: [503])") != std::string::npos;
  }
  EXPECT_TRUE(named);
  balancer.finds_healthy = true;
  ASSERT_TRUE(finish(key, 1));
}

TEST_F(RolloutTest, GracePeriodForgivesEarlyFailures) {
  FakeBalancer& balancer = world.add_balancer("b1");
  balancer.finds_healthy = false;
  auto wanted = world.service("web", first, 1);
  wanted.health_check_grace_seconds = 60;
  const std::string key = world.create(wanted);
  ASSERT_TRUE(world.until([&] { return world.counts(key).running == 1; }));
  world.pass(Millis(50'000));
  EXPECT_EQ(world.live_tasks().size(), 1u);
  world.pass(Millis(15'000));
  EXPECT_EQ(world.live_tasks().size(), 2u);
}

TEST_F(RolloutTest, ATaskThatDiesLeavesTheBalancersAtOnce) {
  FakeBalancer& balancer = world.add_balancer("b1");
  const std::string key = start(2);
  balancer.drains = false;
  const std::string victim = world.live_tasks().front()->arn;
  agent->report(victim, "STOPPED", 1);
  EXPECT_EQ(balancer.config.target_groups.at(0)->targets.size(), 1u);
  ASSERT_TRUE(finish(key, 1));
}

TEST_F(RolloutTest, ATaskWhoseTargetSomebodyElseDeregisteredIsReplaced) {
  world.add_balancer("b1");
  const std::string key = start(1);
  const model::Task* task = world.live_tasks().front();
  const std::string arn = task->arn;
  const model::TaskTarget target = task->targets.at(0);
  ASSERT_TRUE(world
                  .submit([&](Step& step) -> Result<void> {
                    deregister_target(step, target);
                    return {};
                  })
                  .has_value());
  ASSERT_TRUE(world.until([&] { return agent->told[arn] == "STOPPED"; }));
  ASSERT_TRUE(finish(key, 1));
}

TEST_F(RolloutTest, AThirdDeploymentSupersedesTheSecond) {
  world.add_balancer("b1");
  const std::string key = start(2);
  world.obedient = false;
  deploy(key);
  const std::string third = deploy(key);
  EXPECT_GE(world.service_row(key).deployments.size(), 2u);
  EXPECT_EQ(world.service_row(key).deployments.front().task_definition_arn, third);
  world.obedient = true;
  ASSERT_TRUE(finish(key, 2));
  for (const model::Task* task : world.live_tasks()) EXPECT_EQ(task->task_definition_arn, third);
}

TEST_F(RolloutTest, ARestartInTheMiddleLosesNothing) {
  world.add_balancer("b1");
  const std::string key = start(3);
  const std::string second = deploy(key);
  for (int i = 0; i < 12; ++i) {
    world.pass(Millis(3'000));
    world.crash_and_restart();
    watch(3);
    for (auto& each : world.balancers) {
      each->connect();
      each->report();
    }
    agent->connect();
    agent->obey();
    watch(3);
  }
  ASSERT_TRUE(finish(key, 3));
  EXPECT_EQ(agent->stop_order.size(), 3u);
  for (const model::Task* task : world.live_tasks()) EXPECT_EQ(task->task_definition_arn, second);
}

TEST_F(RolloutTest, ARestartedControlStopsNoSurplusBeforeItKnowsWhoIsHealthy) {
  FakeBalancer& balancer = world.add_balancer("b1");
  const std::string key = start(2);
  balancer.finds_healthy = false;
  balancer.report();
  balancer.reports = false;
  world.rest();
  agent->obey();
  world.rest();
  ASSERT_EQ(world.live_tasks().size(), 4u);  // two that failed their checks and their replacements
  world.crash_and_restart();
  agent->connect();
  world.pass(Millis(3'000));
  EXPECT_EQ(world.live_tasks().size(), 4u) << "stopped one that may be healthy";
  balancer.finds_healthy = true;
  balancer.reports = true;
  balancer.connect();
  balancer.report();
  ASSERT_TRUE(finish(key, 2));
  EXPECT_EQ(world.live_tasks().size(), 2u);
}

TEST_F(RolloutTest, ABalancerThatJoinsDuringTheDrainIsWaitedForToo) {
  FakeBalancer& balancer = world.add_balancer("b1");
  balancer.drains = false;
  const std::string key = start(1);
  deploy(key);
  ASSERT_TRUE(world.until([&] {
    const auto rows = targets_of(world.state(), world.target_group);
    return rows.size() == 2 && rows[0]->state == lb::TargetState::kDraining;
  }));
  world.add_balancer("b2").drains = true;
  balancer.drains = true;
  ASSERT_TRUE(finish(key, 1));
}

}  // namespace
}  // namespace agent::control::test
