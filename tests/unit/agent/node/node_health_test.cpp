// Health of containers on its way to control.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

class NodeHealthTest : public NodeTest {
 protected:
  static link::ContainerPayload checked(const std::string& name) {
    auto c = a_container(name);
    c.health_check_type = "docker";
    return c;
  }
  // The status last published of a container of t1; empty if none was.
  std::string told(const std::string& name, const std::string& id = "t1") {
    std::string last;
    for (const auto& message : control.published) {
      for (const auto& task : message["tasks"]) {
        if (task["taskArn"] != task_arn(id)) continue;
        for (const auto& c : task["containers"]) {
          if (c["containerName"] == name) last = c["healthStatus"];
        }
      }
    }
    return last;
  }
};

TEST_F(NodeHealthTest, ChangesAreToldAtOnceAndTheStateAgainAtEveryTick) {
  boot_and_connect();
  send(a_task("t1", {checked("web"), a_container("side")}));
  EXPECT_EQ(control.telemetry_endpoint, "http://127.0.0.1:7001");
  EXPECT_EQ(told("web"), "UNKNOWN");
  EXPECT_EQ(told("side"), "") << "it has no health check";
  engine.set_health(*engine.find("web"), "starting");
  run();
  EXPECT_EQ(control.published.size(), 1u) << "still UNKNOWN to the outside";
  engine.find("web")->info.health_output = "ok\n";
  engine.set_health(*engine.find("web"), "healthy");
  const double before = shared::epoch_seconds(executor.wall_now());
  run();
  ASSERT_EQ(control.published.size(), 2u);
  const json last = control.published.back();
  EXPECT_EQ(last["metadata"]["containerInstance"], control.instance_arn);
  EXPECT_EQ(last["metadata"]["fin"], true);
  const json entry = last["tasks"][0]["containers"][0];
  EXPECT_EQ(last["tasks"][0]["taskDefinitionFamily"], "shop");
  EXPECT_EQ(entry["healthStatus"], "HEALTHY");
  EXPECT_EQ(entry["statusMessage"], "ok\n");
  EXPECT_GE(entry["statusSince"].get<double>(), before);
  run(kPublishInterval * 3);
  EXPECT_EQ(control.published.size(), 5u);
  EXPECT_EQ(control.published.back()["tasks"][0]["containers"][0], entry) << "since when does not move";
  EXPECT_EQ(control.telemetry_sessions, 1);
  engine.set_health(*engine.find("web"), "unhealthy");
  run();
  EXPECT_EQ(told("web"), "UNHEALTHY");
  EXPECT_EQ(last_status("t1"), "RUNNING") << "what follows is for control to decide";
}

TEST_F(NodeHealthTest, DeregisteredInstanceTellsNothingMore) {
  boot_and_connect();
  send(a_task("t1", {checked("web")}));
  ASSERT_TRUE(control.telemetry_open);
  control.drop_session(
      shared::Error("closed", "InactiveInstanceException: the container instance was deregistered"));
  run();
  EXPECT_FALSE(control.telemetry_open);
  const auto published = control.published.size();
  const int sessions = control.telemetry_sessions;
  run(kPublishInterval * 3);
  EXPECT_EQ(control.published.size(), published);
  EXPECT_EQ(control.telemetry_sessions, sessions);
}

TEST_F(NodeHealthTest, WithoutHealthChecksThereIsNoTelemetryAndItEndsWithTheLast) {
  boot_and_connect();
  send(a_task("plain", {a_container("web")}));
  run(kPublishInterval * 2);
  EXPECT_EQ(control.telemetry_sessions, 0);
  send(a_task("t1", {checked("db")}));
  EXPECT_TRUE(control.telemetry_open);
  stop("t1");
  run(kPublishInterval * 2);
  EXPECT_FALSE(control.telemetry_open);
}

TEST_F(NodeHealthTest, LostSessionIsOpenedAgainAndToldEverything) {
  boot_and_connect();
  send(a_task("t1", {checked("web")}));
  engine.set_health(*engine.find("web"), "healthy");
  run();
  control.drop_telemetry();
  run();
  control.published.clear();
  control.unreachable = true;
  run(shared::Millis(30'000));
  engine.set_health(*engine.find("web"), "unhealthy");
  run();
  EXPECT_TRUE(control.published.empty());
  control.unreachable = false;
  run(shared::Millis(80'000));
  EXPECT_EQ(told("web"), "UNHEALTHY");
}

TEST_F(NodeHealthTest, SessionOnWhichNothingIsAcknowledgedIsReplaced) {
  boot_and_connect();
  send(a_task("t1", {checked("web")}));
  control.telemetry_answers = false;
  run(settings.session_silence * 2 + shared::Millis(5'000));
  EXPECT_EQ(control.telemetry_sessions, 2);
}

TEST_F(NodeHealthTest, KnownHealthSurvivesACrash) {
  boot_and_connect();
  send(a_task("t1", {checked("web")}));
  engine.set_health(*engine.find("web"), "healthy");
  run();
  const json before = control.published.back()["tasks"][0]["containers"][0];
  crash();
  control.published.clear();
  run(shared::Millis(5'000));
  boot_and_connect();
  run(shared::Millis(2'000));
  ASSERT_FALSE(control.published.empty());
  EXPECT_EQ(control.published[0]["tasks"][0]["containers"][0], before) << "also since when";
}

TEST_F(NodeHealthTest, ManyTasksAreToldTenAtATime) {
  settings.cpus = 64;
  boot_and_connect();
  std::vector<link::TaskPayload> tasks;
  for (int i = 0; i < 25; ++i) tasks.push_back(a_task("t" + std::to_string(i), {checked("web")}));
  send(tasks);
  control.published.clear();
  run(kPublishInterval);
  ASSERT_EQ(control.published.size(), 3u);
  EXPECT_EQ(control.published[0]["tasks"].size(), 10u);
  EXPECT_EQ(control.published[0]["metadata"]["fin"], false);
  EXPECT_EQ(control.published[2]["tasks"].size(), 5u);
  EXPECT_EQ(control.published[2]["metadata"]["fin"], true);
  EXPECT_EQ(control.published[0]["metadata"]["messageId"], control.published[2]["metadata"]["messageId"]);
}

}  // namespace
}  // namespace agent::node
