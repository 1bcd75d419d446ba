// Registration, the session with control, manifests, delivery of reports.
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

using Statuses = std::vector<std::string>;

link::TaskManifestMessage manifest(std::uint64_t timeline, std::vector<std::string> running) {
  link::TaskManifestMessage m;
  m.message_id = "manifest-" + std::to_string(timeline);
  m.cluster_arn = "default";
  m.container_instance_arn = "ci";
  m.timeline = timeline;
  for (const auto& id : running) m.tasks.push_back({task_arn(id), "default", "RUNNING"});
  return m;
}

TEST_F(NodeTest, KeepsItsIdentityAcrossRestarts) {
  boot_and_connect();
  const std::string id = node->instance_id();
  crash();
  boot_and_connect();
  EXPECT_EQ(node->instance_id(), id);
  EXPECT_EQ(control.calls.back().operation, "DiscoverPollEndpoint");
  const json again = control.calls[control.calls.size() - 2].body;
  EXPECT_EQ(again["containerInstanceArn"], control.instance_arn);
}

TEST_F(NodeTest, RegistersAnewWhenItsContainerInstanceIsGone) {
  boot_and_connect();
  crash();
  control.failures["RegisterContainerInstance"] = {
      shared::Error("ClientException", "The referenced container instance was deregistered.")};
  control.instance_arn += "-new";
  boot_and_connect();
  EXPECT_EQ(node->container_instance_arn(), control.instance_arn);
  EXPECT_EQ(control.count("RegisterContainerInstance"), 3u);
  std::vector<bool> named;
  for (const auto& c : control.calls) {
    if (c.operation == "RegisterContainerInstance") named.push_back(c.body.contains("containerInstanceArn"));
  }
  EXPECT_EQ(named, (std::vector<bool>{false, true, false}));
}

TEST_F(NodeTest, ManifestsOfANewContainerInstanceAreReadWhateverTheNumbersOfTheOldOne) {
  boot_and_connect();
  seq = 1'000'000;
  send(a_task("t1", {a_container("web")}));
  crash();
  control.failures["RegisterContainerInstance"] = {
      shared::Error("ClientException", "The referenced container instance was deregistered.")};
  control.instance_arn += "-new";
  boot_and_connect();
  const auto acks = control.said_count("AckRequest");
  control.say(manifest(5, {"t1"}));
  run();
  EXPECT_EQ(control.said_count("AckRequest"), acks + 1);
}

