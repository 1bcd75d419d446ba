#include "agent/control/tasks/tasks.h"
#include "agent/control/tasks/changes.h"

#include "agent/control/cluster/instances.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::DesiredStatus;
using model::TaskStatus;
using shared::Error;
using shared::Result;

TEST(Tasks, RunFromPlacementToExitCode) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.run(world.define("job"));
  const model::Task& task = world.task(key);
  EXPECT_EQ(task.last_status, TaskStatus::kPending);
  EXPECT_EQ(task.group, "family:job");
  EXPECT_EQ(agent.told[task.arn], "RUNNING");
  EXPECT_FALSE(task.started_at.has_value());

  agent.report(task.arn, "RUNNING");
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kRunning);
  EXPECT_TRUE(world.task(key).started_at.has_value());
  const auto* instance = &world.state().instances.rows().begin()->second;
  EXPECT_EQ(remaining_resources(world.state(), *instance).cpu, 4096 - 256);
  EXPECT_EQ(running_tasks(world.state(), *instance), 1);

  world.pass(shared::Millis(20'000));
  agent.report(task.arn, "STOPPED", 3);
  const model::Task& over = world.task(key);
  EXPECT_EQ(over.last_status, TaskStatus::kStopped);
  EXPECT_EQ(over.desired_status, DesiredStatus::kStopped);
  EXPECT_EQ(over.stop_code, "EssentialContainerExited");
  EXPECT_EQ(over.stopped_reason, "Essential container in task exited");
  EXPECT_EQ(over.containers.front().exit_code, 3);
  EXPECT_EQ(remaining_resources(world.state(), *instance).cpu, 4096);

  world.pass(world.settings.stopped_task_retention + shared::Millis(1'000));
  EXPECT_EQ(world.state().tasks.find(key), nullptr);
  EXPECT_FALSE(world.store.records().contains("task/" + key));
}

TEST(Tasks, LateAndRepeatedReportsChangeNothing) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.run(world.define("job"));
  const std::string arn = world.task(key).arn;
  agent.report(arn, "STOPPED", 0);
  const auto stopped_at = world.task(key).stopped_at;
  world.pass(shared::Millis(1'000));
  agent.report(arn, "RUNNING");
  agent.report(arn, "STOPPED", 9);
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kStopped);
  EXPECT_EQ(world.task(key).containers.front().exit_code, 0);
  EXPECT_EQ(world.task(key).stopped_at, stopped_at);
  agent.report("arn:aws:ecs:us-east-1:000000000000:task/default/" + std::string(32, 'f'), "STOPPED", 0);
}

TEST(Tasks, SayWhyTheyFailedToStart) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.run(world.define("job"));
  TaskChange change;
  change.task = world.task(key).id;
  change.status = "STOPPED";
  change.containers.push_back({"main", "STOPPED", "", "", "CannotPullContainerError: no such image", {}, {}});
  ASSERT_TRUE(world.submit([&](Step& s) { return apply_task_change(s, in_default(change)); }).has_value());
  EXPECT_EQ(world.task(key).stop_code, "TaskFailedToStart");
  EXPECT_EQ(world.task(key).stopped_reason, "CannotPullContainerError: no such image");
  EXPECT_FALSE(world.task(key).containers.front().exit_code.has_value());
  (void)agent;
}

TEST(Tasks, KeepOfALongReasonWholeCharactersOnly) {
  World world;
  world.add_agent();
  const std::string key = world.run(world.define("job"));
  TaskChange change;
  change.task = world.task(key).id;
  change.status = "STOPPED";
  change.containers.push_back({"main", "STOPPED", "", "", std::string(1023, 'x') + "\u20ac", {}, {}});
  ASSERT_TRUE(world.submit([&](Step& s) { return apply_task_change(s, in_default(change)); }).has_value());
  EXPECT_EQ(world.task(key).containers.front().reason, std::string(1023, 'x'));
  EXPECT_EQ(world.task(key).stopped_reason, std::string(1023, 'x'));
}

// The first container ran and was ended because the second could not start: the second is the reason.
TEST(Tasks, ThatFailedToStartSaySoThoughOneOfTheirContainersRan) {
  World world;
  world.add_agent();
  const std::string key = world.run(world.define(
      "job", R"("memory": 6}, {"name": "side", "image": "app", "essential": true, "memory": 6)"));
  TaskChange change;
  change.task = world.task(key).id;
  change.status = "STOPPED";
  change.containers.push_back({"main", "STOPPED", "", "", "", 137, {}});
  change.containers.push_back({"side", "STOPPED", "", "", "CannotPullContainerError: no such image", {}, {}});
  ASSERT_TRUE(world.submit([&](Step& s) { return apply_task_change(s, in_default(change)); }).has_value());
  EXPECT_EQ(world.task(key).stop_code, "TaskFailedToStart");
  EXPECT_EQ(world.task(key).stopped_reason, "CannotPullContainerError: no such image");
}

TEST(Tasks, StopOnRequestAndFreeTheirResourcesOnlyWhenStopped) {
  World world;
  FakeAgent& agent = world.add_agent(256, 256);
  const std::string definition = world.define("job");
  const std::string key = world.run(definition);
  const std::string arn = world.task(key).arn;
  agent.report(arn, "RUNNING");
  ASSERT_TRUE(world
                  .submit([&](Step& step) -> Result<void> {
                    stop_task(step, key, {"UserInitiated", "enough"});
                    stop_task(step, key, {"UserInitiated", "twice"});
                    return {};
                  })
                  .has_value());
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kStopping);
  EXPECT_EQ(agent.told[arn], "STOPPED");
  const auto try_another = [&] {
    std::string reason;
    (void)world.submit([&](Step& step) -> Result<void> {
      RunTask request;
      request.cluster = "default";
      request.task_definition_arn = definition;
      auto result = run_task(step, request);
      reason = result->failures.empty() ? "" : result->failures.front().reason;
      return Error("test", "only a question");
    });
    return reason;
  };
  EXPECT_EQ(try_another(), "RESOURCE:CPU");
  agent.report(arn, "STOPPED", 143);
  EXPECT_EQ(try_another(), "");
  EXPECT_EQ(world.task(key).stop_code, "UserInitiated");
  EXPECT_EQ(world.task(key).stopped_reason, "enough");
  EXPECT_EQ(world.task(key).containers.front().exit_code, 143);
}

TEST(Tasks, PlacementFailuresFollowEcs) {
  World world;
  const std::string definition = world.define("big", R"("cpu": 3000, "memory": 100)");
  RunTask request;
  request.cluster = "default";
  request.task_definition_arn = definition;
  request.count = 3;
  Result<RunTaskResult> result = RunTaskResult{};
  const auto ask = [&] {
    return world.submit([&](Step& step) -> Result<void> {
      result = run_task(step, request);
      return result ? Result<void>() : Result<void>(result.error());
    });
  };
  auto none = ask();
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), "InvalidParameterException");
  EXPECT_EQ(none.error().text(), "No Container Instances were found in your cluster.");
  world.add_agent();
  world.add_agent().disconnect();
  ASSERT_TRUE(ask().has_value());
  EXPECT_EQ(result->task_keys.size(), 1u);
  std::map<std::string, int> reasons;
  for (const auto& each : result->failures) ++reasons[each.reason];
  EXPECT_EQ(reasons, (std::map<std::string, int>{{"RESOURCE:CPU", 2}, {"AGENT", 2}}));

  const std::string nobody = "arn:aws:ecs:us-east-1:000000000000:container-instance/default/no";
  request.on_instances = {{"default/no", nobody}, world.named(*world.agents[0])};
  request.task_definition_arn = world.define("small");
  ASSERT_TRUE(ask().has_value());
  EXPECT_EQ(result->task_keys.size(), 1u);
  EXPECT_EQ(result->failures.front().reason, "MISSING");
  EXPECT_EQ(result->failures.front().arn, nobody);
}

