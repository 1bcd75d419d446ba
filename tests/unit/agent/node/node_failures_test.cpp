// Each call of the runtime, the cgroups and the store going wrong.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

using Statuses = std::vector<std::string>;

shared::Error failed(const std::string& code, const std::string& text) { return shared::Error(code, text); }

TEST_F(NodeTest, ImageThatCannotBePulledStopsTheTaskWithThatReason) {
  for (const auto behavior : {PullBehavior::kDefault, PullBehavior::kAlways, PullBehavior::kPreferCached}) {
    settings.pull_behavior = behavior;
    crash();
    boot_and_connect();
    engine.failures["pull"] = {failed("CannotPullContainerError", "manifest unknown")};
    const std::string id = "t" + std::to_string(static_cast<int>(behavior));
    send(a_task(id, {a_container("web")}));
    EXPECT_EQ(control.statuses(task_arn(id)), (Statuses{"STOPPED"}));
    EXPECT_EQ(container(id, "web")["reason"], "CannotPullContainerError: manifest unknown");
    EXPECT_FALSE(container(id, "web").contains("exitCode"));
    EXPECT_FALSE(container(id, "web").contains("runtimeId"));
    engine.local_images.clear();
  }
}

TEST_F(NodeTest, FailedPullFallsBackToTheLocalImageOnlyByDefault) {
  engine.local_images["registry.test/web:1"] = {"sha256:i", "sha256:old"};
  engine.failures["pull"] = {failed("CannotPullContainerError", "no route to host")};
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(container("t1", "web")["imageDigest"], "sha256:old");

  settings.pull_behavior = PullBehavior::kAlways;
  crash();
  boot_and_connect();
  engine.failures["pull"] = {failed("CannotPullContainerError", "no route to host")};
  send(a_task("t2", {a_container("web")}));
  EXPECT_EQ(last_status("t2"), "STOPPED");
}

TEST_F(NodeTest, ContainerThatCannotBeCreatedStopsTheTask) {
  boot_and_connect();
  engine.failures["create"] = {failed("CannotCreateContainerError", "invalid mount")};
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["reason"], "CannotCreateContainerError: invalid mount");
}

TEST_F(NodeTest, InessentialContainerThatCannotBeCreatedEndsNothing) {
  boot_and_connect();
  engine.failures["create"] = {failed("CannotCreateContainerError", "invalid mount")};
  send(a_task("t1", {inessential(a_container("side")), a_container("web")}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(container("t1", "side")["status"], "STOPPED");
}

TEST_F(NodeTest, ContainerThatCannotBeStartedStopsTheTaskWithoutExitCode) {
  boot_and_connect();
  engine.failures["start"] = {failed("CannotStartContainerError", "exec: not found")};
  send(a_task("t1", {a_container("web"), a_container("db")}));
  run();
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"PENDING", "STOPPED"}))
      << "told at once, never as RUNNING";
  EXPECT_EQ(container("t1", "web")["reason"], "CannotStartContainerError: exec: not found");
  EXPECT_FALSE(container("t1", "web").contains("exitCode"));
  EXPECT_EQ(container("t1", "web")["runtimeId"], "id-1");
}

TEST_F(NodeTest, StartThatTookTooLongButWorkedIsStoppedAgain) {
  boot_and_connect();
  engine.start_despite_failure = true;
  engine.failures["start"] = {failed("DockerTimeoutError", "could not start within 3m")};
  send(a_task("t1", {a_container("web")}));
  run();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["reason"], "DockerTimeoutError: could not start within 3m");
  EXPECT_EQ(engine.find("web")->stops, 1);
}

