#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(RunTask, PlacesAndTheTaskGoesThroughItsLife) {
  Api api;
  const std::string instance = api.join();
  const std::string definition_arn =
      api.define("web", {{"cpu", 128}, {"portMappings", {{{"containerPort", 80}}}}});
  const json ran =
      api.ok("RunTask", {{"taskDefinition", "web"}, {"startedBy", "ci/7"}, {"launchType", "EC2"}});
  ASSERT_EQ(ran["tasks"].size(), 1U);
  const json& placed = ran["tasks"][0];
  EXPECT_TRUE(ran["failures"].empty());
  EXPECT_EQ(placed["taskDefinitionArn"], definition_arn);
  EXPECT_EQ(placed["containerInstanceArn"], instance);
  EXPECT_EQ(placed["desiredStatus"], "RUNNING");
  EXPECT_EQ(placed["group"], "family:web");
  EXPECT_EQ(placed["startedBy"], "ci/7");
  EXPECT_EQ(placed["cpu"], "128");
  EXPECT_EQ(placed["memory"], "64");
  EXPECT_EQ(placed["containers"][0]["cpu"], "128");
  EXPECT_EQ(placed["containers"][0]["memory"], "64");
  EXPECT_FALSE(placed["containers"][0].contains("exitCode"));
  EXPECT_FALSE(placed.contains("startedAt"));
  EXPECT_EQ(placed["availabilityZone"], "rack-1");
  EXPECT_EQ(placed["overrides"],
            json::parse(R"({"containerOverrides":[{"name":"web"}],"inferenceAcceleratorOverrides":[]})"));

  const std::string task = placed["taskArn"];
  const json binding{{"bindIP", "0.0.0.0"}, {"containerPort", 80}, {"hostPort", 32768}, {"protocol", "tcp"}};
  api.report(task, "RUNNING", {{"runtimeId", "abc"}, {"networkBindings", {binding}}});
  json seen = api.ok("DescribeTasks", {{"tasks", {task}}})["tasks"][0];
  EXPECT_EQ(seen["lastStatus"], "RUNNING");
  EXPECT_EQ(seen["containers"][0]["networkBindings"], json::array({binding}));
  EXPECT_DOUBLE_EQ(seen["startedAt"], 1'700'000'000.123);

  const json stopping = api.ok("StopTask", {{"task", task}, {"reason", "enough"}})["task"];
  EXPECT_EQ(stopping["desiredStatus"], "STOPPED");
  EXPECT_EQ(stopping["stopCode"], "UserInitiated");
  EXPECT_EQ(stopping["stoppedReason"], "enough");
  api.report(task, "STOPPED", {{"exitCode", 143}});
  api.report(task, "RUNNING");  // late and out of order
  seen = api.ok("DescribeTasks", {{"tasks", {task}}})["tasks"][0];
  EXPECT_EQ(seen["lastStatus"], "STOPPED");
  EXPECT_EQ(seen["containers"][0]["exitCode"], 143);
  EXPECT_TRUE(seen.contains("stoppedAt"));
  EXPECT_EQ(api.ok("StopTask", {{"task", task}, {"reason", "again"}})["task"]["stoppedReason"], "enough");
}

