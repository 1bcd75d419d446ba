// Service deployments and revisions, and StopServiceDeployment. What becomes of them as tasks come up and
// fail is tested in control's services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class History : public ::testing::Test {
 protected:
  History() {
    api.ok("CreateCluster", json::object());
    api.define("web");
    service = api.ok("CreateService",
                     {{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 2}})["service"];
  }
  json deploy() {
    api.now += std::chrono::seconds(1);
    return api.ok("UpdateService", {{"service", "shop"}, {"forceNewDeployment", true}})["service"];
  }
  json listed(json filter = json::object()) {
    filter["service"] = "shop";
    return api.ok("ListServiceDeployments", filter)["serviceDeployments"];
  }
  json described(const std::string& arn) {
    const json answer = api.ok("DescribeServiceDeployments", {{"serviceDeploymentArns", {arn}}});
    EXPECT_EQ(answer["failures"], json::array());
    return answer["serviceDeployments"][0];
  }

  Api api;
  json service;
};

// Terraform 6 finds the deployment that it made by these digits.
TEST_F(History, ARevisionHasTheDigitsOfItsDeployment) {
  const std::string id = service["deployments"][0]["id"];
  const std::string digits = id.substr(id.find('/') + 1);
  const json all = listed();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["targetServiceRevisionArn"],
            "arn:aws:ecs:us-east-1:000000000000:service-revision/default/shop/" + digits);
  EXPECT_EQ(all[0]["status"], "IN_PROGRESS");
  EXPECT_EQ(service["currentServiceDeployment"], all[0]["serviceDeploymentArn"]);
  EXPECT_EQ(service["currentServiceRevisions"], json::array({{{"arn", all[0]["targetServiceRevisionArn"]},
                                                              {"requestedTaskCount", 2},
                                                              {"runningTaskCount", 0},
                                                              {"pendingTaskCount", 0}}}));
  const json revision =
      api.ok("DescribeServiceRevisions", {{"serviceRevisionArns", {all[0]["targetServiceRevisionArn"]}}});
  EXPECT_EQ(revision["serviceRevisions"],
            json::array({{{"serviceRevisionArn", all[0]["targetServiceRevisionArn"]},
                          {"serviceArn", service["serviceArn"]},
                          {"clusterArn", service["clusterArn"]},
                          {"taskDefinition", service["taskDefinition"]},
                          {"launchType", "EC2"},
                          {"loadBalancers", json::array()},
                          {"containerImages", {{{"containerName", "web"}, {"image", "nginx:1"}}}},
                          {"guardDutyEnabled", false},
                          {"createdAt", service["createdAt"]}}}));
}

TEST_F(History, ANewerDeploymentStopsTheOneThatIsUnderWay) {
  deploy();
  const json all = listed();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["status"], "IN_PROGRESS") << "the newest comes first";
  EXPECT_EQ(all[1]["status"], "STOPPED");
  const json newest = described(all[0]["serviceDeploymentArn"]);
  ASSERT_EQ(newest["sourceServiceRevisions"].size(), 1u);
  EXPECT_EQ(newest["sourceServiceRevisions"][0]["arn"], all[1]["targetServiceRevisionArn"]);
  EXPECT_EQ(newest["deploymentCircuitBreaker"],
            (json{{"status", "DISABLED"}, {"failureCount", 0}, {"threshold", 3}}));
  const json older = described(all[1]["serviceDeploymentArn"]);
  EXPECT_EQ(older["stoppedAt"], older["finishedAt"]);
  EXPECT_THAT(older["statusReason"].get<std::string>(), HasSubstr("newer"));
}

TEST_F(History, IsFilteredAndPaged) {
  for (int i = 0; i < 24; ++i) deploy();
  EXPECT_EQ(listed().size(), 20u);
  EXPECT_EQ(listed({{"status", {"IN_PROGRESS"}}}).size(), 1u);
  EXPECT_EQ(listed({{"status", {"PENDING"}}}).size(), 0u);
  const double start = shared::epoch_seconds(api.now) - 2.5;
  EXPECT_EQ(listed({{"createdAt", {{"after", start}}}}).size(), 3u);
  EXPECT_EQ(listed({{"createdAt", {{"before", start}}}, {"maxResults", 100}}).size(), 22u);
  const json first = api.ok("ListServiceDeployments", {{"service", "shop"}, {"maxResults", 24}});
  const json rest =
      api.ok("ListServiceDeployments", {{"service", "shop"}, {"nextToken", first["nextToken"]}});
  ASSERT_EQ(rest["serviceDeployments"].size(), 1u);
  EXPECT_FALSE(rest.contains("nextToken"));
}

