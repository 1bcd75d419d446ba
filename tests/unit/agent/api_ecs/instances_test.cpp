#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Instances, RegistrationEchoesAttributesAndCountsWhatIsLeft) {
  Api api;
  const std::string arn = api.join(2048, 4096);
  api.define("web", {{"cpu", 256}, {"portMappings", {{{"containerPort", 80}, {"hostPort", 8080}}}}});
  api.ok("RunTask", {{"taskDefinition", "web"}});
  const json instance =
      api.ok("DescribeContainerInstances", {{"containerInstances", {arn}}})["containerInstances"][0];
  EXPECT_EQ(instance["status"], "ACTIVE");
  EXPECT_EQ(instance["agentConnected"], true);
  EXPECT_EQ(instance["pendingTasksCount"], 1);
  EXPECT_THAT(instance["attributes"],
              ::testing::Contains(json({{"name", "ecs.os-type"}, {"value", "linux"}})));
  EXPECT_EQ(
      instance["registeredResources"][0],
      json::parse(R"({"name":"CPU","type":"INTEGER","doubleValue":0.0,"longValue":0,"integerValue":2048})"));
  EXPECT_EQ(instance["remainingResources"][0]["integerValue"], 1792);
  EXPECT_EQ(instance["remainingResources"][1]["integerValue"], 4032);
  EXPECT_EQ(instance["remainingResources"][2]["name"], "PORTS");
  EXPECT_EQ(instance["remainingResources"][2]["stringSetValue"], json({"22", "8080", "51678"}));
  EXPECT_EQ(api.ok("DescribeContainerInstances", {{"containerInstances", {"none"}}})["failures"][0]["reason"],
            "MISSING");
}

TEST(Instances, DrainingDeregistrationAndFilters) {
  Api api;
  const std::string a = api.join();
  const std::string b = api.join(1024, 1024);
  api.define("web");
  EXPECT_EQ(api.ok("UpdateContainerInstancesState",
                   {{"containerInstances", {a}}, {"status", "DRAINING"}})["containerInstances"][0]["status"],
            "DRAINING");
  EXPECT_THAT(
      api.refused("UpdateContainerInstancesState", {{"containerInstances", {a}}, {"status", "INACTIVE"}}),
      HasSubstr("got 'INACTIVE'"));
  const std::string task = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
  const auto list = [&](const json& request) {
    return api.ok("ListContainerInstances", request)["containerInstanceArns"];
  };
  EXPECT_EQ(list(json::object()).size(), 2U);
  EXPECT_EQ(list({{"status", "DRAINING"}}), json({a}));
  EXPECT_EQ(list({{"filter", "task:group == family:web"}}), json({b}));
  EXPECT_EQ(list({{"filter", "attribute:ecs.availability-zone == rack-1 and agentConnected == true"}}).size(),
            2U);
  EXPECT_TRUE(list({{"filter", "attribute:ecs.os-type != linux"}}).empty());
  EXPECT_THAT(api.refused("ListContainerInstances", {{"filter", "attribute:"}}),
              StartsWith("InvalidParameterException: "));

  api.report(task, "RUNNING");
  EXPECT_THAT(api.refused("DeregisterContainerInstance", {{"containerInstance", b}}),
              HasSubstr("Found running tasks on the instance."));
  EXPECT_EQ(api.ok("DeregisterContainerInstance",
                   {{"containerInstance", b}, {"force", true}})["containerInstance"]["status"],
            "INACTIVE");
  EXPECT_EQ(api.ok("DescribeTasks", {{"tasks", {task}}})["tasks"][0]["lastStatus"], "STOPPED");
  EXPECT_EQ(list(json::object()), json({a}));
}

TEST(Instances, AnIdentityDocumentGivesWhatTheAgentDoesNotSay) {
  Api api;
  api.ok("CreateCluster", json::object());
  const json answer =
      api.ok("RegisterContainerInstance",
             {{"instanceIdentityDocument",
               R"({"instanceId":"i-0abc","availabilityZone":"eu-1a","architecture":"x86_64","imageId":7})"}});
  const json attributes = answer["containerInstance"]["attributes"];
  EXPECT_EQ(answer["containerInstance"]["ec2InstanceId"], "i-0abc");
  EXPECT_THAT(attributes, ::testing::Contains(json({{"name", "ecs.availability-zone"}, {"value", "eu-1a"}})));
  EXPECT_THAT(attributes, ::testing::Contains(json({{"name", "ecs.cpu-architecture"}, {"value", "x86_64"}})));
  EXPECT_THAT(api.refused("RegisterContainerInstance", {{"cluster", "none"}}),
              HasSubstr("Cluster not found."));
  EXPECT_THAT(api.refused("RegisterContainerInstance",
                          {{"totalResources",
                            {{{"name", "PORTS"}, {"type", "STRINGSET"}, {"stringSetValue", {"ssh"}}}}}}),
              HasSubstr("'ssh'"));
}

TEST(Agents, AreToldWhereToConnectAndAcknowledged) {
  Api api;
  api.ok("CreateCluster", json::object());
  const json found =
      api.ok("DiscoverPollEndpoint", {{"containerInstance", "x"}, {"cluster", "default"}, {"zoneId", ""}});
  EXPECT_EQ(found["endpoint"], "http://127.0.0.1:51600");
  EXPECT_EQ(found["telemetryEndpoint"], "http://127.0.0.1:51600");
  EXPECT_TRUE(api.ok("SubmitAttachmentStateChanges",
                     {{"attachments", {{{"attachmentArn", "a"}, {"status", "ATTACHED"}}}}})
                  .contains("acknowledgment"));
  EXPECT_THAT(api.refused("SubmitTaskStateChange", {{"status", "RUNNING"}}),
              HasSubstr("Task cannot be empty."));
}

TEST(Agents, ContainerReportsAreMergedByName) {
  Api api;
  api.join();
  api.define("web");
  const std::string task = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
  api.ok("SubmitTaskStateChange",
         {{"task", task},
          {"status", "RUNNING"},
          {"pullStartedAt", 1.7e9},
          {"pullStoppedAt", 1700000000.5},
          {"containers", {{{"containerName", "web"}, {"status", "RUNNING"}, {"imageDigest", "sha256:00"}}}}});
  api.ok("SubmitContainerStateChange", {{"task", task},
                                        {"containerName", "web"},
                                        {"status", "DEAD"},
                                        {"exitCode", 3},
                                        {"reason", std::string(2000, 'r')}});
  const json seen = api.ok("DescribeTasks", {{"tasks", {task}}})["tasks"][0];
  EXPECT_DOUBLE_EQ(seen["pullStoppedAt"], 1'700'000'000.5);
  EXPECT_EQ(seen["containers"][0]["lastStatus"], "STOPPED");
  EXPECT_EQ(seen["containers"][0]["exitCode"], 3);
  EXPECT_EQ(seen["containers"][0]["imageDigest"], "sha256:00");
  EXPECT_EQ(seen["containers"][0]["reason"].get<std::string>().size(), 1024U);
}

}  // namespace
}  // namespace agent::api::ecs::testing