TEST(RunTask, WhatDoesNotFitIsAFailurePerMissingTask) {
  Api api;
  api.define("web");
  api.ok("CreateCluster", json::object());
  EXPECT_EQ(api.refused("RunTask", {{"taskDefinition", "web"}}),
            "InvalidParameterException: No Container Instances were found in your cluster.");
  const std::string instance = api.join(1024, 100);
  const json some = api.ok("RunTask", {{"taskDefinition", "web"}, {"count", 3}});
  EXPECT_EQ(some["tasks"].size(), 1U);
  ASSERT_EQ(some["failures"].size(), 2U);
  EXPECT_EQ(some["failures"][0]["reason"], "RESOURCE:MEMORY");
  EXPECT_EQ(some["failures"][0]["arn"], instance);

  api.define("hungry", {{"cpu", 4096}, {"memory", 6}});
  EXPECT_EQ(api.ok("RunTask", {{"taskDefinition", "hungry"}})["failures"][0]["reason"], "RESOURCE:CPU");
  api.define("ssh", {{"memory", 6}, {"portMappings", {{{"containerPort", 80}, {"hostPort", 22}}}}});
  EXPECT_EQ(api.ok("RunTask", {{"taskDefinition", "ssh"}})["failures"][0]["reason"], "RESOURCE:PORTS");
  api.define("secretive", {{"memory", 6}, {"logConfiguration", {{"logDriver", "splunk"}}}});
  const json lacking = api.ok("RunTask", {{"taskDefinition", "secretive"}})["failures"][0];
  EXPECT_EQ(lacking["reason"], "ATTRIBUTE");
  EXPECT_THAT(std::string(lacking["detail"]),
              StartsWith("Missing: com.amazonaws.ecs.capability.logging-driver.splunk."));
  EXPECT_THAT(std::string(lacking["detail"]), HasSubstr("ECS_AVAILABLE_LOGGING_DRIVERS"));
  EXPECT_EQ(api.ok("StartTask", {{"taskDefinition", "secretive"},
                                 {"containerInstances", {instance}}})["failures"][0]["detail"],
            lacking["detail"]);
  api.define("small", {{"memory", 6}});
  EXPECT_THAT(
      api.ok("RunTask",
             {{"taskDefinition", "small"},
              {"placementConstraints",
               {{{"type", "memberOf"}, {"expression", "attribute:x exists"}}}}})["failures"][0]["reason"]
          .get<std::string>(),
      StartsWith("MemberOf placement constraint unsatisfied"));
  // An override counts where the definition's number would have fitted.
  EXPECT_EQ(
      api.ok("RunTask",
             {{"taskDefinition", "small"},
              {"overrides",
               {{"containerOverrides", {{{"name", "web"}, {"memory", 512}}}}}}})["failures"][0]["reason"],
      "RESOURCE:MEMORY");
  api.connect(instance, false);
  EXPECT_EQ(api.ok("RunTask", {{"taskDefinition", "small"}})["failures"][0]["reason"], "AGENT");
}

// What deploy tools and Terraform send as it is.
TEST(RunTask, WordsWithSpacesAndEmptyOnesForWhatIsUnsetAreTaken) {
  Api api;
  api.join();
  api.define("web");
  const json task =
      api.ok("RunTask", {{"taskDefinition", "web"},
                         {"startedBy", "ECS Deploy"},
                         {"launchType", ""},
                         {"platformVersion", ""},
                         {"propagateTags", ""},
                         {"tags", {nullptr}},
                         {"placementConstraints", {nullptr}},
                         {"networkConfiguration", nullptr},
                         {"overrides",
                          {{"cpu", ""},
                           {"memory", ""},
                           {"executionRoleArn", ""},
                           {"taskRoleArn", ""},
                           {"containerOverrides", {nullptr, {{"name", "web"}, {"cpu", nullptr}}}}}}})
          .at("tasks")
          .at(0);
  EXPECT_EQ(task["startedBy"], "ECS Deploy");
  EXPECT_EQ(task["memory"], "64");
  EXPECT_EQ(task["overrides"],
            json::parse(R"({"containerOverrides":[{"name":"web"}],"inferenceAcceleratorOverrides":[]})"));
  EXPECT_EQ(api.ok("ListTasks", {{"startedBy", "ECS Deploy"}})["taskArns"].size(), 1U);
  EXPECT_THAT(api.refused("RunTask", {{"taskDefinition", "web"}, {"overrides", {{"cpu", "much"}}}}),
              HasSubstr("'much'"));
}

TEST(RunTask, GpusAndForeignPlatformsFindNoInstance) {
  Api api;
  api.join();  // x86_64, linux
  const auto reason = [&](json request) {
    const json answer = api.ok("RunTask", request);
    if (answer["failures"].empty()) return std::string("placed");
    const json& failure = answer["failures"][0];
    return std::string(failure["reason"]) + failure.value("detail", "");
  };
  const json gpus{{{"type", "GPU"}, {"value", "2"}}};
  api.define("gpu", {{"resourceRequirements", gpus}});
  EXPECT_EQ(reason({{"taskDefinition", "gpu"}}), "RESOURCE:GPU");
  api.define("web");
  const json container{{"name", "web"}, {"resourceRequirements", gpus}};
  EXPECT_EQ(reason({{"taskDefinition", "web"}, {"overrides", {{"containerOverrides", {container}}}}}),
            "RESOURCE:GPU");
  const auto on = [&](const char* architecture, const char* system) {
    json platform = definition("platform");
    platform["runtimePlatform"] = {{"cpuArchitecture", architecture}, {"operatingSystemFamily", system}};
    api.ok("RegisterTaskDefinition", platform);
    return reason({{"taskDefinition", "platform"}});
  };
  EXPECT_EQ(on("X86_64", "LINUX"), "placed");
  EXPECT_EQ(on("ARM64", "LINUX"), "ATTRIBUTEecs.cpu-architecture must be arm64, is x86_64.");
  EXPECT_EQ(on("X86_64", "WINDOWS_SERVER_2022_CORE"), "ATTRIBUTEecs.os-type must be windows, is linux.");
}

