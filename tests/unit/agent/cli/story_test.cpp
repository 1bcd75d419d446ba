// What answers mean: services' states, events in short, a task's story, log streams.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/verify.h"
#include "agent/cli/story/log_sources.h"
#include "agent/cli/story/story.h"
#include "agent/cli/story/words.h"

namespace agent::cli {
namespace {

using nlohmann::json;

const std::string kId = "4023438f9e5556f710c830851d78c32e";

json service(const std::string& rollout, int running, int desired, int deployments = 1) {
  json out = json::parse(
      R"({"serviceName":"web","status":"ACTIVE","deployments":[],"events":[],"loadBalancers":[{"targetGroupArn":"arn:x"}]})");
  out["runningCount"] = running;
  out["desiredCount"] = desired;
  for (int i = 0; i < deployments; ++i) {
    json one = json::object();
    one["id"] = "ecs-svc/" + std::to_string(9 - i);
    one["status"] = i == 0 ? "PRIMARY" : "ACTIVE";
    one["rolloutState"] = i == 0 ? rollout : "COMPLETED";
    one["desiredCount"] = desired;
    one["runningCount"] = running;
    one["taskDefinition"] = "arn:aws:ecs:r:a:task-definition/web:" + std::to_string(2 - i);
    out["deployments"].push_back(one);
  }
  return out;
}

json event(double at, const std::string& message) {
  json out = json::object();
  out["id"] = std::to_string(at);
  out["createdAt"] = at;
  out["message"] = "(service web) " + message;
  return out;
}

TEST(ServiceStates, AreOneWord) {
  EXPECT_EQ(state_of_service(service("COMPLETED", 2, 2)).word, "steady");
  EXPECT_EQ(state_of_service(service("IN_PROGRESS", 2, 2)).word, "deploying");
  EXPECT_EQ(state_of_service(service("COMPLETED", 2, 2, 2)).word, "deploying");
  EXPECT_EQ(state_of_service(service("FAILED", 2, 2)).word, "failed");
  EXPECT_EQ(state_of_service(service("COMPLETED", 1, 2)).word, "starting");
  json draining = service("COMPLETED", 1, 0);
  draining["status"] = "DRAINING";
  EXPECT_EQ(state_of_service(draining).word, "draining");
}

TEST(ServiceStates, SayWhatKeepsItFromStarting) {
  json waiting = service("COMPLETED", 1, 2);
  waiting["events"] = json::array(
      {event(5, "was unable to place a task because no container instance met all of its requirements."),
       event(4, "has reached a steady state.")});
  EXPECT_EQ(state_of_service(waiting).why,
            "was unable to place a task because no container instance met all of its requirements.");
  waiting["events"] =
      json::array({event(5, "has reached a steady state."), event(4, "was unable to place a task.")});
  EXPECT_EQ(state_of_service(waiting).why, "");
}

TEST(Outcomes, OfADeployment) {
  EXPECT_EQ(outcome_of(service("COMPLETED", 2, 2), "ecs-svc/9"), Outcome::kSteady);
  EXPECT_EQ(outcome_of(service("IN_PROGRESS", 2, 2), "ecs-svc/9"), Outcome::kGoesOn);
  EXPECT_EQ(outcome_of(service("COMPLETED", 2, 2, 2), "ecs-svc/9"), Outcome::kGoesOn);
  EXPECT_EQ(outcome_of(service("FAILED", 2, 2), "ecs-svc/9"), Outcome::kGaveUp);
  // Rolled back: another deployment is in its place.
  EXPECT_EQ(outcome_of(service("COMPLETED", 2, 2), "ecs-svc/3"), Outcome::kGaveUp);
}

TEST(Events, AreShort) {
  EXPECT_EQ(event_words("(service web) registered 1 targets in (target-group "
                        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/5912)",
                        "web"),
            "registered 1 targets in (target-group web)");
  EXPECT_EQ(event_words("(service web) has stopped 1 running tasks: (task " + kId + ").", "web"),
            "has stopped 1 running tasks: (task 4023438f).");
  EXPECT_EQ(event_words("(service web) sha256:" + kId + kId, "web"), "sha256:" + kId + kId);
}

json served_task() {
  json task = json::parse(
      R"j({"taskDefinitionArn":"arn:aws:ecs:r:a:task-definition/web:1","group":"service:web","startedBy":"ecs-svc/1","cpu":"16","memory":"64",
    "containerInstanceArn":"arn:aws:ecs:r:a:container-instance/c/77","createdAt":100,"pullStartedAt":100.2,"pullStoppedAt":102.2,"startedAt":103,
    "stoppingAt":212,"executionStoppedAt":212.5,"stoppedAt":213,"lastStatus":"STOPPED","desiredStatus":"STOPPED","stopCode":"ServiceSchedulerInitiated",
    "stoppedReason":"Scaling activity initiated by (deployment ecs-svc/2)",
    "containers":[{"name":"web","exitCode":0,"networkBindings":[{"hostPort":8001,"containerPort":80,"protocol":"tcp"}]}]})j");
  task["taskArn"] = "arn:aws:ecs:r:a:task/c/" + kId;
  return task;
}

std::vector<std::string> told(const json& task, const json& of) {
  std::vector<std::string> out;
  for (const StoryLine& each : story_of(task, of, "host-1"))
    out.push_back(std::to_string(shared::epoch_millis(each.at) / 100) + " " + each.text);
  return out;
}

