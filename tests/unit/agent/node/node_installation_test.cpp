// Whose containers are whose: several control planes and agents on one container engine, control planes that
// lost their database, agents that lost theirs.
#include "agent/node/task/container_spec.h"
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

constexpr const char* kOwn = "installation-1";
constexpr const char* kOther = "installation-2";

class NodeInstallationTest : public NodeTest {
 protected:
  void lose_data() {
    store::ChangeSet lost;
    for (const auto& [key, value] : store.records()) lost.deletes.push_back(key);
    ASSERT_TRUE(store.commit(lost));
  }
  // What the agent asks about when control has no task for it.
  std::vector<std::string> asked_about() {
    control.said.clear();
    link::TaskManifestMessage m;
    m.message_id = "empty";
    m.cluster_arn = "default";
    m.container_instance_arn = control.instance_arn;
    m.timeline = (seq += 1000);
    control.say(m);
    run();
    std::vector<std::string> out;
    for (const json& said : control.said) {
      if (said["type"] != "TaskStopVerificationMessage") continue;
      for (const json& each : said["message"]["stopCandidates"]) out.push_back(each["taskArn"]);
    }
    return out;
  }
  // Another control takes the place of the one the node knows; it has never heard of its instance.
  void replace_control(const std::string& installation) {
    control.installation = installation;
    control.drop_session();
  }
};

TEST_F(NodeInstallationTest, ContainersAndVolumesCarryIt) {
  boot_and_connect();
  auto t = a_task("t1", {a_container("web")});
  t.volumes = R"([{"name":"data","host":{}}])";
  send(t);
  EXPECT_EQ(engine.find("web")->spec.labels.at(kInstallationLabel), kOwn);
  ASSERT_EQ(engine.volumes.size(), 1u);
  EXPECT_EQ(engine.volumes.begin()->second.labels.at(kInstallationLabel), kOwn);
}

TEST_F(NodeInstallationTest, NothingIsAskedAboutContainersOfAnotherInstallationInAClusterOfThatName) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  lose_data();
  control.installation = kOther;
  boot_and_connect();
  EXPECT_EQ(asked_about(), std::vector<std::string>{});
  control.say(link::TaskStopVerificationAck{"empty", 0, {{task_arn("t1"), "default", "STOPPED"}}});
  run(shared::Millis(60'000));
  EXPECT_EQ(engine.find("web")->stops, 0) << "not even when that control says so";
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(engine.boxes().size(), 2u) << "nor is it taken over";
}

TEST_F(NodeInstallationTest, OwnContainersAreAskedAboutAfterTheNodeLostItsData) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  lose_data();
  boot_and_connect();
  EXPECT_EQ(asked_about(), std::vector<std::string>{task_arn("t1")});
}

TEST_F(NodeInstallationTest, ContainersOfEarlierVersionsStayOursWhereWeKnowThemAndAreLeftAloneElsewhere) {
  boot_and_connect();
  send({a_task("t1", {a_container("web")}), a_task("t2", {a_container("db")})});
  for (auto& [id, box] : engine.boxes()) box.info.labels.erase(kInstallationLabel);
  crash();
  boot_and_connect();
  stop("t2");
  EXPECT_EQ(last_status("t2"), "STOPPED");
  crash();
  lose_data();
  boot_and_connect();
  EXPECT_EQ(asked_about(), std::vector<std::string>{});
  EXPECT_EQ(engine.find("web")->stops, 0);
}

TEST_F(NodeInstallationTest, ContainersThatNameNoneAreLeftAloneAlsoWhileTheirAgentKnowsOfNone) {
  control.installation.clear();
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  lose_data();
  boot_and_connect();
  EXPECT_EQ(asked_about(), std::vector<std::string>{});
}

TEST_F(NodeInstallationTest, DataOfEarlierVersionsTakesTheIdentityOfItsControl) {
  control.installation.clear();
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  control.installation = kOwn;
  control.drop_session();
  run(shared::Millis(5'000));
  EXPECT_EQ(node->not_ready(), "");
  send(a_task("t2", {a_container("db")}));
  EXPECT_EQ(engine.find("db")->spec.labels.at(kInstallationLabel), kOwn);
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeInstallationTest, HostWithTasksDoesNotGoWithAnotherControlAndItsTasksRunOn) {
  for (const bool restarted : {false, true}) {
    boot_and_connect();
    if (!restarted) send(a_task("t1", {a_container("web")}));
    control.calls.clear();
    if (restarted) crash();
    replace_control(kOther);
    if (restarted) boot();
    run(shared::Millis(600'000));
    EXPECT_EQ(control.count("RegisterContainerInstance"), 0u) << "no instance where it does not belong";
    EXPECT_NE(node->not_ready().find(kOwn), std::string::npos) << node->not_ready();
    EXPECT_NE(node->not_ready().find(kOther), std::string::npos) << node->not_ready();
    EXPECT_EQ(engine.find("web")->stops, 0);
    control.installation = kOwn;
    run(shared::Millis(60'000));
    EXPECT_EQ(node->not_ready(), "") << "its own control is back";
    EXPECT_EQ(task("t1").known, Status::kRunning);
  }
}

TEST_F(NodeInstallationTest, HostWithoutTasksGoesWithTheControlItIsToldOf) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  control.instance_arn += "-new";
  replace_control(kOther);
  run(shared::Millis(5'000));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(node->container_instance_arn(), control.instance_arn);
  EXPECT_FALSE(control.calls[control.calls.size() - 2].body.contains("containerInstanceArn"));
  send(a_task("t2", {a_container("db")}));
  EXPECT_EQ(engine.find("db")->spec.labels.at(kInstallationLabel), kOther);
  crash();
  boot_and_connect();
  EXPECT_EQ(last_status("t2"), "RUNNING");
}

TEST_F(NodeInstallationTest, ManifestsOfTheNextControlAreReadWhateverTheNumbersOfTheLastOne) {
  boot_and_connect();
  seq = 1'000'000;
  send(a_task("t1", {a_container("web")}));
  stop("t1");
  replace_control(kOther);
  run(shared::Millis(5'000));
  ASSERT_EQ(node->not_ready(), "");
  seq = 0;
  send(a_task("t2", {a_container("db")}));
  EXPECT_EQ(asked_about(), std::vector<std::string>{task_arn("t2")});
}

TEST_F(NodeInstallationTest, OrphansAloneKeepAHostFromGoingWithAnotherControl) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  crash();
  lose_data();
  boot_and_connect();
  replace_control(kOther);
  run(shared::Millis(5'000));
  EXPECT_NE(node->not_ready().find(kOther), std::string::npos) << node->not_ready();
}

}  // namespace
}  // namespace agent::node
