// Volumes of tasks: made before the containers, gone after them, also over crashes and refusals.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

constexpr const char* kTaskVolume = "ecs-shop-3-data-t1";

class NodeVolumesTest : public NodeTest {
 protected:
  NodeVolumesTest() { settings.task_cleanup_wait = shared::Millis(1'000); }

  static link::TaskPayload with_volume(const std::string& volumes, const std::string& source = "data") {
    auto web = a_container("web");
    web.mount_points = {{source, "/data", false}};
    auto t = a_task("t1", {web});
    t.volumes = volumes;
    return t;
  }
  static link::TaskPayload with_task_volume() { return with_volume(R"([{"name":"data","host":{}}])"); }
  std::size_t position(const std::string& call) const {
    const auto found = std::find_if(engine.calls.begin(), engine.calls.end(),
                                    [&](const auto& each) { return each.starts_with(call); });
    return static_cast<std::size_t>(found - engine.calls.begin());
  }
};

TEST_F(NodeVolumesTest, TaskVolumeIsMadeBeforeTheFirstPullAndGoesAfterTheLastContainer) {
  boot_and_connect();
  send(with_task_volume());
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_LT(position("create_volume"), position("find_image"));
  EXPECT_EQ(engine.volumes.at(kTaskVolume).labels.at("com.amazonaws.ecs.task-arn"), task_arn("t1"));
  EXPECT_EQ(engine.find("web")->spec.engine_host_config, R"({"Binds":["ecs-shop-3-data-t1:/data"]})");
  stop("t1");
  EXPECT_TRUE(engine.volumes.contains(kTaskVolume)) << "its container is still there";
  run(shared::Millis(2'000));
  EXPECT_TRUE(engine.volumes.empty());
  EXPECT_GT(position("remove_volume"), position("remove ecs-"));
  EXPECT_TRUE(node->tasks().empty());
}

TEST_F(NodeVolumesTest, TaskFoundAgainIsNotProvisionedTwiceAndItsVolumeStillGoes) {
  boot_and_connect();
  send(with_task_volume());
  crash();
  engine.failures["create_volume"] = {shared::Error("CannotCreateVolumeError", "driver is broken")};
  boot_and_connect();
  EXPECT_EQ(engine.count("create_volume"), 1u) << "what runs does not depend on the driver again";
  stop("t1");
  run(shared::Millis(2'000));
  EXPECT_TRUE(engine.volumes.empty());
}

TEST_F(NodeVolumesTest, AgentThatDiedBetweenAnyTwoStepsLeavesNoVolume) {
  for (int steps = 0; steps < 12; ++steps) {
    boot_and_connect();
    control.say(link::PayloadMessage{
        "m" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {with_task_volume()}});
    run(shared::Millis(steps));
    crash();
    boot_and_connect();
    run(shared::Millis(200));
    stop("t1");
    run(shared::Millis(3'000));
    EXPECT_TRUE(engine.volumes.empty()) << steps;
    EXPECT_TRUE(engine.boxes().empty()) << steps;
    crash();
  }
}

TEST_F(NodeVolumesTest, StopWhileTheVolumeIsBeingMadeRemovesIt) {
  boot_and_connect();
  settings.task_cleanup_wait = shared::Millis(0);
  engine.call_time = shared::Millis(5'000);
  send(with_task_volume());
  stop("t1");
  EXPECT_EQ(last_status("t1"), "STOPPED");
  run(shared::Millis(120'000));
  EXPECT_TRUE(engine.volumes.empty());
  EXPECT_EQ(engine.count("pull"), 0u);
  EXPECT_TRUE(node->tasks().empty());
}

TEST_F(NodeVolumesTest, VolumeThatCannotBeMadeFailsTheTaskWithoutAnyContainer) {
  boot_and_connect();
  send(with_volume(
      R"([{"name":"data","type":"docker","dockerVolumeConfiguration":{"driver":"rexray","scope":"task"}}])"));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(control.reports(task_arn("t1")).back()["reason"],
            "CannotCreateVolumeError: plugin rexray not found");
  EXPECT_EQ(engine.count("create ecs"), 0u);
  EXPECT_EQ(engine.count("pull"), 0u);
}

TEST_F(NodeVolumesTest, SharedVolumesAreMadeOnlyWhereAskedAndNeverRemoved) {
  boot_and_connect();
  send(with_volume(R"([{"name":"data","type":"docker","dockerVolumeConfiguration":{"scope":"shared"}}])"));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(
      control.reports(task_arn("t1")).back()["reason"],
      "resource cannot be initialized for task " + task_arn("t1") +
          ": initialize volume: volume detection failed, volume 'data' does not exist and autoprovision "
          "is set to false: no such volume data");
  EXPECT_TRUE(engine.volumes.empty());
  run(shared::Millis(2'000));
  send(with_volume(
      R"([{"name":"data","type":"docker","dockerVolumeConfiguration":{"scope":"shared","autoprovision":true,
           "labels":{"team":"x"}}}])"));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(engine.volumes.at("data").labels, (std::map<std::string, std::string>{{"team", "x"}}));
  stop("t1");
  run(shared::Millis(2'000));
  ASSERT_TRUE(node->tasks().empty());
  EXPECT_TRUE(engine.volumes.contains("data"));
  send(with_volume(R"([{"name":"data","type":"docker","dockerVolumeConfiguration":{"scope":"shared"}}])"));
  EXPECT_EQ(last_status("t1"), "RUNNING") << "it is there now";
}

TEST_F(NodeVolumesTest, EngineThatIsAwayIsAwaitedForAVolume) {
  boot_and_connect();
  engine.failures["create_volume"] = {
      shared::Error("engine_down", "refused", shared::Blame::kTarget, shared::Retry::kYes)};
  send(with_task_volume());
  EXPECT_EQ(last_status("t1"), "");
  run(shared::Millis(3'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeVolumesTest, VolumeThatStaysInUseIsTriedAgainAndGivenUpOnInTheEnd) {
  boot_and_connect();
  send(with_task_volume());
  const shared::Error in_use("CannotRemoveVolumeError", "volume is in use");
  engine.failures["remove_volume"] = {in_use, in_use};
  stop("t1");
  run(shared::Millis(2'000));
  EXPECT_EQ(node->tasks().size(), 1u);
  EXPECT_TRUE(engine.boxes().empty()) << "what can go goes";
  run(kCleanupRetry * 2 + shared::Millis(1'000));
  EXPECT_TRUE(engine.volumes.empty());
  EXPECT_TRUE(node->tasks().empty());
  send(with_task_volume());
  engine.failures["remove_volume"].assign(1'000, in_use);
  stop("t1");
  run(kCleanupRetry * (kMaxVolumeRemovals + 1));
  EXPECT_TRUE(node->tasks().empty());
  EXPECT_EQ(engine.failures["remove_volume"].size(), 1'000u - kMaxVolumeRemovals);
}

TEST_F(NodeVolumesTest, OrphansVolumeGoesWithItsLastContainer) {
  boot_and_connect();
  send(with_task_volume());
  crash();
  store::MemoryStore empty;
  node = std::make_unique<Node>(Node::Parts{executor, random, control, engine, cgroups, empty}, settings);
  const std::string instance = engine.find("web")->spec.labels.at("berth.instance-id");
  ASSERT_TRUE(node->start());
  run(shared::Millis(100));
  control.say(link::TaskManifestMessage{"m", "default", control.instance_arn, 1'000, 0, {}});
  run();
  link::TaskStopVerificationAck ack;
  ack.message_id = "m";
  ack.stop_tasks = {{task_arn("t1"), "default", "STOPPED"}};
  control.say(ack);
  run();
  EXPECT_TRUE(engine.boxes().empty());
  EXPECT_TRUE(engine.volumes.empty());
  node.reset();
}

TEST_F(NodeVolumesTest, VolumesOfAnotherContainerAreTakenReadOnlyWhereAsked) {
  boot_and_connect();
  auto t = with_task_volume();
  auto side = a_container("side");
  side.volumes_from = {{"web", true}};
  t.containers.push_back(side);
  send(t);
  EXPECT_EQ(engine.find("side")->spec.engine_host_config,
            R"({"VolumesFrom":[")" + engine.find("web")->spec.name + R"(:ro"]})");
}

}  // namespace
}  // namespace agent::node
