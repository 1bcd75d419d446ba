#include "agent/control/services/services.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <limits>

#include "agent/control/cluster/clusters.h"
#include "agent/control/cluster/instances.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/service_log.h"
#include "agent/control/tasks/service_events.h"
#include "shared/base/text.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::RolloutState;
using model::ServiceStatus;
using shared::Millis;
using shared::Result;

Result<void> update(World& world, const std::string& key, const UpdateService& change) {
  return world.submit([&](Step& step) { return update_service(step, key, change); });
}

TEST(Services, ReachTheSteadyStateAndSaySo) {
  World world;
  world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 3));
  EXPECT_EQ(world.counts(key).pending, 3);
  EXPECT_EQ(world.service_row(key).deployments.front().rollout_state, RolloutState::kInProgress);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const auto events = world.events(key);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0], "(service web) has reached a steady state.");
  EXPECT_EQ(events[1], "(service web) (deployment " + world.service_row(key).deployments.front().id +
                           ") deployment completed.");
  EXPECT_EQ(events[2].find("(service web) has started 3 tasks: (task "), 0u);
  for (const model::Task* task : world.live_tasks()) {
    EXPECT_EQ(task->group, "service:web");
    EXPECT_EQ(task->started_by, world.service_row(key).deployments.front().id);
  }
  const std::size_t commits = world.store.commits();
  world.pass(Millis(600'000));
  EXPECT_EQ(world.events(key).size(), 3u);
  EXPECT_EQ(world.store.commits(), commits);  // nothing happens, nothing is written
}

TEST(Services, ReplaceTasksThatDie) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 2));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const std::string victim = world.live_tasks().front()->arn;
  agent.report(victim, "STOPPED", 1);
  EXPECT_EQ(world.counts(key).pending, 1);  // at once: it had lived long enough
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.counts(key).running, 2);
}

TEST(Services, ScaleAndDelete) {
  World world;
  world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 1));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  UpdateService more;
  more.desired_count = 4;
  ASSERT_TRUE(update(world, key, more).has_value());
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.service_row(key).deployments.size(), 1u);

  auto refused = world.submit([&](Step& s) { return delete_service(s, key, ForceDelete::kNo); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().text(), "The service cannot be stopped while it is scaled above 0.");
  ASSERT_TRUE(world.submit([&](Step& s) { return delete_service(s, key, ForceDelete::kYes); }).has_value());
  EXPECT_EQ(world.service_row(key).status, ServiceStatus::kInactive);  // all tasks are STOPPING
  EXPECT_TRUE(world.live_tasks().empty());
  for (const auto& [task_key, task] : world.state().tasks.rows()) {
    EXPECT_EQ(task.stop_code, "ServiceSchedulerInitiated");
    EXPECT_EQ(task.stopped_reason, "Scaling activity initiated by (deployment " + task.deployment_id + ")");
  }
  // The name is free again.
  const std::string again = world.create(world.service("web", world.define("other"), 1));
  EXPECT_EQ(world.service_row(again).status, ServiceStatus::kActive);
}

TEST(Retention, WhatWasDeletedStaysDescribableForAnHourAndOverARestart) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 2));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  ASSERT_TRUE(world.submit([&](Step& s) { return delete_service(s, key, ForceDelete::kYes); }).has_value());
  ASSERT_TRUE(world.until([&] { return world.state().task_index().of_service(key).empty(); }));
  const std::string instance = world.state().instances.rows().begin()->first;
  ASSERT_TRUE(
      world.submit([&](Step& s) { return deregister_instance(s, instance, Force::kNo); }).has_value());
  agent.disconnect();
  world.obedient = false;
  ASSERT_TRUE(world.submit([&](Step& s) { return delete_cluster(s, "default"); }).has_value());
  world.pass(Millis(1'800'000));
  world.crash_and_restart();
  EXPECT_EQ(world.service_row(key).status, ServiceStatus::kInactive);
  EXPECT_EQ(world.state().instances.find(instance)->status, model::InstanceStatus::kInactive);
  EXPECT_EQ(world.state().clusters.find("default")->status, model::ClusterStatus::kInactive);
  world.pass(Millis(1'900'000));
  EXPECT_EQ(world.state().services.find(key), nullptr);
  EXPECT_EQ(world.state().instances.find(instance), nullptr);
  EXPECT_EQ(world.state().clusters.find("default"), nullptr);
  EXPECT_TRUE(world.state().tasks.rows().empty());
}