TEST_F(NodeTest, SessionRefusedBecauseNobodyKnowsTheInstanceLeadsToANewRegistration) {
  boot_and_connect();
  control.refuse_session = R"({"InvalidInstanceException":"not registered"})";
  control.failures["RegisterContainerInstance"] = {shared::Error("ClientException", "not found")};
  control.drop_session();
  run(shared::Millis(1'000));
  EXPECT_NE(node->not_ready().find("InvalidInstanceException"), std::string::npos) << node->not_ready();
  control.refuse_session.clear();
  control.instance_arn += "-new";
  run(shared::Millis(60'000));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(node->container_instance_arn(), control.instance_arn);
}

TEST_F(NodeTest, SessionForWhichControlHasNoRoomIsTriedAgainWithoutRegistering) {
  boot_and_connect();
  const auto registrations = control.count("RegisterContainerInstance");
  control.refuse_session = R"(503 Service Unavailable: {"ServerException":"There are too many websockets"})";
  control.refusal_retry = shared::Retry::kYes;
  control.drop_session();
  run(shared::Millis(60'000));
  EXPECT_NE(node->not_ready().find("too many websockets"), std::string::npos) << node->not_ready();
  control.refuse_session.clear();
  run(shared::Millis(120'000));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(control.count("RegisterContainerInstance"), registrations);
}

// How control says that an instance was deregistered: in the close of its session, or in the refusal of the
// next one.
void deregister(FakeControl& control, bool at_the_handshake) {
  if (at_the_handshake) {
    control.refuse_session = R"({"InactiveInstanceException":"Container instance is deregistered."})";
    control.drop_session();
  } else {
    control.drop_session(
        shared::Error("closed", "InactiveInstanceException: the container instance was deregistered"));
  }
}

TEST_F(NodeTest, DeregisteredInstanceStaysAwayAndSaysWhyAndItsTasksRunOn) {
  for (const bool at_the_handshake : {false, true}) {
    boot_and_connect();
    const std::string id = "t" + std::to_string(at_the_handshake);
    send(a_task(id, {a_container("web" + id)}));
    run(shared::Millis(5'000));
    deregister(control, at_the_handshake);
    run(shared::Millis(5'000));
    control.calls.clear();
    control.refuse_session.clear();
    const int sessions = control.sessions;
    run(shared::Millis(24 * 3600'000));
    EXPECT_EQ(control.count("RegisterContainerInstance"), 0u);
    EXPECT_EQ(control.count("DiscoverPollEndpoint"), 0u);
    EXPECT_EQ(control.sessions, sessions);
    EXPECT_NE(node->not_ready().find("was deregistered"), std::string::npos) << node->not_ready();
    EXPECT_NE(node->not_ready().find(control.instance_arn), std::string::npos) << node->not_ready();
    EXPECT_EQ(engine.find("web" + id)->info.phase, runtime::ContainerPhase::kRunning);
  }
}

TEST_F(NodeTest, DeregisteredInstanceComesBackAsANewOneWhenRestartedOrAsked) {
  for (const bool restarted : {false, true}) {
    boot_and_connect();
    deregister(control, false);
    run(shared::Millis(60'000));
    control.calls.clear();
    control.instance_arn += "-new";
    if (restarted) {
      control.failures["RegisterContainerInstance"] = {
          shared::Error("ClientException", "The container instance is not registered in this cluster")};
      crash();
      boot();
    } else {
      node->register_anew();
    }
    run(shared::Millis(100));
    EXPECT_EQ(node->not_ready(), "");
    EXPECT_EQ(node->container_instance_arn(), control.instance_arn);
    node->register_anew();
    run(shared::Millis(5'000));
    EXPECT_EQ(control.count("RegisterContainerInstance"), restarted ? 2u : 1u) << "once is enough";
  }
}

TEST_F(NodeTest, DefaultClusterIsMadeWhenItIsMissing) {
  control.failures["RegisterContainerInstance"] = {
      shared::Error("ClusterNotFoundException", "Cluster not found.")};
  boot_and_connect();
  EXPECT_EQ(control.count("CreateCluster"), 1u);
  EXPECT_EQ(control.count("RegisterContainerInstance"), 2u);
}

TEST_F(NodeTest, UnreachableControlIsRetriedAndNamed) {
  control.unreachable = true;
  boot();
  run(shared::Millis(60'000));
  EXPECT_NE(node->not_ready().find("Connection refused"), std::string::npos);
  const auto tries = control.count("RegisterContainerInstance");
  EXPECT_GT(tries, 5u);
  EXPECT_LT(tries, 20u) << "with back-off";
  control.unreachable = false;
  run(shared::Millis(40'000));
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, StateOfAnotherClusterIsRefused) {
  boot_and_connect();
  crash();
  settings.cluster = "other";
  node = std::make_unique<Node>(Node::Parts{executor, random, control, engine, cgroups, store}, settings);
  const auto started = node->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), "cluster_changed");
  EXPECT_NE(started.error().text().find("'default'"), std::string::npos);
}

TEST_F(NodeTest, HeartbeatsAreAcknowledged) {
  boot_and_connect();
  control.say(link::HeartbeatMessage{"h1", true});
  run();
  EXPECT_EQ(control.said.back(), (json{{"type", "HeartbeatAckRequest"}, {"message", {{"messageId", "h1"}}}}));
}

TEST_F(NodeTest, SilentSessionIsReplacedAndALivelyOneIsNot) {
  boot_and_connect();
  for (int i = 0; i < 10; ++i) {
    run(shared::Millis(30'000));
    control.say(link::HeartbeatMessage{"h", true});
  }
  run();
  EXPECT_EQ(control.sessions, 1);
  run(shared::Millis(125'000));
  EXPECT_EQ(control.sessions, 2);
  EXPECT_EQ(node->not_ready(), "");
}

TEST_F(NodeTest, SessionIsRenewedByAge) {
  boot_and_connect();
  for (int i = 0; i < 80; ++i) {
    run(shared::Millis(30'000));
    control.say(link::HeartbeatMessage{"h", true});
  }
  EXPECT_EQ(control.sessions, 2);
}

TEST_F(NodeTest, LostSessionComesBackAtOnceAndTasksDoNotNotice) {
  boot_and_connect();
  send(a_task("t1", {a_container("web")}));
  run(shared::Millis(2'000));
  control.drop_session();
  run(shared::Millis(300));
  EXPECT_EQ(control.sessions, 2);
  EXPECT_EQ(engine.find("web")->stops, 0);
}

TEST_F(NodeTest, UnreadableMessagesAreIgnored) {
  boot_and_connect();
  control.say_text("nonsense");
  control.say_text(R"({"type":"IAMRoleCredentialsMessage","message":{}})");
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeTest, TaskThatCannotBeReadIsReportedAndThePayloadNotAcknowledged) {
  boot_and_connect();
  control.say_text(
      R"({"type":"PayloadMessage","message":{"messageId":"m","clusterArn":"c","containerInstanceArn":"ci",
    "tasks":[{"arn":"bad","desiredStatus":"DANCING"},{"arn":")" +
      task_arn("t1") +
      R"(","desiredStatus":"RUNNING","containers":[{"name":"web","image":"i","essential":true}]}]}})");
  run();
  EXPECT_EQ(control.said_count("AckRequest"), 0u);
  ASSERT_EQ(control.reports("bad").size(), 1u);
  EXPECT_EQ(control.reports("bad")[0]["reason"],
            "UnrecogniedTaskError: Error loading task - desiredStatus: unknown value 'DANCING'");
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeTest, ManifestStopsWhatControlDoesNotWantOnlyAfterVerification) {
  boot_and_connect();
  send({a_task("t1", {a_container("web")}), a_task("t2", {a_container("db")})});
  control.say(manifest(100, {"t1", "unknown"}));
  run();
  const json verification = control.said.back();
  EXPECT_EQ(verification["type"], "TaskStopVerificationMessage");
  ASSERT_EQ(verification["message"]["stopCandidates"].size(), 1u);
  EXPECT_EQ(verification["message"]["stopCandidates"][0]["taskArn"], task_arn("t2"));
  EXPECT_EQ(last_status("t2"), "RUNNING");
  control.say(link::TaskStopVerificationAck{"manifest-99", 0, {{task_arn("t2"), "default", "STOPPED"}}});
  run();
  EXPECT_EQ(last_status("t2"), "RUNNING") << "not the manifest we asked about";
  control.say(link::TaskStopVerificationAck{"manifest-100", 0, {{task_arn("t2"), "default", "STOPPED"}}});
  run();
  EXPECT_EQ(last_status("t2"), "STOPPED");
  EXPECT_EQ(last_status("t1"), "RUNNING");
}

TEST_F(NodeTest, OldManifestIsDroppedAlsoAfterARestart) {
  boot_and_connect();
  seq = 50;
  send(a_task("t1", {a_container("web")}));  // seqNum 51
  const auto acks = control.said_count("AckRequest");
  control.say(manifest(51, {}));
  run();
  EXPECT_EQ(control.said_count("AckRequest"), acks);
  crash();
  boot_and_connect();
  control.say(manifest(40, {}));
  run();
  EXPECT_EQ(control.said_count("AckRequest"), acks);
  EXPECT_EQ(control.said_count("TaskStopVerificationMessage"), 0u);
}

TEST_F(NodeTest, ReportsAreRepeatedUntilControlHasThemAndMergeOnTheWay) {
  boot_and_connect();
  control.failures["SubmitTaskStateChange"] = {shared::Error("ServerException", "busy"),
                                               shared::Error("timeout", "no answer")};
  send(a_task("t1", {a_container("web")}));
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING"}));
  engine.exit(*engine.find("web"), 1);
  run(shared::Millis(10'000));
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING", "STOPPED", "STOPPED"}));
  EXPECT_EQ(container("t1", "web")["exitCode"], 1);
}

TEST_F(NodeTest, ReportThatControlRefusesForGoodIsDropped) {
  boot_and_connect();
  control.failures["SubmitTaskStateChange"] = {shared::Error("InvalidParameterException", "no such task")};
  send(a_task("t1", {a_container("web")}));
  run(shared::Millis(60'000));
  EXPECT_EQ(control.statuses(task_arn("t1")), (Statuses{"RUNNING"}));
}

TEST_F(NodeTest, ManyTasksAreAllReported) {
  boot_and_connect();
  std::vector<link::TaskPayload> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(a_task("t" + std::to_string(i), {a_container("web")}));
  send(tasks);
  run(shared::Millis(1'000));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(last_status("t" + std::to_string(i)), "RUNNING") << i;
}

}  // namespace
}  // namespace agent::node
