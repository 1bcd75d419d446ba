// What a manifest says of control's belief, and what the node does about it: a control (or a node) that was
// put back to an older database is told again.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

using Statuses = std::vector<std::string>;

class ManifestTest : public NodeTest {
 protected:
  // Control believes this of one task, and lists nothing else.
  void believe(const std::string& id, const std::string& status,
               std::vector<link::ManifestContainer> containers = {}) {
    link::TaskManifestMessage m;
    m.timeline = seq = seq + 1'000;
    m.message_id = "manifest-" + std::to_string(m.timeline);
    m.cluster_arn = "default";
    m.container_instance_arn = control.instance_arn;
    m.tasks.push_back({task_arn(id), "default", "RUNNING", status, std::move(containers)});
    control.say(m);
    run(shared::Millis(3'000));
  }
  // Records of tasks are lost; the identity of the container instance is not.
  void lose_tasks() {
    crash();
    store::ChangeSet lost;
    for (const auto& [key, value] : store.records()) {
      if (value.find(control.instance_arn) == std::string::npos) lost.deletes.push_back(key);
    }
    ASSERT_FALSE(lost.deletes.empty());
    ASSERT_TRUE(store.commit(lost));
    boot_and_connect();
    ASSERT_TRUE(node->tasks().empty());
    ASSERT_EQ(node->container_instance_arn(), control.instance_arn);
  }
};

TEST_F(ManifestTest, ATaskThatControlHasForgottenIsOverIsReportedAgainWithAllItSaidBefore) {
  boot_and_connect();
  send(a_task("t1", {a_container("web"), inessential(a_container("side"))}));
  engine.exit(*engine.find("web"), 3);
  run(shared::Millis(5'000));
  ASSERT_EQ(last_status("t1"), "STOPPED");
  control.calls.clear();
  believe("t1", "RUNNING", {{"web", "RUNNING"}, {"side", "RUNNING"}});
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"STOPPED"}));
  EXPECT_EQ(container("t1", "web")["exitCode"], 3);
  EXPECT_EQ(container("t1", "side")["status"], "STOPPED");
  EXPECT_EQ(control.said_count("TaskStopVerificationMessage"), 0u);
  believe("t1", "STOPPED");
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"STOPPED"})) << "once it knows, no more";
}

TEST_F(ManifestTest, ATaskThatControlHasForgottenRunsIsReportedAgain) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  ASSERT_EQ(last_status("t1"), "RUNNING");
  control.calls.clear();
  believe("t1", "PENDING", {{"web", "PENDING"}});
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING"}));
  EXPECT_EQ(container("t1", "web")["runtimeId"], "id-1");
}

TEST_F(ManifestTest, AContainerThatControlHasForgottenEndedIsReportedAgainWithItsTaskStillRunning) {
  boot_and_connect();
  send(a_task("t1", {a_container("web"), inessential(a_container("side"))}));
  engine.exit(*engine.find("side"), 4);
  run(shared::Millis(5'000));
  control.calls.clear();
  believe("t1", "RUNNING", {{"web", "RUNNING"}, {"side", "RUNNING"}});
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING"}));
  EXPECT_EQ(container("t1", "side")["exitCode"], 4);
  EXPECT_TRUE(container("t1", "web").is_null()) << "of which control knows all";
}

TEST_F(ManifestTest, WhatControlKnowsIsNotSaidAgain) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  control.calls.clear();
  believe("t1", "RUNNING", {{"web", "RUNNING"}});
  believe("t1", "DEACTIVATING", {{"web", "RUNNING"}});
  EXPECT_TRUE(control.reports().empty());
}

// The ECS service's own manifest has no beliefs in it, but it does not list what it knows as stopped.
TEST_F(ManifestTest, AManifestWithoutBeliefsStillHasAStoppedTaskReportedAgain) {
  boot_and_connect();
  send({a_task("t1", {a_container("web")}), a_task("t2", {a_container("db")})});
  engine.exit(*engine.find("web"), 3);
  run(shared::Millis(5'000));
  control.calls.clear();
  believe("t1", "");
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"STOPPED"}));
  EXPECT_EQ(container("t1", "web")["exitCode"], 3);
  believe("t2", "");
  EXPECT_TRUE(control.reports(task_arn("t2")).empty());
  believe("t3", "");
  EXPECT_TRUE(control.reports(task_arn("t3")).empty()) << "its payload may be under way";
}

TEST_F(ManifestTest, ATaskThatNobodyHereKnowsIsReportedStoppedUntilControlHasIt) {
  boot_and_connect();
  believe("t1", "PENDING");
  EXPECT_TRUE(control.reports().empty()) << "its payload is yet to come";
  control.failures["SubmitTaskStateChange"] = {shared::Error("timeout", "no answer")};
  believe("t1", "RUNNING", {{"web", "RUNNING"}});
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"STOPPED", "STOPPED"})) << "repeated as every report";
  EXPECT_EQ(control.reports(task_arn("t1"))[0]["reason"],
            "The agent does not know this task any more and has no containers of it");
  send(a_task("t1", {a_container("web")}));
  EXPECT_TRUE(engine.boxes().empty()) << "a stopped task never runs again";
}

TEST_F(ManifestTest, ContainersOfATaskThatIsToRunGetTheirTaskBackByItsPayload) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  lose_tasks();
  control.calls.clear();
  believe("t1", "RUNNING", {{"web", "RUNNING"}});
  EXPECT_TRUE(control.reports().empty());
  ASSERT_EQ(control.said.back()["type"], "TaskStopVerificationMessage");
  const json asked = control.said.back()["message"]["stopCandidates"];
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0]["taskArn"], task_arn("t1"));
  EXPECT_EQ(asked[0]["desiredStatus"], "RUNNING");
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(engine.boxes().size(), 1u);
  engine.exit(*engine.find("web"), 7);
  run(shared::Millis(3'000));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(container("t1", "web")["exitCode"], 7);
}

}  // namespace
}  // namespace agent::node
