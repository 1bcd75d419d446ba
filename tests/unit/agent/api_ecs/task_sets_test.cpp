// Task sets of services with the EXTERNAL controller: shapes, tokens and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TaskSets : public ::testing::Test {
 protected:
  TaskSets() {
    api.ok("CreateCluster", json::object());
    definition = api.define("web");
    api.ok("CreateService", {{"serviceName", "ours"}, {"taskDefinition", "web"}, {"desiredCount", 1}});
    service = api.ok("CreateService", {{"serviceName", "shop"},
                                       {"desiredCount", 3},
                                       {"deploymentController", {{"type", "EXTERNAL"}}}})["service"];
  }
  json with(json more) {
    more["cluster"] = "default";
    if (!more.contains("service")) more["service"] = "shop";
    return more;
  }
  json make(json more = json::object()) {
    more["taskDefinition"] = "web";
    return api.ok("CreateTaskSet", with(more))["taskSet"];
  }
  json described() { return api.ok("DescribeServices", {{"services", {"shop"}}})["services"][0]; }

  Api api;
  std::string definition;
  json service;
};

TEST_F(TaskSets, AServiceHasNoneAtFirstAndNoDeployments) {
  EXPECT_EQ(service["deploymentController"], (json{{"type", "EXTERNAL"}}));
  EXPECT_EQ(service["deployments"], json::array());
  EXPECT_EQ(service["taskSets"], json::array());
  EXPECT_FALSE(service.contains("taskDefinition"));
  EXPECT_FALSE(service.contains("launchType"));
  EXPECT_EQ(api.ok("ListServices", json::object())["serviceArns"].size(), 2u);
}

TEST_F(TaskSets, AreMadeScaledMadePrimaryAndDeleted) {
  const json set = make({{"scale", {{"value", 50}, {"unit", "PERCENT"}}},
                         {"externalId", "green"},
                         {"clientToken", "once"},
                         {"tags", {{{"key", "k"}, {"value", "v"}}}}});
  const std::string id = set["id"];
  EXPECT_EQ(set["taskSetArn"], "arn:aws:ecs:us-east-1:000000000000:task-set/default/shop/" + id);
  EXPECT_EQ(set["status"], "ACTIVE");
  EXPECT_EQ(set["computedDesiredCount"], 2);
  EXPECT_EQ(set["scale"], (json{{"value", 50.0}, {"unit", "PERCENT"}}));
  EXPECT_EQ(set["stabilityStatus"], "STABILIZING");
  EXPECT_EQ(set["externalId"], "green");
  EXPECT_EQ(set["launchType"], "EC2");
  EXPECT_EQ(set["taskDefinition"], definition);
  EXPECT_EQ(make({{"clientToken", "once"}})["id"], id) << "the same token is the same set";
  const json scaled =
      api.ok("UpdateTaskSet", with({{"taskSet", set["taskSetArn"]}, {"scale", {{"value", 100}}}}))["taskSet"];
  EXPECT_EQ(scaled["computedDesiredCount"], 3);
  EXPECT_EQ(api.ok("UpdateServicePrimaryTaskSet", with({{"primaryTaskSet", id}}))["taskSet"]["status"],
            "PRIMARY");
  EXPECT_EQ(described()["taskDefinition"], definition);
  EXPECT_EQ(described()["launchType"], "EC2");
  EXPECT_EQ(described()["taskSets"].size(), 1u);
  const json tagged = api.ok("DescribeTaskSets", with({{"include", {"TAGS"}}}));
  EXPECT_EQ(tagged["taskSets"][0]["tags"], json::array({{{"key", "k"}, {"value", "v"}}}));
  api.ok("TagResource", {{"resourceArn", set["taskSetArn"]}, {"tags", {{{"key", "k"}, {"value", "w"}}}}});
  EXPECT_EQ(api.ok("ListTagsForResource", {{"resourceArn", set["taskSetArn"]}})["tags"],
            json::array({{{"key", "k"}, {"value", "w"}}}));
  EXPECT_THAT(
      api.refused("ListTagsForResource", {{"resourceArn", set["taskSetArn"].get<std::string>() + "0"}}),
      StartsWith("ResourceNotFoundException: "));
  EXPECT_THAT(api.refused("DeleteTaskSet", with({{"taskSet", id}})), HasSubstr("primary task set"));
  EXPECT_EQ(api.ok("DeleteTaskSet", with({{"taskSet", id}, {"force", true}}))["taskSet"]["status"],
            "DRAINING");
  EXPECT_FALSE(described().contains("taskDefinition"));
  EXPECT_THAT(api.refused("UpdateTaskSet", with({{"taskSet", id}, {"scale", {{"value", 1}}}})),
              HasSubstr("DRAINING"));
}

