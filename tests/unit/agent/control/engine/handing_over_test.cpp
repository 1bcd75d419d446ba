// How many tasks a host gets, how many of them its agent is told of at a time, and what becomes of the
// others.
#include "agent/control/engine/agent_sync.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/tasks.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::TaskStatus;
using shared::Millis;
using shared::Result;

constexpr int kWindow = 3;

struct Small : World {
  Small() {
    settings.max_starting_tasks_per_instance = kWindow;
    settings.max_tasks_per_instance = 12;
    crash_and_restart();
  }
  std::vector<std::string> run_some(int count) {  // ARNs in the order of their placement
    const std::string definition = define("job", R"("cpu": 16, "memory": 16)");
    std::vector<std::string> arns;
    for (int i = 0; i < count; ++i) {
      arns.push_back(task(run(definition)).arn);
      executor.advance(Millis(1));
    }
    return arns;
  }
  void stop(const std::string& key) {
    ASSERT_TRUE(submit([&](Step& step) -> Result<void> {
                  stop_task(step, key, {"UserInitiated", "enough"});
                  return {};
                }).has_value());
  }
  void desire(const std::string& service, int count) {
    UpdateService update;
    update.desired_count = count;
    ASSERT_TRUE(submit([&](Step& step) { return update_service(step, service, update); }).has_value());
  }
};
std::string key_of_arn(const std::string& arn) { return arn.substr(arn.find(":task/") + 6); }

TEST(HandingOver, AnAgentIsToldOfAFewTasksAtATimeInTheOrderOfTheirPlacement) {
  Small world;
  FakeAgent& agent = world.add_agent();
  const auto arns = world.run_some(6);
  EXPECT_EQ(agent.told.size(), 3u);
  for (std::size_t i = 0; i < kWindow; ++i) EXPECT_TRUE(agent.told.contains(arns[i])) << i;
  agent.report(arns[1], "RUNNING");
  EXPECT_EQ(agent.told.size(), 4u);
  EXPECT_TRUE(agent.told.contains(arns[3]));
  agent.report(arns[0], "STOPPED", 0);
  EXPECT_TRUE(agent.told.contains(arns[4]));
  EXPECT_FALSE(agent.told.contains(arns[5]));
  EXPECT_TRUE(world.until([&] { return agent.told.size() == 6; }));
}