TEST(Tasks, TenOverAHundredInstancesSpreadEvenly) {
  World world;
  for (int i = 0; i < 100; ++i) world.add_agent();
  const std::string definition = world.define("job");
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(world
                    .submit([&](Step& step) -> Result<void> {
                      RunTask request;
                      request.cluster = "default";
                      request.task_definition_arn = definition;
                      request.count = 10;
                      auto result = run_task(step, request);
                      return result && result->task_keys.size() == 10
                                 ? Result<void>()
                                 : Result<void>(Error("test", "unplaced"));
                    })
                    .has_value());
  }
  for (const auto& [key, instance] : world.state().instances.rows()) {
    EXPECT_EQ(pending_tasks(world.state(), instance), 2);
  }
}

TEST(Instances, DeregisterOnlyEmptyUnlessForced) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.run(world.define("job"));
  const std::string instance = world.state().instances.rows().begin()->first;
  auto refused = world.submit([&](Step& s) { return deregister_instance(s, instance, Force::kNo); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().text(), "Found running tasks on the instance.");
  ASSERT_TRUE(
      world.submit([&](Step& s) { return deregister_instance(s, instance, Force::kYes); }).has_value());
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kStopped);
  EXPECT_EQ(world.task(key).stopped_reason, "Container instance deregistration forced by user");
  EXPECT_NE(agent.channel->closed, "");

  RegisterInstance again;
  again.cluster = "default";
  again.container_instance_arn = agent.arn;
  auto gone = world.submit([&](Step& step) -> Result<void> {
    auto result = register_instance(step, again);
    return result ? Result<void>() : Result<void>(result.error());
  });
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code(), "ClientException");
}

TEST(Instances, ReRegistrationKeepsTheArnAndReplacesWhatTheAgentOwns) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.state().instances.rows().begin()->first;
  world.run(world.define("job"));
  RegisterInstance again;
  again.cluster = "default";
  again.container_instance_arn = agent.arn;
  again.resources.cpu = 8192;
  again.resources.memory = 8192;
  again.attributes = {{"berth.address", "10.9.9.9"}, {"new", ""}};
  const auto register_again = [&] {
    return world.submit([&](Step& step) -> Result<void> {
      auto result = register_instance(step, again);
      return result ? Result<void>() : Result<void>(result.error());
    });
  };
  ASSERT_TRUE(register_again().has_value());
  const model::ContainerInstance& row = *world.state().instances.find(key);
  EXPECT_EQ(row.arn, agent.arn);
  EXPECT_EQ(row.address, "10.9.9.9");
  EXPECT_EQ(row.registered.cpu, 8192);
  // What its settings do not name any more, no constraint may find.
  EXPECT_EQ(row.attributes, again.attributes);
  again.resources.cpu = 100;  // less than its task holds
  auto refused = register_again();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), "ClientException");
}

}  // namespace
}  // namespace agent::control::test
