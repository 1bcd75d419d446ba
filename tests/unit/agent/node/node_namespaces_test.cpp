// pidMode and ipcMode: the container that holds what a task's containers share.
#include "agent/node/task/namespaces.h"
#include "agent/runtime/pause/pause_image.h"
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

class NodeNamespacesTest : public NodeTest {
 protected:
  NodeNamespacesTest() { settings.task_cleanup_wait = shared::Millis(1'000); }

  static link::TaskPayload sharing(const std::string& id = "t1") {
    auto t = a_task(id, {a_container("web"), inessential(a_container("side"))});
    t.pid_mode = t.ipc_mode = "task";
    return t;
  }
  std::size_t call(const std::string& what, const std::string& name) const {
    for (std::size_t i = 0; i < engine.calls.size(); ++i) {
      if (engine.calls[i].starts_with(what) && engine.calls[i].find(name) != std::string::npos) return i;
    }
    return engine.calls.size();
  }
  tests::ScriptedRuntime::Box* pause() { return engine.find(kPauseContainer); }
  bool runs(const std::string& name) {
    const auto* box = engine.find(name);
    return box && box->info.phase == runtime::ContainerPhase::kRunning;
  }
};

constexpr const char* kPause = "internalecspausenamespace";

TEST_F(NodeNamespacesTest, HolderStartsFirstStopsLastAndIsNeverReported) {
  boot_and_connect();
  send(sharing());
  run(shared::Millis(2'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_LT(call("start", kPause), call("create", "-web-"));
  EXPECT_EQ(engine.find("web")->spec.pid_mode, "container:" + pause()->spec.name);
  EXPECT_EQ(engine.find("side")->spec.ipc_mode, "container:" + pause()->spec.name);
  stop("t1");
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 0) << "it got its signal, and not the end of its namespace";
  EXPECT_GT(call("stop", kPause), call("stop", "-web-"));
  EXPECT_GT(call("stop", kPause), call("stop", "-side-"));
  for (const auto& report : control.reports(task_arn("t1"))) {
    for (const auto& each : report["containers"])
      EXPECT_FALSE(each["containerName"].get<std::string>().starts_with("~"));
  }
  run(shared::Millis(2'000));
  EXPECT_TRUE(engine.boxes().empty());
  EXPECT_TRUE(node->tasks().empty());
}

TEST_F(NodeNamespacesTest, EndedContainerTakesNothingDownThatItDidNotOwn) {
  boot_and_connect();
  send(sharing());
  engine.exit(*engine.find("side"), 0);
  run();
  EXPECT_TRUE(runs("web"));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(task("t1").desired, Status::kRunning);
  engine.exit(*engine.find("web"), 5);
  run();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 5);
  EXPECT_FALSE(runs(kPauseContainer));
}

TEST_F(NodeNamespacesTest, ImageIsImportedOnceAndAgainWhenSomebodyRemovedIt) {
  boot_and_connect();
  send({sharing("t1"), sharing("t2")});
  run(shared::Millis(2'000));
  EXPECT_EQ(last_status("t2"), "RUNNING");
  EXPECT_EQ(engine.count("import_image"), 1u);
  EXPECT_EQ(engine.count("pull " + runtime::pause::image_name()), 0u);
  engine.local_images.erase(runtime::pause::image_name());
  send(sharing("t3"));
  EXPECT_EQ(last_status("t3"), "RUNNING");
  EXPECT_EQ(engine.count("import_image"), 2u);
}

TEST_F(NodeNamespacesTest, TasksThatShareNothingHaveNoHolder) {
  boot_and_connect();
  auto t = a_task("t1", {a_container("web")});
  t.pid_mode = t.ipc_mode = "host";
  send(t);
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(engine.boxes().size(), 1u);
  EXPECT_EQ(engine.find("web")->spec.pid_mode, "host");
  EXPECT_EQ(engine.count("import_image"), 0u);
}

TEST_F(NodeNamespacesTest, HolderThatEndsEndsTheTaskAndIsNamed) {
  boot_and_connect();
  send(sharing());
  engine.exit(*pause(), 137);
  run(shared::Millis(1'000));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 137);
  auto ipc = sharing("t2");
  ipc.pid_mode = "";
  send(ipc);
  engine.exit(*pause(), 1);
  run(shared::Millis(1'000));
  EXPECT_EQ(last_status("t2"), "STOPPED");
  EXPECT_EQ(control.reports(task_arn("t2")).back()["reason"],
            "The container that holds the task's shared namespaces ended");
}

TEST_F(NodeNamespacesTest, HolderThatCannotBeMadeFailsTheTaskWithTheEnginesWords) {
  boot_and_connect();
  engine.failures["import_image"] = {shared::Error("CannotImportImageError", "no space left on device")};
  send(sharing());
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(control.reports(task_arn("t1")).back()["reason"],
            "Task failed to start: its shared namespaces: CannotImportImageError: no space left on device");
  EXPECT_EQ(engine.count("pull"), 0u);
}

TEST_F(NodeNamespacesTest, EngineThatIsAwayIsAwaitedForTheImage) {
  boot_and_connect();
  engine.failures["import_image"] = {
      shared::Error("engine_down", "refused", shared::Blame::kTarget, shared::Retry::kYes)};
  send(sharing());
  EXPECT_EQ(last_status("t1"), "");
  run(shared::Millis(3'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeNamespacesTest, AgentThatDiedBetweenAnyTwoStepsHasOneHolderAndLeavesNone) {
  for (int steps = 0; steps < 24; ++steps) {
    boot_and_connect();
    control.say(link::PayloadMessage{
        "m" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {sharing()}});
    run(shared::Millis(steps));
    crash();
    run(shared::Millis(20));  // calls that were on their way arrive at the engine
    boot_and_connect();
    send(sharing());
    run(shared::Millis(3'000));
    EXPECT_EQ(last_status("t1"), "RUNNING") << steps;
    EXPECT_EQ(engine.boxes().size(), 3u) << steps;
    EXPECT_EQ(pause()->starts, 1) << steps;
    control.say(
        link::PayloadMessage{"s" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {[] {
                               auto over = a_task("t1", {});
                               over.desired_status = "STOPPED";
                               return over;
                             }()}});
    run(shared::Millis(steps));
    crash();
    run(shared::Millis(20));
    boot_and_connect();
    stop("t1");
    run(shared::Millis(3'000));
    EXPECT_EQ(last_status("t1"), "STOPPED") << steps;
    EXPECT_EQ(container("t1", "web")["exitCode"], 0) << steps;
    EXPECT_TRUE(engine.boxes().empty()) << steps;
    crash();
  }
}

TEST_F(NodeNamespacesTest, OrphansAreStoppedBeforeTheirHolderOrAdoptedWithIt) {
  boot_and_connect();
  send({sharing("t1"), sharing("t2")});
  run(shared::Millis(2'000));
  crash();
  store::ChangeSet lost;
  for (const auto& [key, value] : store.records()) lost.deletes.push_back(key);
  ASSERT_TRUE(store.commit(lost));
  boot_and_connect();
  send(sharing("t2"));
  EXPECT_EQ(last_status("t2"), "RUNNING");
  EXPECT_EQ(engine.boxes().size(), 6u) << "its three are taken over";
  EXPECT_EQ(engine.count("import_image"), 1u);
  engine.calls.clear();
  control.say(link::TaskManifestMessage{
      "m1", "default", control.instance_arn, 1000, 0, {{task_arn("t2"), "default", "RUNNING"}}});
  run();
  control.say(link::TaskStopVerificationAck{"m1", 0, {{task_arn("t1"), "default", "STOPPED"}}});
  run();
  EXPECT_EQ(engine.boxes().size(), 3u);
  EXPECT_GT(call("stop", kPause), call("remove", "-web-"));
  EXPECT_GT(call("stop", kPause), call("remove", "-side-"));
  EXPECT_FALSE(cgroups.groups.contains("t1"));
}

}  // namespace
}  // namespace agent::node
