// A container engine that is overloaded: it answers now and then, or late, or starts nothing.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

class NodeEngineTest : public NodeTest {
 protected:
  NodeEngineTest() {
    settings.cpus = 100;
    settings.memory_mib = 100'000;
    settings.concurrent_starts = 3;
    settings.pull_behavior = PullBehavior::kPreferCached;
    engine.local_images["registry.test/web:1"] = {"sha256:i", "sha256:d"};
  }
  void send_tasks(int count) {
    std::vector<link::TaskPayload> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(a_task("t" + std::to_string(i), {a_container("web")}));
    send(tasks);
  }
  int with_status(int count, const std::string& status) {
    int found = 0;
    for (int i = 0; i < count; ++i) found += last_status("t" + std::to_string(i)) == status;
    return found;
  }
};

TEST_F(NodeEngineTest, EngineThatAnswersNowAndThenIsNotInAndOutOfReach) {
  boot_and_connect();
  int changes = 0;
  bool ready = true;
  for (int second = 0; second < 120; ++second) {
    engine.down = second % 3 != 0;
    run(shared::Millis(1'000));
    changes += ready != node->not_ready().empty();
    ready = node->not_ready().empty();
  }
  EXPECT_EQ(changes, 1);
  EXPECT_FALSE(ready);
  engine.down = false;
  run(shared::Millis(5'000));
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeEngineTest, StartsWaitWhileTheEngineStartsNothingAndTheFirstOneAfterwardsIsATrial) {
  boot_and_connect();
  engine.hang = {"start"};
  send_tasks(10);
  run(shared::Millis(50'000));
  EXPECT_EQ(node->not_ready(), "") << "it may just be busy";
  run(shared::Millis(30'000));
  EXPECT_NE(node->not_ready().find("had no answer within 60 s"), std::string::npos) << node->not_ready();
  const auto asked = engine.count("start") + engine.count("create");
  run(shared::Millis(60'000));
  EXPECT_EQ(engine.count("start") + engine.count("create"), asked) << "nothing new while it is in trouble";
  EXPECT_EQ(with_status(10, "STOPPED"), 0);

  engine.let_go();
  engine.call_times["start"] = shared::Millis(10'000);
  engine.call_times["create"] = shared::Millis(10'000);
  run(shared::Millis(8'000));
  EXPECT_EQ(engine.count("start") + engine.count("create"), asked + 1) << "one alone";
  EXPECT_NE(node->not_ready(), "");
  run(shared::Millis(10'000));
  EXPECT_EQ(node->not_ready(), "");
  run(shared::Millis(120'000));
  EXPECT_EQ(with_status(10, "RUNNING"), 10);
}

TEST_F(NodeEngineTest, PullsThatWaitAreNotBegunWhileTheEngineIsAway) {
  settings.pull_behavior = PullBehavior::kAlways;
  boot_and_connect();
  engine.hang = {"pull"};
  send_tasks(10);
  engine.down = true;
  run(shared::Millis(15'000));
  ASSERT_NE(node->not_ready(), "");
  engine.let_go();
  run(shared::Millis(30'000));
  EXPECT_EQ(engine.count("pull "), 3u);
  engine.down = false;
  run(shared::Millis(30'000));
  EXPECT_EQ(with_status(10, "RUNNING"), 10);
}

TEST_F(NodeEngineTest, StartsThatTimeOutWhileTheEngineIsInTroubleAreTriedAgain) {
  boot_and_connect();
  const shared::Error timeout("DockerTimeoutError", "Could not start; timed out after waiting 180s");
  engine.call_times["start"] = shared::Millis(180'000);
  engine.failures["start"] = {timeout, timeout, timeout};
  send_tasks(3);
  run(shared::Millis(179'000));
  engine.call_times.clear();
  run(shared::Millis(30'000));
  EXPECT_EQ(with_status(3, "STOPPED"), 0);
  EXPECT_EQ(with_status(3, "RUNNING"), 3);
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeEngineTest, StartThatWorkedAlthoughItTimedOutInTroubleIsKept) {
  boot_and_connect();
  const shared::Error timeout("DockerTimeoutError", "Could not start; timed out after waiting 180s");
  engine.start_despite_failure = true;
  engine.call_times["start"] = shared::Millis(180'000);
  engine.failures["start"] = {timeout, timeout};
  send_tasks(2);
  run(shared::Millis(185'000));
  EXPECT_EQ(with_status(2, "RUNNING"), 2);
  EXPECT_EQ(engine.count("stop"), 0u);
}

TEST_F(NodeEngineTest, NothingWaitsForTheEngineForEver) {
  boot_and_connect();
  engine.down = true;
  run(shared::Millis(15'000));
  ASSERT_NE(node->not_ready(), "");
  send_tasks(10);
  run(settings.engine_patience - shared::Millis(5'000));
  EXPECT_EQ(with_status(10, "STOPPED"), 0);
  run(shared::Millis(10'000));
  EXPECT_EQ(with_status(10, "STOPPED"), 10);
  EXPECT_NE(control.reports().back()["reason"].get<std::string>().find("/var/run/docker.sock"),
            std::string::npos)
      << control.reports().back();
}

TEST_F(NodeEngineTest, WaitingForOneTroubleDoesNotCountInTheNext) {
  boot_and_connect();
  engine.hang = {"pull"};
  settings.pull_behavior = PullBehavior::kAlways;
  crash();
  boot_and_connect();
  send_tasks(10);
  for (int i = 0; i < 3; ++i) {
    engine.down = true;
    run(settings.engine_patience / 2);
    engine.down = false;
    run(shared::Millis(30'000));
    ASSERT_EQ(node->not_ready(), "");
  }
  EXPECT_EQ(with_status(10, "STOPPED"), 0);
}

TEST_F(NodeEngineTest, RunningTasksFoundAgainDoNotEndBecauseTheEngineIsAwayThen) {
  boot_and_connect();
  send_tasks(10);
  crash();
  engine.call_times["create_volume"] = shared::Millis(1'000);
  boot_and_connect();
  engine.down = true;
  run(settings.engine_patience + shared::Millis(60'000));
  engine.down = false;
  run(shared::Millis(10'000));
  EXPECT_EQ(engine.count("stop"), 0u);
  EXPECT_EQ(with_status(10, "RUNNING"), 10);
}

TEST_F(NodeEngineTest, StopsDoNotWaitForTheTroubleToEnd) {
  boot_and_connect();
  send(a_task("old", {a_container("web")}));
  engine.hang = {"start"};
  send_tasks(5);
  run(shared::Millis(90'000));
  ASSERT_NE(node->not_ready(), "");
  stop("old");
  EXPECT_EQ(last_status("old"), "STOPPED");
}

}  // namespace
}  // namespace agent::node