TEST(RunTask, ASoftLimitOfZeroIsNoneAndTheHardOneIsReserved) {
  Api api;
  api.join();
  api.define("web", {{"memory", 64}, {"memoryReservation", 0}});
  EXPECT_EQ(api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["memory"], "64");
}

TEST(RunTask, RequestsThatCannotBeMeantAreRefused) {
  Api api;
  api.join();
  api.define("web");
  json own_interface = definition("awsvpc");
  own_interface["networkMode"] = "awsvpc";
  api.ok("RegisterTaskDefinition", own_interface);
  const auto run = [&](const json& more) {
    json request{{"taskDefinition", "web"}};
    request.update(more);
    return api.refused("RunTask", request);
  };
  EXPECT_EQ(run({{"cluster", "nowhere"}, {"taskDefinition", "x"}}),
            "ClusterNotFoundException: Cluster not found.");
  EXPECT_EQ(run({{"taskDefinition", "nobody-knows"}}), "ClientException: TaskDefinition not found.");
  EXPECT_THAT(run({{"taskDefinition", "awsvpc"}}),
              StartsWith("UnsupportedFeatureException: networkMode awsvpc"));
  EXPECT_THAT(run({{"platformVersion", "LATEST"}}), HasSubstr("platform version must be null"));
  EXPECT_THAT(run({{"launchType", "FARGATE"}}),
              StartsWith("UnsupportedFeatureException: Launch type FARGATE"));
  EXPECT_THAT(run({{"launchType", "MOON"}}),
              StartsWith("InvalidParameterException: Unknown launch type 'MOON'"));
  EXPECT_THAT(run({{"count", 11}}), HasSubstr("count must be between 1 and 10, got 11"));
  EXPECT_THAT(run({{"count", 0}}), HasSubstr("got 0"));
  EXPECT_EQ(
      run({{"overrides", {{"containerOverrides", {{{"name", "db"}}}}}}}),
      "InvalidParameterException: Override for container named db is not a container in the TaskDefinition.");
  EXPECT_THAT(run({{"overrides",
                    {{"containerOverrides", {{{"name", "web"}, {"command", {std::string(8200, 'x')}}}}}}}}),
              HasSubstr("at most 8192 characters"));
  EXPECT_THAT(run({{"group", "service:web"}}), HasSubstr("Invalid namespace for group."));
  EXPECT_THAT(run({{"startedBy", "a\nb"}}), HasSubstr("startedBy"));
  EXPECT_THAT(run({{"startedBy", std::string(129, 'a')}}), HasSubstr("startedBy"));
  EXPECT_THAT(run({{"propagateTags", "SERVICE"}}), HasSubstr("Invalid propagateTags 'SERVICE'"));
  EXPECT_THAT(run({{"placementStrategy", {{{"type", "binpack"}, {"field", "disk"}}}}}),
              HasSubstr("got 'disk'"));
  EXPECT_THAT(run({{"placementConstraints", {{{"type", "memberOf"}, {"expression", "x =="}}}}}),
              HasSubstr("Invalid expression"));
  EXPECT_THAT(run({{"networkConfiguration", {{"awsvpcConfiguration", {{"subnets", {"s"}}}}}}}),
              HasSubstr("Network Configuration is not valid"));
  EXPECT_THAT(run({{"launchType", "EC2"}, {"capacityProviderStrategy", {{{"capacityProvider", "x"}}}}}),
              HasSubstr("Specifying both a launch type and capacity provider strategy"));
  api.ok("DeregisterTaskDefinition", {{"taskDefinition", "web:1"}});
  EXPECT_EQ(run({{"taskDefinition", "web:1"}}), "ClientException: TaskDefinition is inactive");
  EXPECT_TRUE(api.state.tasks.rows().empty());
}