TEST(Stories, ShowTheOrderingPromise) {
  json of = service("COMPLETED", 2, 2);
  of["events"] = json::array(
      {event(200, "has stopped 1 running tasks: (task " + kId + ")."),
       event(103.1,
             "registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:a:targetgroup/web/1)"),
       event(100, "has started 1 tasks: (task " + kId + ").")});
  const std::vector<std::string> expected = {
      "1000 created by service web for its deployment ecs-svc/1",
      "1000 placed on host-1, where it reserves 16 cpu units and 64 MiB",
      "1002 its host begins: images are looked for and pulled",
      "1022 images are there, after 2s",
      "1030 runs: 1 container, ports 8001->80",
      "1031 service: registered 1 targets in (target-group web)",
      "2000 to be stopped: Scaling activity initiated by (deployment ecs-svc/2) (ServiceSchedulerInitiated); "
      "its targets begin to drain",
      "2120 out of every balancer and drained, 12s after that began: SIGTERM",
      "2125 its containers have ended: web exit code 0",
      "2130 STOPPED, having run for 1m 50s"};
  EXPECT_EQ(told(served_task(), of), expected);
}

TEST(Stories, OfATaskThatEndedByItselfDoNotClaimASignal) {
  json task = served_task();
  task["executionStoppedAt"] = 150;
  task["stoppingAt"] = 150.1;
  task["stoppedAt"] = 151;
  task["stopCode"] = "EssentialContainerExited";
  task["containers"][0]["exitCode"] = 3;
  std::string all;
  for (const std::string& each : told(task, service("COMPLETED", 2, 2))) all += each + "\n";
  EXPECT_EQ(all.find("SIGTERM"), std::string::npos) << all;
  EXPECT_NE(all.find("its containers have ended: web exit code 3"), std::string::npos) << all;
}

TEST(Stories, OfATaskThatWaitsSayThatItIsNotPlaced) {
  json task = json::parse(
      R"({"createdAt":100,"lastStatus":"PROVISIONING","desiredStatus":"RUNNING","containers":[]})");
  task["taskArn"] = "arn:aws:ecs:r:a:task/c/" + kId;
  const auto lines = told(task, json());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1], "1000 not placed yet");
}

TEST(LogStreams, AreThoseThatAwslogsWrites) {
  json task = served_task();
  task["containers"][0]["runtimeId"] = "abc";
  const json definition =
      json::parse(R"({"taskDefinitionArn":"arn:aws:ecs:r:a:task-definition/web:1","containerDefinitions":[
    {"name":"web","logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/g","awslogs-stream-prefix":"p"}}},
    {"name":"side","logConfiguration":{"logDriver":"json-file"}},{"name":"plain"}]})");
  const LogSources sources = log_sources(task, definition, "");
  ASSERT_EQ(sources.streams.size(), 1U);
  EXPECT_EQ(sources.streams[0].stream, "p/web/" + kId);
  ASSERT_EQ(sources.without.size(), 2U);
  EXPECT_EQ(sources.without[0], "container side of web:1 logs with json-file");
  json unprefixed = definition;
  unprefixed["containerDefinitions"][0]["logConfiguration"]["options"].erase("awslogs-stream-prefix");
  EXPECT_EQ(log_sources(task, unprefixed, "web").streams.at(0).stream, "abc");
}

TEST(Tables2, OfTasksHaveNotesOnlyWhereThereAreSome) {
  json running = served_task();
  running["lastStatus"] = running["desiredStatus"] = "RUNNING";
  EXPECT_EQ(task_table(json::array({running}), {}, shared::WallTime()).render({}).find("NOTE"),
            std::string::npos);
  const std::string text = task_table(json::array({served_task()}), {}, shared::WallTime()).render({});
  EXPECT_NE(text.find("Scaling activity initiated by (deployment ecs-svc/2); web: exit code 0"),
            std::string::npos)
      << text;
  json stopping = served_task();
  stopping["lastStatus"] = "RUNNING";
  EXPECT_EQ(state_of_task(stopping), "STOPPING");
}

TEST(Room, IsMissingForAReason) {
  const json definition = json::parse(
      R"({"containerDefinitions":[{"cpu":2048,"memory":512,"logConfiguration":{"logDriver":"awslogs"}}]})");
  json node = json::parse(
      R"({"agentConnected":true,"status":"ACTIVE","attributes":[],"registeredResources":[{"name":"CPU","integerValue":1024},{"name":"MEMORY","integerValue":4096}]})");
  EXPECT_EQ(why_not_here(node, definition), "has 1024 cpu units of the 2048 that a task reserves");
  node["registeredResources"][0]["integerValue"] = 4096;
  EXPECT_NE(why_not_here(node, definition).find("awslogs"), std::string::npos);
  node["attributes"] = json::parse(R"([{"name":"com.amazonaws.ecs.capability.logging-driver.awslogs"}])");
  EXPECT_EQ(why_not_here(node, definition), "");
  node["status"] = "DRAINING";
  EXPECT_EQ(why_not_here(node, definition), "is DRAINING");
}

TEST(NotFound, NamesTheNearest) {
  EXPECT_EQ(not_found_text("service", "webb", {"web", "api"}, "cluster c"),
            "there is no service 'webb' in cluster c (did you mean 'web'?)");
  EXPECT_EQ(not_found_text("service", "x", {}, "cluster c"),
            "there is no service 'x' in cluster c, and no other");
  EXPECT_EQ(not_found_text("service", "something", {"web", "api"}, "cluster c"),
            "there is no service 'something' in cluster c; there are web, api");
}

}  // namespace
}  // namespace agent::cli
