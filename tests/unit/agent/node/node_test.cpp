// Whole lives of tasks with nothing going wrong.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

using Statuses = std::vector<std::string>;

TEST_F(NodeTest, RegistersWithWhatIsTrueForThisHost) {
  settings.reserved_memory_mib = 96;
  settings.attributes = {{"rack", "7"}};
  boot_and_connect();
  const json body = control.calls.at(0).body;
  EXPECT_EQ(control.calls.at(0).operation, "RegisterContainerInstance");
  std::map<std::string, json> resources;
  for (const auto& r : body["totalResources"]) resources[r["name"]] = r;
  EXPECT_EQ(resources["CPU"]["integerValue"], 4096);
  EXPECT_EQ(resources["MEMORY"]["integerValue"], 4000);
  EXPECT_EQ(resources["PORTS"]["stringSetValue"], (json{"22", "2375", "2376", "51678", "51679", "51680"}));
  std::map<std::string, std::string> attributes;
  for (const auto& a : body["attributes"]) attributes[a["name"]] = a.value("value", "");
  EXPECT_EQ(attributes["berth.address"], "127.0.0.1");
  EXPECT_TRUE(attributes["berth.instance-id"].starts_with("mi-"));
  EXPECT_EQ(attributes["berth.instance-id"].size(), 20u);
  EXPECT_EQ(attributes["rack"], "7");
  EXPECT_TRUE(attributes.contains("com.amazonaws.ecs.capability.docker-remote-api.1.32"));
  EXPECT_TRUE(attributes.contains("ecs.capability.task-cpu-mem-limit"));
  EXPECT_FALSE(attributes.contains("com.amazonaws.ecs.capability.task-iam-role"));
  EXPECT_FALSE(body.contains("containerInstanceArn"));
  EXPECT_EQ(control.last_endpoint, "http://127.0.0.1:7000");
  EXPECT_EQ(control.last_arn, control.instance_arn);
}

TEST_F(NodeTest, TaskRunsAndStopsWhenToldTo) {
  boot_and_connect();
  auto web = a_container("web");
  web.memory = 64;
  web.cpu = 128;
  web.port_mappings = {{80, 0, "tcp"}};
  web.environment = {{"A", "1"}};
  web.stop_timeout = 7;
  link::TaskPayload t = a_task("t1", {web});
  t.cpu = 0.5;
  t.memory = 128;
  send(t);

  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING"}));
  const json running = container("t1", "web");
  EXPECT_EQ(running["status"], "RUNNING");
  EXPECT_EQ(running["runtimeId"], "id-1");
  EXPECT_EQ(running["imageDigest"], "sha256:digest-registry.test/web:1");
  EXPECT_EQ(running["networkBindings"],
            (json::array(
                {{{"bindIP", "0.0.0.0"}, {"containerPort", 80}, {"hostPort", 32768}, {"protocol", "tcp"}}})));
  EXPECT_TRUE(control.reports()[0].contains("pullStartedAt"));
  const auto* box = engine.find("web");
  ASSERT_TRUE(box);
  EXPECT_EQ(box->spec.cgroup_parent, "/ecs/t1");
  EXPECT_EQ(box->spec.memory_bytes, 64 * 1024 * 1024);
  EXPECT_EQ(cgroups.groups["t1"].memory_mib, 128);
  EXPECT_EQ(cgroups.groups["t1"].cpu, 0.5);

  stop("t1");
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING", "STOPPED"}));
  EXPECT_EQ(container("t1", "web")["exitCode"], 0);
  EXPECT_TRUE(control.reports().back().contains("executionStoppedAt"));
}

TEST_F(NodeTest, AcknowledgesBeforeAnyWork) {
  boot_and_connect();
  engine.hang.insert("find_image");
  send(a_task("t1", {a_container("web")}));
  ASSERT_EQ(control.said_count("AckRequest"), 1u);
  EXPECT_EQ(control.said[0]["message"], (json{{"cluster", "default"},
                                              {"containerInstance", control.instance_arn},
                                              {"messageId", "payload-1"}}));
  EXPECT_TRUE(control.reports().empty());
}

TEST_F(NodeTest, EssentialExitEndsTheTaskWithItsExitCode) {
  boot_and_connect();
  send(a_task("t1", {a_container("web"), inessential(a_container("side"))}));
  engine.exit(*engine.find("web"), 3);
  run();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 3);
  EXPECT_EQ(container("t1", "side")["status"], "STOPPED");
  EXPECT_EQ(engine.count("stop"), 1u);
}