TEST(RunTask, ATokenGivesTheSameTasksAgainAndNeverOthers) {
  Api api;
  api.join();
  api.define("web");
  const json request{{"taskDefinition", "web"}, {"count", 2}, {"clientToken", "once"}};
  const json first = api.ok("RunTask", request);
  const json again = api.ok("RunTask", request);
  EXPECT_TRUE(again["failures"].empty());
  EXPECT_THAT(again["tasks"], ::testing::UnorderedElementsAre(first["tasks"][0], first["tasks"][1]));
  EXPECT_EQ(api.state.tasks.size(), 2U);
  json other = request;
  other["count"] = 1;
  EXPECT_THAT(api.refused("RunTask", other), StartsWith("ConflictException: "));
  EXPECT_THAT(api.resource_ids,
              ::testing::UnorderedElementsAre(first["tasks"][0]["taskArn"], first["tasks"][1]["taskArn"]));
  other["clientToken"] = "twice";
  EXPECT_NE(api.ok("RunTask", other)["tasks"][0]["taskArn"], first["tasks"][0]["taskArn"]);
  const std::string stopped = first["tasks"][0]["taskArn"];
  api.ok("StopTask", {{"task", stopped}});
  api.report(stopped, "STOPPED");
  const json later = api.ok("RunTask", request);
  for (const json& task : later["tasks"]) {
    if (task["taskArn"] != stopped) continue;
    EXPECT_EQ(task, json({{"taskArn", stopped}, {"lastStatus", "STOPPED"}, {"desiredStatus", "STOPPED"}}));
  }
}

TEST(RunTask, OverridesAndTagsAreEchoed) {
  Api api;
  api.join();
  json tagged = definition("web");
  tagged["tags"] = {{{"key", "team"}, {"value", "a"}}, {{"key", "tier"}, {"value", "1"}}};
  tagged["containerDefinitions"].push_back(
      {{"name", "side"}, {"image", "busybox"}, {"memory", 16}, {"essential", false}});
  api.ok("RegisterTaskDefinition", tagged);
  const json overrides = json::parse(R"({"cpu":"512","containerOverrides":[
      {"name":"web","command":["serve"],"environment":[{"name":"A","value":""}],"memory":128}]})");
  const json task = api.ok("RunTask", {{"taskDefinition", "web"},
                                       {"overrides", overrides},
                                       {"propagateTags", "TASK_DEFINITION"},
                                       {"enableECSManagedTags", true},
                                       {"tags", {{{"key", "tier"}, {"value", "2"}}}}})["tasks"][0];
  json expected = overrides;
  expected["containerOverrides"].push_back({{"name", "side"}});
  expected["inferenceAcceleratorOverrides"] = json::array();
  EXPECT_EQ(task["overrides"], expected);
  EXPECT_EQ(task["cpu"], "512");
  EXPECT_EQ(task["tags"], json::parse(R"([{"key":"team","value":"a"},{"key":"tier","value":"2"},
                                          {"key":"aws:ecs:clusterName","value":"default"}])"));
  const json plain = api.ok("DescribeTasks", {{"tasks", {task["taskArn"]}}})["tasks"][0];
  EXPECT_TRUE(plain["tags"].empty());
}

TEST(StartTask, EveryInstanceGetsItsTaskOrItsFailure) {
  Api api;
  const std::string good = api.join();
  const std::string gone = api.join();
  api.define("web");
  api.ok("DeregisterContainerInstance", {{"containerInstance", gone}});
  const json started =
      api.ok("StartTask", {{"taskDefinition", "web"}, {"containerInstances", {good, gone, "0123"}}});
  ASSERT_EQ(started["tasks"].size(), 1U);
  EXPECT_EQ(started["tasks"][0]["containerInstanceArn"], good);
  EXPECT_EQ(started["failures"],
            json::array({{{"arn", gone}, {"reason", "INACTIVE"}},
                         {{"arn", "arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123"},
                          {"reason", "MISSING"}}}));
  EXPECT_EQ(api.refused("StartTask", {{"taskDefinition", "web"}}),
            "InvalidParameterException: Container Instances cannot be empty.");
}

TEST(Tasks, UnknownOnesAreMissingOrNotFound) {
  Api api;
  api.ok("CreateCluster", json::object());
  const std::string far = "arn:aws:ecs:us-east-1:000000000000:task/other/abc";
  EXPECT_EQ(
      api.ok("DescribeTasks", {{"tasks", {"abc"}}})["failures"],
      json::array({{{"arn", "arn:aws:ecs:us-east-1:000000000000:task/default/abc"}, {"reason", "MISSING"}}}));
  EXPECT_EQ(api.refused("DescribeTasks", {{"tasks", {far}}}),
            "InvalidParameterException: Invalid identifier: Identifier is for cluster other. Your cluster is "
            "default");
  EXPECT_EQ(api.refused("DescribeTasks", {{"tasks", json::array()}}),
            "InvalidParameterException: Tasks cannot be empty.");
  EXPECT_THAT(api.refused("DescribeTasks", {{"tasks", std::vector<std::string>(101, "x")}}),
              HasSubstr("at most 100"));
  EXPECT_EQ(api.refused("StopTask", {{"task", "abc"}}),
            "InvalidParameterException: The referenced task was not found.");
}

}  // namespace
}  // namespace agent::api::ecs::testing