TEST_F(NodeTest, ContainerWhoseStartTookTooLongIsRemovedBeforeItsTaskCountsAsStopped) {
  boot_and_connect();
  engine.failures["start"] = {failed("DockerTimeoutError", "could not start within 3m")};
  engine.failures["remove"] = {failed("CannotRemoveContainerError", "it is being started")};
  send(a_task("t1", {a_container("web")}));
  EXPECT_NE(last_status("t1"), "STOPPED") << "it could not be removed";
  run(shared::Millis(5'000));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["reason"], "DockerTimeoutError: could not start within 3m");
  EXPECT_FALSE(engine.find("web"));
}

TEST_F(NodeTest, StopIsTriedAgainAndThenCountsAsStopped) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  const auto error = failed("CannotStopContainerError", "did not receive an exit event");
  engine.failures["stop"] = {error, error};
  stop("t1", shared::Millis(10'000));
  EXPECT_EQ(container("t1", "web")["exitCode"], 0) << "the third attempt worked";

  send(a_task("t2", {a_container("web2")}));
  engine.failures["stop"] = {error, error, error, error, error};
  stop("t2", shared::Millis(30'000));
  EXPECT_EQ(last_status("t2"), "STOPPED");
  EXPECT_EQ(container("t2", "web2")["reason"], "CannotStopContainerError: did not receive an exit event");
}

TEST_F(NodeTest, ContainerThatIgnoresTheSignalIsKilledAfterItsStopTimeout) {
  boot_and_connect();
  auto web = a_container("web");
  web.stop_timeout = 20;
  send(a_task("t1", {web}));
  engine.find("web")->ignores_term = true;
  stop("t1", shared::Millis(19'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  run(shared::Millis(2'000));
  EXPECT_EQ(container("t1", "web")["exitCode"], 137);
  EXPECT_FALSE(container("t1", "web").contains("reason")) << "an ordinary kill is no error";
}

TEST_F(NodeTest, OutOfMemoryIsNamed) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  engine.find("web")->info.oom_killed = true;
  engine.exit(*engine.find("web"), 137);
  run();
  EXPECT_EQ(container("t1", "web")["reason"], "OutOfMemoryError: Container killed due to memory usage");
  EXPECT_EQ(container("t1", "web")["exitCode"], 137);

  send(a_task("t2", {a_container("db")}));
  cgroups.oom_kills = 1;  // the task's own limit: the engine does not know
  engine.exit(*engine.find("db"), 137);
  run();
  EXPECT_EQ(container("t2", "db")["reason"], "OutOfMemoryError: Container killed due to memory usage");
}

TEST_F(NodeTest, ContainerRemovedBehindOurBackHasVanished) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  engine.vanish(*engine.find("web"));
  run();
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["reason"], "ContainerVanishedError: No container matching saved ID found");
}

TEST_F(NodeTest, ExitWhoseEventWasLostIsFoundByTheNextCheckOrGap) {
  boot_and_connect();
  send({a_task("t1", {a_container("web")}), a_task("t2", {a_container("db")})});
  engine.exit(*engine.find("web"), 5, tests::ScriptedRuntime::Notice::kSilent);
  engine.report_gap();
  run();
  EXPECT_EQ(container("t1", "web")["exitCode"], 5);
  engine.exit(*engine.find("db"), 6, tests::ScriptedRuntime::Notice::kSilent);
  run(settings.steady_check + shared::Millis(31'000));
  EXPECT_EQ(container("t2", "db")["exitCode"], 6);
}

TEST_F(NodeTest, TaskWithoutACgroupIsNotStarted) {
  boot_and_connect();
  cgroups.refuse = failed("cgroup", "set cpu.cfs_quota_us of cgroup ecs/t1: Invalid argument");
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(control.reports().back()["reason"],
            "resource cannot be initialized for task " + task_arn("t1") +
                ": cgroup resource: set cpu.cfs_quota_us of cgroup ecs/t1: Invalid argument");
  EXPECT_EQ(engine.count("create"), 0u);
}

TEST_F(NodeTest, HostWithoutTheCgroupsThatAreInsistedOnDoesNotBegin) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  control.calls.clear();
  cgroups.unusable = failed("cgroup", "systemd cannot be reached over the system bus");
  boot();
  run(shared::Millis(5'000));
  EXPECT_EQ(cannot_run, "systemd cannot be reached over the system bus");
  EXPECT_TRUE(control.calls.empty()) << "not registered, nothing reported";
  EXPECT_EQ(engine.find("web")->info.phase, runtime::ContainerPhase::kRunning);
}

TEST_F(NodeTest, RunningTaskDoesNotEndBecauseItsCgroupCannotBeLookedAfter) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  cgroups.refuse = failed("cgroup", "start slice berth-t1.slice: no answer within 5 s");
  boot_and_connect();
  run(shared::Millis(5'000));
  EXPECT_EQ(task("t1").known, Status::kRunning);
  EXPECT_EQ(engine.find("web")->stops, 0);
  cgroups.refuse.reset();
  cgroups.groups.clear();
  run(shared::Millis(31'000));
  EXPECT_TRUE(cgroups.groups.contains("t1")) << "tried again";
}

TEST_F(NodeTest, ContainerLimitAboveTheTasksIsRefused) {
  boot_and_connect();
  auto web = a_container("web");
  web.memory = 512;
  auto t = a_task("t1", {web});
  t.memory = 256;
  send(t);
  EXPECT_NE(control.reports().back()["reason"].get<std::string>().find("more than the task's 256 MiB"),
            std::string::npos);
}

TEST_F(NodeTest, DependenciesThatCannotResolveStopTheTask) {
  boot_and_connect();
  send(a_task("t1", {after(a_container("a"), "b", "START"), after(a_container("b"), "a", "START")}));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(control.reports().back()["reason"],
            "Task dependencies cannot be resolved, taskArn: " + task_arn("t1"));
}

TEST_F(NodeTest, VolumeThatDoesNotExistIsNamed) {
  boot_and_connect();
  auto web = a_container("web");
  web.mount_points = {{"nope", "/data", false}};
  send(a_task("t1", {web}));
  EXPECT_EQ(container("t1", "web")["reason"],
            "HostConfigError: mount point /data: the task has no volume 'nope'");
}

TEST_F(NodeTest, EngineThatComesBackSoonCostsNoTask) {
  boot_and_connect();
  engine.down = true;
  send(a_task("t1", {a_container("web")}));
  run(shared::Millis(5'000));
  EXPECT_NE(node->not_ready().find("/var/run/docker.sock: Connection refused"), std::string::npos);
  EXPECT_EQ(last_status("t1"), "");
  engine.down = false;
  run(shared::Millis(5'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, EngineThatStaysAwayEndsTheWaitInTheEnd) {
  boot_and_connect();
  engine.down = true;
  send(a_task("t1", {a_container("web")}));
  run(settings.engine_patience + shared::Millis(10'000));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_NE(container("t1", "web")["reason"].get<std::string>().find("CannotPullContainerError"),
            std::string::npos);
}

TEST_F(NodeTest, MissingEngineIsSaidAndWaitedFor) {
  engine.down = true;
  boot();
  run(shared::Millis(10'000));
  EXPECT_NE(node->not_ready().find("/var/run/docker.sock"), std::string::npos);
  EXPECT_EQ(control.count("RegisterContainerInstance"), 0u) << "no tasks are wanted yet";
  engine.down = false;
  run(shared::Millis(3'000));
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, EngineThatDiesWhileNothingHappensIsSaidAndItsReturnToo) {
  boot_and_connect();
  engine.down = true;
  engine.report_gap();  // its event stream broke
  run(shared::Millis(1'100));
  EXPECT_NE(node->not_ready().find("/var/run/docker.sock"), std::string::npos);
  engine.down = false;
  run(shared::Millis(4'000));
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, EngineThatHangsIsNoticedAlthoughNothingBreaks) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  engine.failures["ping"] = {failed("engine_down", "no answer within 5 s"),
                             failed("engine_down", "no answer within 5 s")};
  engine.exit(*engine.find("web"), 5, tests::ScriptedRuntime::Notice::kSilent);
  run(shared::Millis(11'500));
  EXPECT_EQ(node->not_ready(), "no answer within 5 s");
  run(shared::Millis(4'000));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(container("t1", "web")["exitCode"], 5) << "looked at once the engine was back";
}

TEST_F(NodeTest, PayloadThatCannotBeWrittenDownIsNotAcknowledgedAndNotStarted) {
  boot_and_connect();
  store.fail_next_commits(
      1, shared::Error("disk_full", "no space left on device", shared::Blame::kSelf, shared::Retry::kYes));
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(control.said_count("AckRequest"), 0u);
  EXPECT_EQ(engine.count("create"), 0u);
  send(a_task("t1", {a_container("web")}));
  run(shared::Millis(2'000));
  EXPECT_EQ(control.said_count("AckRequest"), 1u);
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, NothingIsStartedWhileProgressCannotBeWrittenDown) {
  boot_and_connect();
  engine.hang.insert("find_image");
  send(a_task("t1", {a_container("web")}));
  engine.hang.clear();
  settings.pull_behavior = PullBehavior::kDefault;
  store.fail_next_commits(
      3, shared::Error("disk_full", "no space left on device", shared::Blame::kSelf, shared::Retry::kYes));
  send(a_task("t2", {a_container("db")}));
  EXPECT_EQ(engine.count("create"), 0u);
  EXPECT_NE(node->not_ready().find("no space left on device"), std::string::npos);
  run(shared::Millis(5'000));
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, CleanUpIsTriedAgain) {
  settings.task_cleanup_wait = shared::Millis(1'000);
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  engine.failures["remove"] = {failed("CannotRemoveContainerError", "device busy")};
  stop("t1");
  run(shared::Millis(5'000));
  EXPECT_EQ(engine.boxes().size(), 1u);
  run(shared::Millis(31'000));
  EXPECT_TRUE(engine.boxes().empty());
  EXPECT_TRUE(node->tasks().empty());
}

}  // namespace
}  // namespace agent::node