TEST(Services, CreationIsIdempotentAndChecksWhatItRefersTo) {
  World world;
  world.add_agent();
  const std::string definition = world.define("web", R"("cpu": 1, "memory": 6)", 80);
  const auto wanted = world.service("web", definition, 1);
  const std::string key = world.create(wanted);
  EXPECT_EQ(world.create(wanted), key);
  EXPECT_EQ(world.live_tasks().size(), 1u);
  const auto refusal = [&](const model::Service& service) {
    const auto result = world.submit([&](Step& step) -> Result<void> {
      auto created = create_service(step, service);
      return created ? Result<void>() : Result<void>(created.error());
    });
    return result ? "accepted" : shared::with_code(result.error());
  };
  EXPECT_EQ(refusal(world.service("web", world.define("other"), 1)),
            "InvalidParameterException: Creation of service was not idempotent.");
  EXPECT_EQ(refusal(world.service("a", "arn:aws:ecs:us-east-1:000000000000:task-definition/no:1", 1)),
            "ClientException: TaskDefinition not found.");
  world.add_target_group();
  auto balanced = world.service("b", definition, 1);
  balanced.load_balancers[0].container_port = 81;
  EXPECT_EQ(refusal(balanced),
            "InvalidParameterException: The container main did not have a container port 81 defined.");
  balanced.load_balancers[0].container_name = "side";
  EXPECT_EQ(refusal(balanced),
            "InvalidParameterException: The container side does not exist in the task definition.");
  balanced.load_balancers[0].target_group_arn = "arn:none";
  EXPECT_NE(refusal(balanced).find("target group does not exist: arn:none"), std::string::npos);
}

