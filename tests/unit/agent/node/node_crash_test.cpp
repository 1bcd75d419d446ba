// kill -9 at any point: what the next life finds and does.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

TEST_F(NodeTest, RunningTaskIsAdoptedUntouched) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  boot_and_connect();
  EXPECT_EQ(engine.find("web")->starts, 1);
  EXPECT_EQ(engine.find("web")->stops, 0);
  EXPECT_EQ(control.statuses(task_arn("t1")).size(), 1u) << "what was acknowledged is not told again";
  stop("t1");
  EXPECT_EQ(last_status("t1"), "STOPPED");
}

TEST_F(NodeTest, ExitWhileAwayIsReportedWithItsRealExitCode) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  engine.exit(*engine.find("web"), 42);
  const auto exited = executor.wall_now();
  run(shared::Millis(60'000));
  boot_and_connect();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 42);
  EXPECT_EQ(control.reports().back()["executionStoppedAt"], shared::epoch_seconds(exited));
}

TEST_F(NodeTest, ContainerRemovedWhileAwayHasVanished) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  engine.vanish(*engine.find("web"));
  boot_and_connect();
  EXPECT_EQ(container("t1", "web")["reason"], "ContainerVanishedError: No container matching saved ID found");
}

TEST_F(NodeTest, UnsentReportIsSentByTheNextLife) {
  boot_and_connect();
  control.unreachable = true;
  send(a_task("t1", {a_container("web")}));
  crash();
  control.unreachable = false;
  boot_and_connect();
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeTest, InterruptedStopIsContinued) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  engine.hang.insert("stop");
  stop("t1");
  crash();
  engine.hang.clear();
  boot_and_connect();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(engine.find("web")->info.phase, runtime::ContainerPhase::kExited);
}

// The engine goes on with a start that an agent asked for and did not live to hear the end of.
TEST_F(NodeTest, StartUnderWayAtACrashBringsNoStoppedTaskToLife) {
  boot_and_connect();
  engine.hang = {"start"};
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  ASSERT_NE(last_status("t1"), "STOPPED") << "how the start ends is awaited";
  crash();
  boot_and_connect();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  engine.let_go();
  run();
  EXPECT_FALSE(engine.find("web")) << "removed before the task was reported as stopped";
}