TEST_F(History, KeepsTheNewestHundred) {
  for (int i = 0; i < 120; ++i) deploy();
  EXPECT_EQ(listed({{"maxResults", 100}}).size(), 100u);
  EXPECT_EQ(api.state.service_deployments.rows().size(), 100u);
  EXPECT_LE(api.state.service_revisions.rows().size(), 202u);
}

TEST_F(History, ADeploymentIsStoppedOnce) {
  const std::string arn = service["currentServiceDeployment"];
  const auto stop = [&](const char* type) {
    return api.refused("StopServiceDeployment", {{"serviceDeploymentArn", arn}, {"stopType", type}});
  };
  EXPECT_THAT(stop("ROLLBACK"), StartsWith("InvalidParameterException: There is no completed deployment"));
  EXPECT_THAT(stop("NOW"), HasSubstr("Unknown stopType 'NOW'"));
  EXPECT_EQ(api.ok("StopServiceDeployment", {{"serviceDeploymentArn", arn}, {"stopType", "ABORT"}}),
            (json{{"serviceDeploymentArn", arn}}));
  EXPECT_EQ(described(arn)["status"], "STOPPED");
  const json after = api.ok("DescribeServices", {{"services", {"shop"}}})["services"][0];
  EXPECT_EQ(after["deployments"][0]["rolloutState"], "FAILED");
  EXPECT_FALSE(after.contains("currentServiceDeployment"));
  EXPECT_EQ(stop("ABORT"),
            "ConflictException: The service deployment is not in progress: its status is STOPPED.");
}

TEST_F(History, WhatIsNotThereIsAFailureAndWhatIsNoneIsRefused) {
  const std::string none = "arn:aws:ecs:us-east-1:000000000000:service-deployment/default/shop/none";
  EXPECT_EQ(api.ok("DescribeServiceDeployments", {{"serviceDeploymentArns", {none}}})["failures"],
            json::array({{{"arn", none}, {"reason", "MISSING"}}}));
  EXPECT_THAT(api.refused("StopServiceDeployment", {{"serviceDeploymentArn", none}}),
              StartsWith("ServiceDeploymentNotFoundException: "));
  EXPECT_THAT(api.refused("DescribeServiceRevisions", {{"serviceRevisionArns", {none}}}),
              StartsWith("InvalidParameterException: Invalid identifier"));
  EXPECT_THAT(api.refused("DescribeServiceRevisions", json::object()), HasSubstr("cannot be empty"));
  EXPECT_THAT(api.refused("ListServiceDeployments", {{"service", "none"}}),
              StartsWith("ServiceNotFoundException: "));
  EXPECT_THAT(api.refused("ListServiceDeployments", {{"service", "shop"}, {"status", {"DONE"}}}),
              HasSubstr("'DONE'"));
  EXPECT_THAT(api.refused("ListServiceDeployments",
                          {{"service", "shop"}, {"createdAt", {{"before", 1}, {"after", 2}}}}),
              HasSubstr("createdAt.before"));
  EXPECT_THAT(api.refused("ListServicesByNamespace", {{"namespace", "shop"}}),
              StartsWith("NamespaceNotFoundException: "));
  EXPECT_THAT(api.refused("ListServicesByNamespace", json::object()),
              HasSubstr("Namespace cannot be empty."));
  EXPECT_THAT(api.refused("ContinueServiceDeployment", json::object()),
              HasSubstr("serviceDeploymentArn cannot be empty."));
}

TEST_F(History, TheBreakersThresholdIsKeptShownAndHolds) {
  const json breaker{{"enable", true},
                     {"rollback", false},
                     {"resetOnHealthyTask", false},
                     {"thresholdConfiguration", {{"type", "COUNT"}, {"value", 7}}}};
  const auto update = [&](const json& given) {
    return json{{"service", "shop"}, {"deploymentConfiguration", {{"deploymentCircuitBreaker", given}}}};
  };
  EXPECT_EQ(api.ok("UpdateService",
                   update(breaker))["service"]["deploymentConfiguration"]["deploymentCircuitBreaker"],
            breaker);
  const json made = deploy();
  EXPECT_EQ(described(made["currentServiceDeployment"])["deploymentCircuitBreaker"],
            (json{{"status", "MONITORING"}, {"failureCount", 0}, {"threshold", 7}}));
  const auto refused = [&](const char* type, int value) {
    return api.refused("UpdateService",
                       update({{"thresholdConfiguration", {{"type", type}, {"value", value}}}}));
  };
  EXPECT_THAT(refused("SOME", 1), HasSubstr("Unknown type 'SOME'"));
  EXPECT_THAT(refused("COUNT", 0), HasSubstr("between 1 and 5000"));
  EXPECT_THAT(refused("BOUNDED_PERCENT", 101), HasSubstr("between 1 and 100"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
