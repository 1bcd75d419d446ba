// A task ends with its first essential container, not with its last one.
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/service_events.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::DesiredStatus;
using model::TaskStatus;
using shared::Millis;
using shared::Result;

// Essential "main", non-essential "side"; port 80 is main's or side's.
std::string with_side(World& world, const std::string& port_of = "main") {
  const std::string port = R"(, "portMappings": [{"containerPort": 80}])";
  return world.define("app", R"("memory": 6)" + (port_of == "main" ? port : "") +
                                 R"(}, {"name": "side", "image": "app", "essential": false, "memory": 6)" +
                                 (port_of == "side" ? port : ""));
}

// What an agent says while the task as a whole is not STOPPED yet.
void say(World& world, const std::string& task, const std::string& status, const ContainerChange& container) {
  TaskChange change;
  change.task = task;
  change.status = status;
  change.containers.push_back(container);
  ASSERT_TRUE(world.submit([&](Step& s) { return apply_task_change(s, in_default(change)); }).has_value());
}
ContainerChange ended(const std::string& name, std::optional<int> exit_code, const std::string& reason = "") {
  return {name, "STOPPED", "", "", reason, exit_code, {}};
}
void stop_by_user(World& world, const std::string& key) {
  ASSERT_TRUE(world
                  .submit([&](Step& step) -> Result<void> {
                    stop_task(step, key, {"UserInitiated", "enough"});
                    return {};
                  })
                  .has_value());
}
std::string running_task(World& world) {
  const std::string key = world.run(with_side(world));
  world.agents.front()->report(world.task(key).arn, "RUNNING");
  return key;
}
const model::RegisteredTarget* target_of(const World& world, const std::string& task_arn) {
  for (const auto* each : targets_of(world.state(), world.target_group)) {
    if (each->task_arn == task_arn) return each;
  }
  return nullptr;
}
struct Web {
  explicit Web(World& w, const std::string& port_of = "main") : world(w) {
    world.add_agent();
    world.add_target_group(300);
    balancer = &world.add_balancer("b1");
    model::Service wanted = world.service("web", with_side(world, port_of), 1);
    wanted.load_balancers = {{world.target_group, port_of, 80}};
    service = world.create(wanted);
    EXPECT_TRUE(world.until([&] { return world.stable(service); }));
    task = world.live_tasks().front()->id;
    key = "default/" + task;
    arn = world.task(key).arn;
    world.obedient = false;
    world.pass(kShortLife);  // a task that ends sooner is started again with back-off
  }
  World& world;
  FakeBalancer* balancer = nullptr;
  std::string service, task, key, arn;
};

TEST(EssentialContainer, ThatEndsStopsItsTaskInTheSameStep) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = running_task(world);
  say(world, world.task(key).arn, "RUNNING", ended("main", 137));
  const model::Task& task = world.task(key);
  EXPECT_EQ(task.desired_status, DesiredStatus::kStopped);
  EXPECT_EQ(task.last_status, TaskStatus::kStopping);
  EXPECT_EQ(task.stop_code, "EssentialContainerExited");
  EXPECT_EQ(task.stopped_reason, "Essential container in task exited");
  EXPECT_TRUE(task.execution_stopped_at.has_value());
  EXPECT_EQ(agent.told[task.arn], "STOPPED");

  stop_by_user(world, key);
  agent.report(task.arn, "STOPPED", 0);
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kStopped);
  EXPECT_EQ(world.task(key).stop_code, "EssentialContainerExited") << "the first cause stays";
  EXPECT_EQ(world.task(key).stopped_reason, "Essential container in task exited");
  EXPECT_EQ(world.task(key).containers[0].exit_code, 137);
}

TEST(EssentialContainer, ThatEndsIsKnownFromAReportOfTheContainerAlone) {
  World world;
  world.add_agent();
  const std::string key = running_task(world);
  say(world, world.task(key).arn, "", ended("main", 1));
  EXPECT_EQ(world.task(key).stop_code, "EssentialContainerExited");
  const auto version = world.task(key).version;
  say(world, world.task(key).arn, "", ended("main", 1));
  say(world, world.task(key).arn, "RUNNING", {"main", "RUNNING", "", "", "", {}, {}});
  EXPECT_EQ(world.task(key).version, version) << "late and repeated reports change nothing";
  EXPECT_EQ(world.task(key).desired_status, DesiredStatus::kStopped);
}