TEST_F(NodeTest, SidecarExitIsToldUnderTheRunningTaskAndEndsNothing) {
  boot_and_connect();
  send(a_task("t1", {a_container("web"), inessential(a_container("side"))}));
  engine.exit(*engine.find("side"), 9);
  run(shared::Millis(5'000));
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING", "RUNNING"}));
  EXPECT_EQ(container("t1", "side")["exitCode"], 9);
  stop("t1");
  const json last = control.reports().back();
  ASSERT_EQ(last["containers"].size(), 1u) << "each change is told once";
  EXPECT_EQ(last["containers"][0]["containerName"], "web");
}

TEST_F(NodeTest, InitThenAppThenSidecarRunAndStopInOrder) {
  engine.exits_at_once["init"] = 0;
  boot_and_connect();
  auto init = inessential(a_container("init"));
  init.command = {"init"};
  auto app = after(a_container("app"), "init", "SUCCESS");
  app.health_check_type = "docker";
  send(a_task("t1", {inessential(after(a_container("side"), "app", "HEALTHY")), app, init}));
  EXPECT_FALSE(engine.find("side"));
  EXPECT_EQ(last_status("t1"), "");
  engine.set_health(*engine.find("app"), "healthy");
  run();
  EXPECT_EQ(last_status("t1"), "RUNNING");
  stop("t1");
  std::vector<std::string> order;
  for (const auto& call : engine.calls) {
    for (const char* name : {"init", "app", "side"}) {
      if ((call.starts_with("start ") || call.starts_with("stop ")) &&
          call.find("-" + std::string(name) + "-") != std::string::npos) {
        order.push_back(call.substr(0, call.find(' ')) + " " + name);
      }
    }
  }
  EXPECT_EQ(order, (Statuses{"start init", "start app", "start side", "stop side", "stop app"}));
  EXPECT_EQ(last_status("t1"), "STOPPED");
}

TEST_F(NodeTest, SecondTaskOfTheSamePortWaitsInOrderForTheFirst) {
  boot_and_connect();
  auto web = a_container("web");
  web.port_mappings = {{80, 8080, "tcp"}};
  send(a_task("t1", {web}));
  send(a_task("t2", {web}));
  send(a_task("t3", {a_container("other")}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(last_status("t2"), "") << "queued: acknowledged, nothing reported";
  EXPECT_EQ(last_status("t3"), "") << "strictly first come, first served";
  stop("t1");
  run();
  EXPECT_EQ(last_status("t2"), "RUNNING");
  EXPECT_EQ(last_status("t3"), "RUNNING");
}

TEST_F(NodeTest, QueuedTaskToldToStopLeavesTheQueue) {
  boot_and_connect();
  auto big = a_container("big");
  big.cpu = 5000;
  send(a_task("t1", {big}));
  send(a_task("t2", {a_container("web")}));
  stop("t1");
  run();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_FALSE(container("t1", "big").contains("exitCode"));
  EXPECT_EQ(last_status("t2"), "RUNNING");
}

TEST_F(NodeTest, StopOfAnUnknownTaskIsSettledAtOnce) {
  boot_and_connect();
  auto gone = a_task("t9", {a_container("web")});
  gone.desired_status = "STOPPED";
  send(gone);
  EXPECT_EQ(control.statuses(task_arn("t9")), (Statuses{"STOPPED"}));
  EXPECT_EQ(container("t9", "web")["status"], "STOPPED");
  EXPECT_EQ(engine.count("create"), 0u);
}

TEST_F(NodeTest, RepeatedPayloadIsHarmlessAndAStoppedTaskNeverRunsAgain) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(engine.count("create"), 1u);
  EXPECT_EQ(control.said_count("AckRequest"), 2u);
  stop("t1");
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(engine.count("create"), 1u);
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING", "STOPPED", "STOPPED"}))
      << "control that asks for it again is told again";
}

TEST_F(NodeTest, StoppedTaskIsCleanedUpAfterTheWait) {
  settings.task_cleanup_wait = shared::Millis(60'000);
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  run(shared::Millis(59'000));
  EXPECT_EQ(engine.boxes().size(), 1u);
  run(shared::Millis(2'000));
  EXPECT_TRUE(engine.boxes().empty());
  EXPECT_FALSE(cgroups.groups.contains("t1"));
  EXPECT_TRUE(node->tasks().empty());
  EXPECT_EQ(store.records().size(), 2u) << "identity and the pulled image are left";
}

TEST_F(NodeTest, CleanUpWaitsUntilControlKnowsOfTheStop) {
  settings.task_cleanup_wait = shared::Millis(1'000);
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  control.unreachable = true;
  stop("t1");
  run(shared::Millis(120'000));
  EXPECT_EQ(node->tasks().size(), 1u);
  control.unreachable = false;
  run(shared::Millis(120'000));
  EXPECT_TRUE(node->tasks().empty());
  EXPECT_EQ(last_status("t1"), "STOPPED");
}

TEST_F(NodeTest, PullBehaviours) {
  const std::string image = "registry.test/web:1";
  struct Case {
    PullBehavior behavior;
    bool local;
    bool pulls;
  };
  int n = 0;
  for (const Case& c :
       {Case{PullBehavior::kDefault, true, true}, Case{PullBehavior::kDefault, false, true},
        Case{PullBehavior::kAlways, true, true}, Case{PullBehavior::kPreferCached, true, false},
        Case{PullBehavior::kPreferCached, false, true}, Case{PullBehavior::kOnce, true, false}}) {
    settings.pull_behavior = c.behavior;
    engine.local_images.clear();
    if (c.local) engine.local_images[image] = {"sha256:i", "sha256:d"};
    engine.calls.clear();
    crash();
    boot_and_connect();
    const std::string id = "p" + std::to_string(n++);
    send(a_task(id, {a_container("web")}));
    EXPECT_EQ(last_status(id), "RUNNING");
    EXPECT_EQ(engine.count("pull"), c.pulls ? 1u : 0u)
        << n << ": only the last one was pulled by this node before";
  }
}

TEST_F(NodeTest, ImageMadeOnThisHostIsUsedWithoutAskingARegistry) {
  engine.local_images["sample-web:1"] = {"sha256:i", ""};
  boot_and_connect();
  auto web = a_container("web");
  web.image = "sample-web:1";
  send(a_task("t1", {web}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(engine.count("pull"), 0u);
  EXPECT_FALSE(container("t1", "web").contains("imageDigest"));
}

}  // namespace
}  // namespace agent::node