TEST_F(NodeTest, ContainerStartedAfterACrashForAStoppedTaskIsStoppedBeforeTheTaskCountsAsStopped) {
  boot_and_connect();
  engine.hang = {"start", "remove"};
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  crash();
  boot_and_connect();
  EXPECT_NE(last_status("t1"), "STOPPED");
  engine.let_go();  // the start, and then the removal
  EXPECT_EQ(engine.find("web")->info.phase, runtime::ContainerPhase::kRunning);
  EXPECT_NE(last_status("t1"), "STOPPED");
  run(shared::Millis(5'000));
  EXPECT_EQ(engine.find("web")->info.phase, runtime::ContainerPhase::kExited);
  EXPECT_EQ(last_status("t1"), "STOPPED");
}

TEST_F(NodeTest, QueueKeepsItsOrderAndHeldPortsAreStillHeld) {
  boot_and_connect();
  auto web = a_container("web");
  web.port_mappings = {{80, 8080, "tcp"}};
  send(a_task("t9", {web}));
  send(a_task("t5", {web}));
  send(a_task("t1", {web}));
  crash();
  boot_and_connect();
  EXPECT_EQ(last_status("t5"), "");
  stop("t9");
  run();
  EXPECT_EQ(last_status("t5"), "RUNNING");
  EXPECT_EQ(last_status("t1"), "");
}

TEST_F(NodeTest, CleanUpGoesOnAfterARestart) {
  settings.task_cleanup_wait = shared::Millis(60'000);
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  crash();
  run(shared::Millis(30'000));
  boot_and_connect();
  run(shared::Millis(25'000));
  EXPECT_EQ(engine.boxes().size(), 1u);
  run(shared::Millis(10'000));
  EXPECT_TRUE(engine.boxes().empty());
  EXPECT_TRUE(node->tasks().empty());
}

// The agent is killed after every possible number of milliseconds of a task's start and of its stop; each
// engine call takes one. Whatever the moment, one container is made, the task runs, and it stops once.
TEST_F(NodeTest, CrashAtEveryPointOfALifeLosesAndDoublesNothing) {
  for (int at = 0; at < 12; ++at) {
    const std::string id = "t" + std::to_string(at);
    const std::string name = "web" + std::to_string(at);
    crash();
    boot_and_connect();
    link::PayloadMessage m{"m" + id, "default", control.instance_arn,
                           ++seq,    0,         {a_task(id, {a_container(name)})}};
    control.say(m);
    run(shared::Millis(at));
    const bool acknowledged = control.said_count("AckRequest") > 0;
    crash();
    run(shared::Millis(20));  // calls that were on their way arrive at the engine
    boot_and_connect();
    if (!acknowledged) send(a_task(id, {a_container(name)}));
    EXPECT_EQ(last_status(id), "RUNNING") << "killed after " << at << " ms";
    std::size_t made = 0;
    for (const auto& [box_id, box] : engine.boxes())
      made += box.info.labels.at("com.amazonaws.ecs.task-arn") == task_arn(id);
    EXPECT_EQ(made, 1u) << "killed after " << at << " ms";
    EXPECT_EQ(engine.find(name)->starts, 1);

    link::TaskPayload over = a_task(id, {});
    over.desired_status = "STOPPED";
    control.say(link::PayloadMessage{"s" + id, "default", control.instance_arn, ++seq, 0, {over}});
    run(shared::Millis(at));
    crash();
    run(shared::Millis(20));
    boot_and_connect();
    stop(id);
    EXPECT_EQ(last_status(id), "STOPPED") << "killed after " << at << " ms of stopping";
    EXPECT_EQ(container(id, name)["exitCode"], 0);
    EXPECT_NE(engine.find(name)->info.phase, runtime::ContainerPhase::kRunning);
    control.said.clear();
  }
}

TEST_F(NodeTest, OrphanRunsOnUntilControlConfirmsThatItMustGo) {
  boot_and_connect();
  send({a_task("t1", {a_container("web")}), a_task("t2", {a_container("db")})});
  crash();
  store::ChangeSet lost;
  for (const auto& [key, value] : store.records()) lost.deletes.push_back(key);
  ASSERT_TRUE(store.commit(lost));
  boot_and_connect();
  EXPECT_TRUE(node->tasks().empty());
  run(shared::Millis(1'000));
  EXPECT_EQ(engine.find("web")->stops, 0);

  link::TaskManifestMessage m{"m1", "default", control.instance_arn,
                              1000, 0,         {{task_arn("t2"), "default", "RUNNING"}}};
  control.say(m);
  run();
  ASSERT_EQ(control.said.back()["type"], "TaskStopVerificationMessage");
  ASSERT_EQ(control.said.back()["message"]["stopCandidates"].size(), 1u);
  EXPECT_EQ(control.said.back()["message"]["stopCandidates"][0]["taskArn"], task_arn("t1"));
  control.say(link::TaskStopVerificationAck{"m1", 0, {{task_arn("t1"), "default", "STOPPED"}}});
  run();
  EXPECT_FALSE(engine.find("web")) << "stopped and removed";
  EXPECT_FALSE(cgroups.groups.contains("t1"));

  send(a_task("t2", {a_container("db")}));  // control sends the payload again: the container is taken over
  EXPECT_EQ(engine.boxes().size(), 1u);
  EXPECT_EQ(engine.find("db")->starts, 1);
  EXPECT_EQ(last_status("t2"), "RUNNING");
}

TEST_F(NodeTest, ContainersOfAnotherClustersAgentAreLeftAlone) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  store::MemoryStore other;
  settings.cluster = "other";
  node = std::make_unique<Node>(Node::Parts{executor, random, control, engine, cgroups, other}, settings);
  ASSERT_TRUE(node->start());
  run(shared::Millis(100));
  control.say(link::TaskManifestMessage{"m1", "other", control.instance_arn, 1000, 0, {}});
  run();
  EXPECT_EQ(control.said_count("TaskStopVerificationMessage"), 0u) << "that control does not know its tasks";
}

TEST_F(NodeTest, ContainerRecordedAsStoppedThatRunsIsStoppedOnceMore) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  crash();
  auto* box = engine.find("web");
  box->info.phase = runtime::ContainerPhase::kRunning;
  boot_and_connect();
  EXPECT_EQ(box->info.phase, runtime::ContainerPhase::kExited);
  EXPECT_EQ(box->stops, 2);
}

TEST_F(NodeTest, DamagedRecordIsNamed) {
  ASSERT_TRUE(store.commit({{{"node/task/x", "{"}}, {}}));
  node = std::make_unique<Node>(Node::Parts{executor, random, control, engine, cgroups, store}, settings);
  const auto started = node->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), "corrupt");
  EXPECT_NE(started.error().text().find("node/task/x"), std::string::npos);
}

}  // namespace
}  // namespace agent::node