TEST(EssentialContainer, AnyOtherMayEndWhileTheTaskRunsOn) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = running_task(world);
  say(world, world.task(key).arn, "RUNNING", ended("side", 0));
  EXPECT_EQ(world.task(key).desired_status, DesiredStatus::kRunning);
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kRunning);
  EXPECT_EQ(agent.told[world.task(key).arn], "RUNNING");
}

TEST(EssentialContainer, ThatEndsAfterAStopOfTheUserDoesNotChangeTheCause) {
  World world;
  world.add_agent();
  const std::string key = running_task(world);
  stop_by_user(world, key);
  say(world, world.task(key).arn, "RUNNING", ended("main", 143));
  EXPECT_EQ(world.task(key).stop_code, "UserInitiated");
  EXPECT_EQ(world.task(key).stopped_reason, "enough");
}

// The balancer has a request open and never says drained: nobody waits for it, as nothing can answer any
// more.
TEST(EssentialContainer, ThatEndsTakesItsTargetAwayAndTheReplacementStartsBeforeTheRestHasEnded) {
  World world;
  Web web(world);
  web.balancer->drains = false;
  say(world, web.arn, "RUNNING", ended("main", 137));
  EXPECT_EQ(target_of(world, web.arn), nullptr);
  for (const auto& group : web.balancer->config.target_groups) EXPECT_TRUE(group->targets.empty());
  EXPECT_EQ(world.agents[0]->told[web.arn], "STOPPED");
  ASSERT_EQ(world.live_tasks().size(), 1u);
  const std::string replacement = world.live_tasks().front()->arn;
  EXPECT_NE(replacement, web.arn);
  EXPECT_EQ(world.agents[0]->told[replacement], "RUNNING");
  EXPECT_NE(world.task(web.key).last_status, TaskStatus::kStopped) << "side has not ended yet";
  EXPECT_EQ(world.service_row(web.service).failed_starts, 0);
}

// Its requests are served by a container that still runs: they end before control has that one stopped.
TEST(EssentialContainer, ThatEndsLeavesTheTargetOfAnotherContainerToDrain) {
  World world;
  Web web(world, "side");
  web.balancer->drains = false;
  say(world, web.arn, "RUNNING", ended("main", 137));
  ASSERT_NE(target_of(world, web.arn), nullptr);
  EXPECT_EQ(target_of(world, web.arn)->state, lb::TargetState::kDraining);
  EXPECT_EQ(world.task(web.key).last_status, TaskStatus::kDeactivating);
  EXPECT_EQ(world.agents[0]->told[web.arn], "RUNNING");
  EXPECT_EQ(world.live_tasks().size(), 1u) << "the replacement does not wait";
  web.balancer->drains = true;
  world.pass(Millis(2'000));
  EXPECT_EQ(target_of(world, web.arn), nullptr);
  EXPECT_EQ(world.agents[0]->told[web.arn], "STOPPED");
}

TEST(EssentialContainer, ThatEndsWhileItsTargetDrainsEndsTheDraining) {
  World world;
  Web web(world);
  web.balancer->drains = false;
  stop_by_user(world, web.key);
  ASSERT_NE(target_of(world, web.arn), nullptr);
  EXPECT_EQ(world.agents[0]->told[web.arn], "RUNNING");
  say(world, web.arn, "RUNNING", ended("main", 1));
  EXPECT_EQ(target_of(world, web.arn), nullptr);
  EXPECT_EQ(world.agents[0]->told[web.arn], "STOPPED");
  EXPECT_EQ(world.task(web.key).stop_code, "UserInitiated");
}

TEST(EssentialContainer, ThatNeverStartedFailsItsTaskOnceAndBacksOff) {
  World world;
  world.add_agent();
  const std::string service = world.create(world.service("web", with_side(world), 1));
  const std::string key = "default/" + world.live_tasks().front()->id;
  const std::string arn = world.task(key).arn;
  say(world, arn, "PENDING", ended("main", std::nullopt, "CannotPullContainerError: no such image"));
  EXPECT_EQ(world.task(key).stop_code, "TaskFailedToStart");
  EXPECT_EQ(world.task(key).stopped_reason, "CannotPullContainerError: no such image");
  EXPECT_EQ(world.service_row(service).failed_starts, 1);
  EXPECT_TRUE(world.live_tasks().empty()) << "the next start waits";
  say(world, arn, "STOPPED", ended("side", std::nullopt));
  EXPECT_EQ(world.task(key).last_status, TaskStatus::kStopped);
  EXPECT_EQ(world.service_row(service).failed_starts, 1) << "one failure, told in two reports";
  EXPECT_EQ(world.task(key).stopped_reason, "CannotPullContainerError: no such image");
}

}  // namespace
}  // namespace agent::control::test
