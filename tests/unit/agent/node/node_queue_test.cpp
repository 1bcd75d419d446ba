// Many tasks at once: how much of the engine's work is under way, what goes first, what is not done any more.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

class NodeQueueTest : public NodeTest {
 protected:
  NodeQueueTest() {
    settings.cpus = 100;
    settings.memory_mib = 100'000;
    settings.concurrent_starts = 3;
  }
  std::vector<link::TaskPayload> many(int count) {
    std::vector<link::TaskPayload> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(a_task("t" + std::to_string(i), {a_container("web")}));
    return tasks;
  }
  void stop_all(int count) {
    std::vector<link::TaskPayload> tasks = many(count);
    for (auto& t : tasks) {
      t.containers.clear();
      t.desired_status = "STOPPED";
    }
    send(tasks);
  }
  std::size_t running() {
    return static_cast<std::size_t>(std::count_if(
        engine.boxes().begin(), engine.boxes().end(),
        [](const auto& entry) { return entry.second.info.phase == runtime::ContainerPhase::kRunning; }));
  }
};

TEST_F(NodeQueueTest, NoMoreStartsAtOnceThanTheSettingSays) {
  boot_and_connect();
  send(many(40));
  run(shared::Millis(1'000));
  EXPECT_EQ(running(), 40u);
  EXPECT_EQ(engine.most_at_once("create"), 3u);
  EXPECT_EQ(engine.most_at_once("start"), 3u);
  EXPECT_EQ(engine.most_at_once("pull"), 3u);
}

TEST_F(NodeQueueTest, FirstTasksRunBeforeTheLastAreMade) {
  settings.pull_behavior = PullBehavior::kPreferCached;
  engine.local_images["registry.test/web:1"] = {"sha256:i", "sha256:d"};
  boot_and_connect();
  engine.call_times["create"] = engine.call_times["start"] = shared::Millis(100);
  send(many(12));
  for (int i = 0; i < 100 && running() < 3; ++i) run(shared::Millis(10));
  EXPECT_EQ(running(), 3u);
  EXPECT_LE(engine.count("create"), 6u);
}

TEST_F(NodeQueueTest, WhatWasStoppedWhileItWaitedIsNeverStarted) {
  engine.call_time = shared::Millis(100);
  boot();
  run(shared::Millis(2'000));
  send(many(60));
  run(shared::Millis(1'000));
  const std::size_t before = running();
  ASSERT_GT(before, 0u);
  ASSERT_LT(before, 20u);
  const std::size_t created = engine.count("create");
  stop_all(60);
  for (int i = 0; i < 100; ++i) {
    run(shared::Millis(10));
    ASSERT_LE(running(), before + settings.concurrent_starts);
  }
  run(shared::Millis(5'000));
  EXPECT_EQ(running(), 0u);
  EXPECT_LE(engine.count("create"), created + settings.concurrent_starts);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(last_status("t" + std::to_string(i)), "STOPPED") << i;
}

TEST_F(NodeQueueTest, NoStepIsDoneForWhatWasStoppedWhileItWaitedForIt) {
  boot_and_connect();
  const auto done = [&] {
    return std::vector{engine.count("create_volume "), engine.count("pull "), engine.count("create "),
                       engine.count("start "), cgroups.groups.size()};
  };
  for (const std::string step : {"create_volume", "pull", "create", "start"}) {
    auto tasks = many(10);
    for (auto& t : tasks) {
      t.arn += "-" + step;
      t.volumes = R"([{"name":"data","host":{}}])";
    }
    engine.hang = {step};
    send(tasks);
    ASSERT_EQ(engine.hanging(), 3u) << step;
    const auto before = done();
    for (auto& t : tasks) {
      t.containers.clear();
      t.desired_status = "STOPPED";
    }
    send(tasks);
    engine.let_go();
    run(shared::Millis(5'000));
    EXPECT_EQ(done(), before) << step;
    EXPECT_EQ(running(), 0u) << step;
    for (const auto& t : tasks) EXPECT_EQ(control.statuses(t.arn).back(), "STOPPED") << t.arn;
  }
}

TEST_F(NodeQueueTest, ContainerCreatedAfterItsTaskWasStoppedIsNotStarted) {
  boot_and_connect();
  engine.hang = {"create"};
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  engine.let_go();
  run();
  EXPECT_EQ(engine.count("create"), 1u);
  EXPECT_EQ(engine.count("start"), 0u);
  EXPECT_EQ(last_status("t1"), "STOPPED");
}

TEST_F(NodeQueueTest, WhatWaitsIsNotBegunWhileProgressCannotBeWrittenDown) {
  boot_and_connect();
  engine.hang = {"create"};
  send(many(10));
  ASSERT_EQ(engine.count("create "), 3u);
  store.fail_next_commits(
      40, shared::Error("disk_full", "no space left on device", shared::Blame::kSelf, shared::Retry::kYes));
  engine.let_go();
  run();
  EXPECT_EQ(engine.count("create "), 3u);
  EXPECT_EQ(engine.count("start "), 0u);
  run(shared::Millis(60'000));
  EXPECT_EQ(running(), 10u);
}

TEST_F(NodeQueueTest, StopsAndInspectionsDoNotWaitBehindStarts) {
  boot_and_connect();
  send(a_task("old", {a_container("db")}));
  engine.hang = {"create", "start", "pull"};
  send(many(20));
  ASSERT_GE(engine.hanging(), 3u);
  stop("old");
  EXPECT_EQ(last_status("old"), "STOPPED");
  EXPECT_EQ(container("old", "db")["exitCode"], 0);
}

TEST_F(NodeQueueTest, SlowPullsKeepNoImageThatIsThereFromStarting) {
  settings.pull_behavior = PullBehavior::kPreferCached;
  engine.local_images["registry.test/db:1"] = {"sha256:i", "sha256:d"};
  boot_and_connect();
  engine.hang = {"pull"};
  send(many(2));
  send(a_task("cached", {a_container("db")}));
  EXPECT_EQ(last_status("cached"), "RUNNING");
}

TEST_F(NodeQueueTest, VolumesAreMadeInTurnToo) {
  boot_and_connect();
  auto tasks = many(20);
  for (auto& t : tasks) t.volumes = R"([{"name":"data","host":{}}])";
  send(tasks);
  run(shared::Millis(1'000));
  EXPECT_EQ(running(), 20u);
  EXPECT_EQ(engine.most_at_once("create_volume"), 3u);
}

TEST_F(NodeQueueTest, LookingAtEverythingDoesNotFloodTheEngine) {
  boot_and_connect();
  send(many(60));
  run(shared::Millis(1'000));
  engine.report_gap();
  run();
  EXPECT_EQ(engine.most_at_once("inspect"), kMaxConcurrentInspections);
  EXPECT_GE(engine.count("inspect"), 60u);
}

TEST_F(NodeQueueTest, QueueIsTakenUpAgainAfterARestart) {
  engine.call_time = shared::Millis(100);
  boot();
  run(shared::Millis(2'000));
  send(many(20));
  run(shared::Millis(500));
  crash();
  run(shared::Millis(500));
  boot();
  run(shared::Millis(10'000));
  EXPECT_EQ(running(), 20u);
  EXPECT_EQ(engine.boxes().size(), 20u);
}

}  // namespace
}  // namespace agent::node