// One that pulls for ever does not keep the others from their host.
TEST(HandingOver, TasksThatDoNotComeUpMakeRoomForTheNextAfterAWhile) {
  Small world;
  FakeAgent& agent = world.add_agent();
  world.run_some(8);
  world.pass(kStartingSlot - Millis(2'000));
  EXPECT_EQ(agent.told.size(), 3u);
  world.pass(Millis(3'000));
  EXPECT_EQ(agent.told.size(), 6u);
}

TEST(HandingOver, WhatWasCancelledBeforeItsAgentWasToldIsStoppedAtOnceAndNeverStarts) {
  Small world;
  FakeAgent& agent = world.add_agent();
  const std::string service = world.create(world.service("web", world.define("app", R"("memory": 6)"), 10));
  ASSERT_EQ(world.live_tasks().size(), 10u);
  world.desire(service, 0);
  int stopped = 0;
  for (const auto& [key, task] : world.state().tasks.rows()) {
    EXPECT_EQ(task.desired_status, model::DesiredStatus::kStopped);
    if (task.last_status != TaskStatus::kStopped) continue;
    ++stopped;
    EXPECT_EQ(task.stop_code, "ServiceSchedulerInitiated");
    EXPECT_FALSE(task.started_at || task.execution_stopped_at);
    EXPECT_FALSE(agent.told.contains(task.arn));
  }
  EXPECT_EQ(stopped, 7);
  EXPECT_TRUE(world.until([&] {
    return std::all_of(world.state().tasks.rows().begin(), world.state().tasks.rows().end(),
                       [](const auto& row) { return row.second.last_status == TaskStatus::kStopped; });
  }));
  EXPECT_EQ(agent.told.size(), 3u);
  EXPECT_EQ(world.service_row(service).failed_starts, 0);
}

TEST(HandingOver, AStopOfATaskThatWaitsForItsAgentIsNoMatterOfTheAgent) {
  Small world;
  FakeAgent& agent = world.add_agent();
  const auto arns = world.run_some(4);
  world.stop(key_of_arn(arns[3]));
  EXPECT_EQ(world.task(key_of_arn(arns[3])).last_status, TaskStatus::kStopped);
  EXPECT_EQ(world.task(key_of_arn(arns[3])).stop_code, "UserInitiated");
  world.stop(key_of_arn(arns[0]));
  EXPECT_EQ(world.task(key_of_arn(arns[0])).last_status, TaskStatus::kStopping);
  EXPECT_EQ(agent.told[arns[0]], "STOPPED");
}

// An earlier run of control may have told the agent before it died: only the agent can say that nothing runs.
TEST(HandingOver, AfterARestartOfControlTheAgentIsToldToStopWhatItMayHaveBeenToldToRun) {
  Small world;
  FakeAgent& agent = world.add_agent();
  const auto arns = world.run_some(4);
  world.crash_and_restart();
  agent.connect();
  world.stop(key_of_arn(arns[3]));
  EXPECT_EQ(world.task(key_of_arn(arns[3])).last_status, TaskStatus::kStopping);
  EXPECT_EQ(agent.told[arns[3]], "STOPPED");
}

TEST(HandingOver, AServiceSaysThatTasksWait) {
  Small world;
  world.add_agent();
  const std::string service = world.create(world.service("web", world.define("app", R"("memory": 6)"), 8));
  const auto says = [&] {
    const auto events = world.events(service);
    return std::count_if(events.begin(), events.end(), [](const std::string& each) {
      return each ==
             "(service web) has tasks waiting to be started: a container instance is handed at most 3 tasks "
             "that "
             "are not up yet (max_starting_tasks_per_instance).";
    });
  };
  EXPECT_EQ(says(), 1);
  EXPECT_TRUE(world.until([&] { return world.stable(service); }));
  EXPECT_EQ(says(), 1) << "once";
}

TEST(HandingOver, AHostHasNoMoreTasksThanTheLimitAndTheFailureSaysSo) {
  Small world;
  FakeAgent& agent = world.add_agent();
  const auto arns = world.run_some(12);
  RunTask request;
  request.cluster = "default";
  request.task_definition_arn = world.define("job", R"("cpu": 16, "memory": 16)");
  RunTaskResult result;
  const auto ask = [&] {
    return world.submit([&](Step& step) -> Result<void> {
      auto answer = run_task(step, request);
      if (!answer) return answer.error();
      result = *answer;
      return {};
    });
  };
  for (const auto& on : {std::vector<NamedInstance>{}, std::vector<NamedInstance>{world.named(agent)}}) {
    request.on_instances = on;
    ASSERT_TRUE(ask().has_value());
    EXPECT_TRUE(result.task_keys.empty());
    ASSERT_EQ(result.failures.size(), 1u);
    EXPECT_EQ(result.failures[0].arn, agent.arn);
    EXPECT_EQ(result.failures[0].reason, "RESOURCE:TASKS");
    EXPECT_EQ(result.failures[0].detail,
              "The container instance has 12 tasks, as many as max_tasks_per_instance allows.");
  }
  const std::string service = world.create(world.service("web", request.task_definition_arn, 1));
  EXPECT_NE(world.events(service).front().find("tasks, as many as max_tasks_per_instance allows."),
            std::string::npos)
      << world.events(service).front();
  agent.report(arns[0], "STOPPED", 0);
  EXPECT_EQ(world.counts(service).pending, 1) << "a task that ends makes room";
}

}  // namespace
}  // namespace agent::control::test