TEST(Services, SayOnceWhyTheyCannotPlace) {
  World world;
  const std::string key =
      world.create(world.service("web", world.define("web", R"("cpu": 5000, "memory": 1)"), 1));
  const std::string nobody =
      "(service web) was unable to place a task because no container instance met all of its requirements. "
      "Reason: No Container Instances were found in your cluster. For more information, see the "
      "Troubleshooting "
      "section of the Amazon ECS Developer Guide.";
  EXPECT_EQ(world.events(key), std::vector<std::string>{nobody});
  FakeAgent& agent = world.add_agent(4096, 4096);
  const std::string id = agent.arn.substr(agent.arn.rfind('/') + 1);
  world.pass(Millis(60'000));
  const auto events = world.events(key);
  EXPECT_NE(
      std::find(events.begin(), events.end(),
                "(service web) was unable to place a task because no container instance met all of its "
                "requirements. The closest matching (container-instance " +
                    id +
                    ") has insufficient CPU units available. For more information, see the Troubleshooting "
                    "section of the Amazon ECS Developer Guide."),
      events.end());
  EXPECT_LE(events.size(), 3u);  // no one else's connecting repeats them
}

TEST(Services, NameTheAttributeThatIsMissing) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string definition = world.define("web");
  EXPECT_TRUE(world.submit([](Step& step) -> Result<void> {
    rows(step).task_definitions.edit("web:1", [](auto& row) {
      row.requires_attributes = {"com.amazonaws.ecs.capability.logging-driver.awslogs"};
    });
    return {};
  }));
  const std::string key = world.create(world.service("web", definition, 1));
  world.pass(Millis(60'000));
  const auto events = world.events(key);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].starts_with(
      "(service web) was unable to place a task because no container instance met all of its requirements. "
      "The "
      "closest matching (container-instance " +
      agent.arn.substr(agent.arn.rfind('/') + 1) +
      ") is missing an attribute required by your task. For more information, see the Troubleshooting "
      "section of "
      "the Amazon ECS Developer Guide. Missing: com.amazonaws.ecs.capability.logging-driver.awslogs."))
      << events[0];
  EXPECT_NE(events[0].find("ECS_AVAILABLE_LOGGING_DRIVERS"), std::string::npos);
}

// Whatever makes room, or asks for less, is noticed at once.
TEST(Services, WhatCouldNotBePlacedIsTriedAgainWhenThatCanHelp) {
  World world;
  world.add_agent(1024, 4096);
  const std::string big = world.define("big", R"("cpu": 1000, "memory": 64)");
  const std::string occupant = world.run(big);
  const std::string key = world.create(world.service("web", big, 1));
  world.pass(Millis(60'000));
  EXPECT_EQ(world.counts(key).pending + world.counts(key).running, 0);
  EXPECT_EQ(world.state().live.unplaceable.count(key), 1u);
  ASSERT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    stop_task(step, occupant, {"UserInitiated", ""});
    return {};
  }));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.state().live.unplaceable.count(key), 0u);

  const std::string second = world.create(world.service("second", big, 1));
  world.pass(Millis(60'000));
  EXPECT_EQ(world.counts(second).running, 0);
  world.add_agent(1024, 4096);
  ASSERT_TRUE(world.until([&] { return world.stable(second); }));

  const std::string third = world.create(world.service("third", big, 1));
  world.pass(Millis(60'000));
  EXPECT_EQ(world.counts(third).running, 0);
  UpdateService smaller;
  smaller.task_definition_arn = world.define("small", R"("cpu": 10, "memory": 64)");
  ASSERT_TRUE(update(world, third, smaller).has_value());
  ASSERT_TRUE(world.until([&] { return world.stable(third); }));
}

TEST(Services, BackOffWhenTasksFailToStart) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 1));
  std::vector<shared::WallTime> starts;
  std::set<std::string> seen;
  for (int second = 0; second < 200; ++second) {
    for (const model::Task* task : world.live_tasks()) {
      if (!seen.insert(task->arn).second) continue;
      starts.push_back(world.executor.wall_now());
      agent.report(task->arn, "STOPPED");
    }
    world.pass(Millis(1'000));
  }
  ASSERT_GE(starts.size(), 5u);
  EXPECT_EQ(starts[1] - starts[0], Millis(10'000));
  EXPECT_EQ(starts[2] - starts[1], Millis(20'000));
  EXPECT_EQ(starts[3] - starts[2], Millis(40'000));
  EXPECT_EQ(starts[4] - starts[3], Millis(80'000));
  const auto events = world.events(key);
  EXPECT_NE(std::find(events.begin(), events.end(),
                      "(service web) was unable to place a task. Reason: Task failed to start."),
            events.end());
  UpdateService again;
  again.force_new_deployment = true;
  ASSERT_TRUE(update(world, key, again).has_value());
  EXPECT_EQ(world.live_tasks().size(), 1u);  // a new deployment does not wait
}

TEST(Services, BackOffWhenTargetsCannotBeRegistered) {
  World world;
  world.add_agent();
  world.add_target_group();
  const std::string key = world.create(world.service("web", world.define("web", R"("memory": 64)", 80), 2));
  ASSERT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    for (int port = 1; port <= 1000; ++port) {  // the most that a target group takes
      model::RegisteredTarget target;
      target.id = target.address = "10.9.9.9";
      target.port = static_cast<std::uint16_t>(port);
      target.registration = std::to_string(port);
      target.target_group_arn = world.target_group;
      rows(step).targets.put(key_of(target), target);
    }
    return {};
  }));
  std::set<std::string> seen;
  for (int second = 0; second < 200; ++second) {
    for (const auto& [task_key, task] : world.state().tasks.rows()) seen.insert(task_key);
    world.agents[0]->obey();
    world.pass(Millis(1'000));
  }
  EXPECT_GE(seen.size(), 4u);
  EXPECT_LE(seen.size(), 12u) << "started and stopped as fast as it goes";
  const auto events = world.events(key);
  const std::string expected =
      "(service web) failed to register targets in (target-group " + world.target_group +
      ") with (error The maximum number of targets in the target group '" + world.target_group + "' is 1000)";
  EXPECT_NE(std::find(events.begin(), events.end(), expected), events.end());
  EXPECT_EQ(world.state().tasks.find(*seen.begin())->stop_code, "TaskFailedToStart");
}

TEST(Services, CircuitBreakerGivesUpAndRollsBack) {
  World world;
  FakeAgent& agent = world.add_agent();
  auto wanted = world.service("web", world.define("web"), 2);
  wanted.configuration.circuit_breaker = true;
  wanted.configuration.circuit_breaker_rollback = true;
  const std::string key = world.create(wanted);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const std::string good = world.service_row(key).task_definition_arn;
  const std::string good_id = world.service_row(key).deployments.front().id;

  UpdateService change;
  change.task_definition_arn = world.define("web");
  ASSERT_TRUE(update(world, key, change).has_value());
  const std::string bad_id = world.service_row(key).deployments.front().id;
  bool failed_seen = false;
  for (int second = 0; second < 300 && world.service_row(key).deployments.front().id == bad_id; ++second) {
    for (const model::Task* task : world.live_tasks()) {
      if (task->deployment_id == bad_id) agent.report(task->arn, "STOPPED");
    }
    world.pass(Millis(1'000));
  }
  const model::Service& service = world.service_row(key);
  EXPECT_EQ(service.task_definition_arn, good);
  const model::Deployment& back = service.deployments.front();
  EXPECT_NE(back.id, bad_id);
  EXPECT_NE(back.id, good_id);
  EXPECT_EQ(back.rollout_state_reason,
            "ECS deployment circuit breaker: rolling back to deploymentId " + good_id + ".");
  for (const std::string& each : world.events(key)) {
    failed_seen = failed_seen || each == "(service web) (deployment " + bad_id +
                                             ") deployment failed: tasks failed to start.";
  }
  EXPECT_TRUE(failed_seen);
  EXPECT_GE(world.counts(key).running, 2);  // the old tasks served all the while
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.service_row(key).task_definition_arn, good);
}

TEST(Services, CircuitBreakerWithoutAPredecessorLaunchesNothingMore) {
  World world;
  FakeAgent& agent = world.add_agent();
  auto wanted = world.service("web", world.define("web"), 1);
  wanted.configuration.circuit_breaker = true;
  wanted.configuration.circuit_breaker_rollback = true;
  const std::string key = world.create(wanted);
  for (int second = 0; second < 300; ++second) {
    for (const model::Task* task : world.live_tasks()) agent.report(task->arn, "STOPPED");
    world.pass(Millis(1'000));
  }
  EXPECT_EQ(world.service_row(key).deployments.front().rollout_state, RolloutState::kFailed);
  EXPECT_EQ(world.service_row(key).deployments.front().failed_tasks, 3);
  EXPECT_EQ(world.state().tasks.size(), 3u);
  EXPECT_EQ(circuit_breaker_threshold(25, {}), 13);
  EXPECT_EQ(circuit_breaker_threshold(800, {}), 200);
  EXPECT_EQ(circuit_breaker_threshold(std::numeric_limits<int>::max(), {}), 200);
  using Type = model::BreakerThresholdType;
  EXPECT_EQ(circuit_breaker_threshold(100, {Type::kBoundedPercent, 10}), 10);
  EXPECT_EQ(circuit_breaker_threshold(10, {Type::kBoundedPercent, 10}), 3);
  EXPECT_EQ(circuit_breaker_threshold(10, {Type::kUnboundedPercent, 11}), 2);
  EXPECT_EQ(circuit_breaker_threshold(1, {Type::kUnboundedPercent, 10}), 1);
  EXPECT_EQ(circuit_breaker_threshold(1000, {Type::kUnboundedPercent, 50}), 500);
  EXPECT_EQ(circuit_breaker_threshold(1000, {Type::kCount, 7}), 7);
}

TEST(Services, ACompletedDeploymentCountsNoFailedTasks) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 1));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  agent.report(world.live_tasks().front()->arn, "STOPPED", 1);  // it had lived long
  agent.report(world.live_tasks().front()->arn, "STOPPED");     // its replacement did not start
  EXPECT_EQ(world.service_row(key).failed_starts, 1);           // which still slows the next start down
  EXPECT_EQ(world.service_row(key).deployments.front().failed_tasks, 0);
  EXPECT_EQ(world.service_row(key).deployments.front().rollout_state, RolloutState::kCompleted);
}

TEST(Services, DrainingInstanceIsEmptiedUnderThePercentages) {
  World world;
  FakeAgent& first = world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 2));
  const std::string standalone = world.run(world.define("job"));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  world.add_agent();
  const std::string instance = world.task(standalone).container_instance_arn;
  EXPECT_EQ(instance, first.arn);
  std::string row;
  for (const auto& [each, value] : world.state().instances.rows()) {
    if (value.arn == instance) row = each;
  }
  ASSERT_TRUE(world
                  .submit([&](Step& step) -> Result<void> {
                    EXPECT_EQ(set_instance_status(step, row, model::InstanceStatus::kDraining), "");
                    return {};
                  })
                  .has_value());
  EXPECT_EQ(world.counts(key).running, 2);  // replacements start first
  EXPECT_EQ(world.counts(key).pending, 2);
  ASSERT_TRUE(world.until([&] { return world.counts(key).pending == 0 && world.live_tasks().size() == 3; }));
  for (const model::Task* task : world.live_tasks()) {
    EXPECT_EQ(task->container_instance_arn == instance, task->service.empty());
  }
}

TEST(Services, FixedHostPortsMoveOneAtATimeWhenTheConfigurationAllowsStoppingFirst) {
  World world;
  world.add_agent();
  const auto define = [&] {
    return world.define(
        "web", R"("cpu": 1, "memory": 6, "portMappings": [{"containerPort": 80, "hostPort": 8080}])");
  };
  auto wanted = world.service("web", define(), 1);
  wanted.configuration.minimum_healthy_percent = 0;
  wanted.configuration.maximum_percent = 200;
  const std::string key = world.create(wanted);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  UpdateService change;
  change.task_definition_arn = define();
  ASSERT_TRUE(update(world, key, change).has_value());
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.service_row(key).deployments.front().task_definition_arn, *change.task_definition_arn);
}

// A host that is away says nothing about whether there would be room on the others.
TEST(Services, ALostHostDoesNotHoldUpWhatStoppingFirstOnAnotherWouldMove) {
  World world;
  world.add_agent();
  world.add_agent();
  const auto first = std::min_element(world.agents.begin(), world.agents.end(),
                                      [](const auto& a, const auto& b) { return a->arn < b->arn; });
  (*first)->disconnect();
  const auto define = [&] {
    return world.define(
        "web", R"("cpu": 1, "memory": 6, "portMappings": [{"containerPort": 80, "hostPort": 8080}])");
  };
  auto wanted = world.service("web", define(), 1);
  wanted.configuration.minimum_healthy_percent = 0;
  const std::string key = world.create(wanted);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  UpdateService change;
  change.task_definition_arn = define();
  ASSERT_TRUE(update(world, key, change).has_value());
  const auto events = world.events(key);
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const std::string& each) {
    return each.find("is already using a port required by your task") != std::string::npos;
  }));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(world.service_row(key).deployments.front().task_definition_arn, *change.task_definition_arn);
}

TEST(Services, AnUpdateWithoutAChangeStartsNoDeployment) {
  World world;
  world.add_agent();
  const std::string key = world.create(world.service("web", world.define("web"), 1));
  UpdateService same;
  same.desired_count = 1;
  same.task_definition_arn = world.service_row(key).task_definition_arn;
  same.load_balancers = std::vector<model::ServiceLoadBalancer>{};
  ASSERT_TRUE(update(world, key, same).has_value());
  EXPECT_EQ(world.service_row(key).deployments.size(), 1u);
}

TEST(Services, WhatAHostDidNotStartBeforeItWasLostIsStartedElsewhere) {
  World world;
  FakeAgent& lost = world.add_agent();
  FakeAgent& other = world.add_agent();
  world.obedient = false;
  const std::string key = world.create(world.service("web", world.define("web"), 4));
  EXPECT_EQ(world.counts(key).pending, 4);
  std::vector<std::string> stranded;
  for (const model::Task* task : world.live_tasks()) {
    if (task->container_instance_arn == lost.arn) stranded.push_back(task->arn);
  }
  ASSERT_EQ(stranded.size(), 2u);
  other.obey();
  lost.disconnect();
  world.pass(Millis(20'000));
  EXPECT_EQ(world.live_tasks().size(), 4u) << "it may be back in a moment";
  world.pass(Millis(20'000));
  other.obey();
  world.rest();
  EXPECT_EQ(world.counts(key).running, 4);
  for (const model::Task* task : world.live_tasks()) EXPECT_EQ(task->container_instance_arn, other.arn);
  EXPECT_NE(world.events(key).back().find("has started 4 tasks"), std::string::npos);
  const auto events = world.events(key);
  EXPECT_EQ(std::count_if(
                events.begin(), events.end(),
                [](const std::string& e) { return e.find("agent is disconnected") != std::string::npos; }),
            2);
  lost.connect();
  world.rest();
  for (const std::string& arn : stranded) EXPECT_EQ(lost.told[arn], "STOPPED");
}

TEST(ServiceEvents, StayWithADeletedServiceAndGoWithItsRowOrWithTheNextOfItsName) {
  World world;
  const std::string key = world.create(world.service("web", world.define("web"), 0));
  world.pass(Millis(1'000));
  const auto remove = [&](Step& step) { return delete_service(step, key, ForceDelete::kNo); };
  ASSERT_FALSE(world.events(key).empty());
  ASSERT_TRUE(world.submit(remove));
  EXPECT_FALSE(world.events(key).empty());
  ASSERT_TRUE(world.submit([&](Step& step) -> Result<void> {
    if (auto created = create_service(step, world.service("web", "web", 0)); !created) return created.error();
    EXPECT_TRUE(events_of(step.state, key).empty());
    return {};
  }));
  ASSERT_TRUE(world.submit(remove));
  EXPECT_FALSE(world.events(key).empty());
  world.pass(world.settings.inactive_retention + Millis(2'000));
  EXPECT_EQ(world.state().services.find(key), nullptr);
  EXPECT_EQ(world.state().service_events.size(), 0u);
}

TEST(ServiceEvents, LeaveTheRowOfTheServiceAlone) {
  World world;
  const std::string key = world.create(world.service("web", world.define("web"), 0));
  world.rest();
  const auto before = world.state().services.generation();
  (void)world.submit([&](Step& step) -> Result<void> {
    add_event(step, *step.state.services.find(key), "something");
    add_event_once(step, key, "something else");
    return {};
  });
  EXPECT_EQ(world.state().services.generation(), before);
}

TEST(ServiceEvents, KeepTheNewestHundredAndRepeatTroubleOnlyWhenSolvedOrOld) {
  World world;
  const std::string key = world.create(world.service("web", world.define("web"), 0));
  (void)world.submit([&](Step& step) -> Result<void> {
    const model::Service& service = *step.state.services.find(key);
    for (int i = 0; i < 150; ++i) add_event(step, service, "event " + std::to_string(i));
    EXPECT_EQ(world.events(key).size(), model::kMaxServiceEvents);
    EXPECT_EQ(world.events(key).front(), "(service web) event 149");
    add_event_once(step, key, "trouble");
    add_event_once(step, key, "trouble");
    EXPECT_EQ(world.events(key)[1], "(service web) event 149");
    add_event(step, service, "has reached a steady state.");
    add_event_once(step, key, "trouble");
    EXPECT_EQ(world.events(key)[0], "(service web) trouble");
    Step later{rows(step), step.now + kRepeatEventAfter, step.random, step.settings};
    add_event_once(later, key, "trouble");
    EXPECT_EQ(world.events(key)[1], "(service web) trouble");
    return {};
  });
}

}  // namespace
}  // namespace agent::control::test