TEST_F(TaskSets, WhatCannotBeIsRefused) {
  const auto refused = [&](const char* operation, const json& more) {
    return api.refused(operation, with(more));
  };
  EXPECT_THAT(api.refused("CreateTaskSet", {{"service", "shop"}, {"taskDefinition", "web"}}),
              HasSubstr("cluster must be given."));
  EXPECT_THAT(refused("CreateTaskSet", {{"service", "none"}, {"taskDefinition", "web"}}),
              StartsWith("ServiceNotFoundException: "));
  EXPECT_THAT(refused("CreateTaskSet", {{"service", "ours"}, {"taskDefinition", "web"}}),
              HasSubstr("EXTERNAL deployment controller"));
  EXPECT_THAT(refused("CreateTaskSet", json::object()), HasSubstr("taskDefinition must be given."));
  EXPECT_EQ(refused("CreateTaskSet", {{"taskDefinition", "none"}}),
            "ClientException: TaskDefinition not found.");
  EXPECT_THAT(refused("CreateTaskSet", {{"taskDefinition", "web"}, {"scale", {{"value", 101}}}}),
              HasSubstr("between 0 and 100"));
  EXPECT_THAT(refused("CreateTaskSet", {{"taskDefinition", "web"}, {"scale", {{"unit", "TASKS"}}}}),
              HasSubstr("must be PERCENT"));
  EXPECT_THAT(refused("UpdateTaskSet", {{"taskSet", "ecs-svc/1"}, {"scale", {{"value", 1}}}}),
              StartsWith("TaskSetNotFoundException: "));
  EXPECT_THAT(refused("DeleteTaskSet", {{"taskSet", "ecs-svc/1"}}), StartsWith("TaskSetNotFoundException: "));
  EXPECT_THAT(refused("UpdateServicePrimaryTaskSet", {{"primaryTaskSet", "ecs-svc/1"}}),
              StartsWith("TaskSetNotFoundException: "));
  EXPECT_EQ(api.ok("DescribeTaskSets", with({{"taskSets", {"ecs-svc/1"}}}))["failures"],
            json::array({{{"arn", "arn:aws:ecs:us-east-1:000000000000:task-set/default/shop/ecs-svc/1"},
                          {"reason", "MISSING"}}}));
  for (int i = 0; i < 5; ++i) make();
  EXPECT_THAT(refused("CreateTaskSet", {{"taskDefinition", "web"}}), StartsWith("LimitExceededException: "));
  const json external{{"type", "EXTERNAL"}};
  const auto created = [&](json more) {
    more.update(json{{"serviceName", "x"}, {"desiredCount", 1}, {"deploymentController", external}});
    return api.refused("CreateService", more);
  };
  EXPECT_THAT(created({{"taskDefinition", "web"}}), HasSubstr("taskDefinition cannot be given"));
  EXPECT_THAT(created({{"launchType", "EC2"}}), HasSubstr("launchType cannot be given"));
  for (const json& more : {json{{"taskDefinition", "web"}}, json{{"forceNewDeployment", true}},
                           json{{"deploymentConfiguration", {{"maximumPercent", 150}}}}}) {
    json request = more;
    request["service"] = "shop";
    EXPECT_THAT(api.refused("UpdateService", request), StartsWith("InvalidParameterException: ")) << more;
  }
  EXPECT_THAT(api.refused("UpdateService", {{"service", "ours"}, {"deploymentController", external}}),
              HasSubstr("cannot be changed"));
  api.ok("UpdateService", {{"service", "shop"}, {"desiredCount", 1}});
}

}  // namespace
}  // namespace agent::api::ecs::testing
