#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Services : public ::testing::Test {
 protected:
  Services() {
    api.join();
    api.define("web");
  }
  json create(const json& more = json::object()) {
    json request{{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 2}};
    request.update(more);
    return request;
  }
  Api api;
};

TEST_F(Services, CreateAnswersEverythingThatClientsWaitFor) {
  const json service =
      api.ok("CreateService", create({{"placementStrategy", {{{"type", "binpack"}, {"field", "MEMORY"}}}},
                                      {"availabilityZoneRebalancing", "DISABLED"},
                                      {"tags", {{{"key", "a"}, {"value", "b"}}}}}))["service"];
  EXPECT_EQ(service["serviceArn"], "arn:aws:ecs:us-east-1:000000000000:service/default/shop");
  EXPECT_EQ(service["status"], "ACTIVE");
  EXPECT_EQ(service["desiredCount"], 2);
  EXPECT_EQ(service["runningCount"], 0);
  EXPECT_EQ(service["launchType"], "EC2");
  EXPECT_EQ(service["schedulingStrategy"], "REPLICA");
  EXPECT_EQ(service["deploymentController"], json({{"type", "ECS"}}));
  EXPECT_EQ(service["propagateTags"], "NONE");
  EXPECT_EQ(service["availabilityZoneRebalancing"], "DISABLED");
  EXPECT_EQ(service["placementStrategy"], json::parse(R"([{"type":"binpack","field":"MEMORY"}])"));
  EXPECT_EQ(service["deploymentConfiguration"]["maximumPercent"], 200);
  EXPECT_EQ(service["deploymentConfiguration"]["minimumHealthyPercent"], 100);
  EXPECT_EQ(service["deploymentConfiguration"]["deploymentCircuitBreaker"],
            json({{"enable", false}, {"rollback", false}}));
  ASSERT_EQ(service["deployments"].size(), 1U);
  EXPECT_EQ(service["deployments"][0]["status"], "PRIMARY");
  EXPECT_EQ(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
  EXPECT_THAT(service["deployments"][0]["id"].get<std::string>(),
              ::testing::MatchesRegex("ecs-svc/[0-9]{19}"));
  for (const char* list : {"loadBalancers", "serviceRegistries", "events", "placementConstraints"}) {
    EXPECT_TRUE(service[list].is_array()) << list;
  }
  EXPECT_FALSE(api.ok("DescribeServices", {{"services", {"shop"}}})["services"][0].contains("tags"));
  EXPECT_EQ(
      api.ok("DescribeServices", {{"services", {"shop"}}, {"include", {"TAGS"}}})["services"][0]["tags"],
      json::parse(R"([{"key":"a","value":"b"}])"));
}

TEST_F(Services, ARepeatIsTheSameServiceAndOtherParametersAreNot) {
  const json first = api.ok("CreateService", create());
  EXPECT_EQ(api.ok("CreateService", create({{"loadBalancers", json::array()}, {"launchType", "EC2"}})),
            first);
  EXPECT_THAT(
      api.refused("CreateService", create({{"placementConstraints",
                                            {{{"type", "memberOf"}, {"expression", "attribute:x =="}}}}})),
      HasSubstr("Invalid expression: at position 15"));
  EXPECT_EQ(api.refused("CreateService", create({{"desiredCount", 3}})),
            "InvalidParameterException: Creation of service was not idempotent.");
  api.ok("CreateService", create({{"serviceName", "token"}, {"clientToken", "t"}}));
  EXPECT_EQ(api.ok("CreateService", create({{"serviceName", "token"},
                                            {"clientToken", "t"},
                                            {"desiredCount", 5}}))["service"]["desiredCount"],
            2);
}

TEST_F(Services, HaveAtMostFiveThousandTasks) {
  const std::string text =
      "InvalidParameterException: Desired count exceeds limit. desiredCount can be at most 5000, got 5001.";
  EXPECT_EQ(api.refused("CreateService", create({{"desiredCount", 5001}})), text);
  EXPECT_EQ(api.ok("CreateService", create({{"desiredCount", 5000}}))["service"]["desiredCount"], 5000);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"desiredCount", 5001}}), text);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"desiredCount", -1}}),
            "InvalidParameterException: desiredCount must not be negative, got -1.");
}

TEST_F(Services, UpdateChangesWhatIsGivenAndNothingElse) {
  api.ok("CreateService", create({{"placementConstraints", {{{"type", "distinctInstance"}}}}}));
  const std::string before =
      api.ok("DescribeServices", {{"services", {"shop"}}})["services"][0]["deployments"][0]["id"];
  json updated = api.ok("UpdateService", {{"service", "shop"}, {"desiredCount", 5}})["service"];
  EXPECT_EQ(updated["desiredCount"], 5);
  EXPECT_EQ(updated["placementConstraints"].size(), 1U);
  EXPECT_EQ(updated["deployments"][0]["id"], before);
  updated =
      api.ok("UpdateService", {{"service", updated["serviceArn"]},
                               {"placementConstraints", json::array()},
                               {"deploymentConfiguration", {{"minimumHealthyPercent", 50}}}})["service"];
  EXPECT_TRUE(updated["placementConstraints"].empty());
  EXPECT_EQ(updated["deploymentConfiguration"]["minimumHealthyPercent"], 50);
  EXPECT_EQ(updated["deploymentConfiguration"]["maximumPercent"], 200);
  api.define("web");
  updated = api.ok("UpdateService", {{"service", "shop"}, {"taskDefinition", "web"}})["service"];
  EXPECT_THAT(updated["taskDefinition"].get<std::string>(), ::testing::EndsWith("web:2"));
  EXPECT_EQ(updated["deployments"].size(), 2U);
  EXPECT_NE(updated["deployments"][0]["id"], before);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "none"}}),
            "ServiceNotFoundException: Service not found.");
}

TEST_F(Services, DeletedOnesStayDescribable) {
  api.ok("CreateService", create());
  EXPECT_EQ(api.refused("DeleteService", {{"service", "shop"}}),
            "InvalidParameterException: The service cannot be stopped while it is scaled above 0.");
  api.ok("UpdateService", {{"service", "shop"}, {"desiredCount", 0}});
  const std::string status = api.ok("DeleteService", {{"service", "shop"}})["service"]["status"];
  EXPECT_TRUE(status == "DRAINING" || status == "INACTIVE") << status;
  EXPECT_EQ(api.ok("DescribeServices", {{"services", {"shop"}}})["services"][0]["status"], status);
  EXPECT_TRUE(api.ok("ListServices", json::object())["serviceArns"].empty());
  EXPECT_EQ(api.ok("DescribeServices", {{"services", {"none"}}})["failures"],
            json::array({{{"arn", "arn:aws:ecs:us-east-1:000000000000:service/default/none"},
                          {"reason", "MISSING"}}}));
  EXPECT_EQ(api.refused("DescribeServices", {{"services", json::array()}}),
            "InvalidParameterException: Services cannot be empty.");
}

TEST_F(Services, AnInactiveOneIsNotUpdatedAndTheErrorSaysWhy) {
  api.ok("CreateService", create({{"desiredCount", 0}}));
  api.ok("DeleteService", {{"service", "shop"}});
  api.state.services.edit("default/shop", [](auto& row) { row.status = model::ServiceStatus::kInactive; });
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"desiredCount", 1}}),
            "ServiceNotActiveException: Service was not ACTIVE.");
  EXPECT_EQ(api.refused("DeleteService", {{"service", "shop"}}),
            "ServiceNotFoundException: Service not found.");
}

TEST_F(Services, AServiceConnectBlockThatIsSwitchedOffIsReadBackFromThePrimaryDeployment) {
  const json off{{"enabled", false}};
  json service = api.ok("CreateService", create({{"serviceConnectConfiguration", off}}))["service"];
  EXPECT_EQ(service["deployments"][0]["serviceConnectConfiguration"], off);
  service = api.ok("UpdateService", {{"service", "shop"}, {"forceNewDeployment", true}})["service"];
  ASSERT_EQ(service["deployments"].size(), 2U);
  EXPECT_EQ(service["deployments"][0]["serviceConnectConfiguration"], off);
  EXPECT_FALSE(
      api.ok("CreateService", create({{"serviceName", "plain"}}))["service"]["deployments"][0].contains(
          "serviceConnectConfiguration"));
}

// What would be taken and then not done is refused, whatever else the update says.
TEST_F(Services, AnUpdateIsCheckedLikeACreation) {
  api.ok("CreateService", create());
  const auto refused = [&](json more) {
    more["service"] = "shop";
    return api.refused("UpdateService", more);
  };
  EXPECT_THAT(refused({{"networkConfiguration", {{"awsvpcConfiguration", {{"subnets", {"s"}}}}}}}),
              HasSubstr("Network Configuration is not valid"));
  const auto registry = [&](const json& given) {
    json more = json::object();
    more["serviceRegistries"] = json::array();
    more["serviceRegistries"].push_back(given);
    return refused(more);
  };
  EXPECT_THAT(registry({{"registryArn", "r"}}), HasSubstr("the service registry r does not exist"));
  EXPECT_THAT(registry({{"registryArn", "r"}, {"containerName", "web"}}), HasSubstr("must be given together"));
  EXPECT_THAT(registry({{"registryArn", "r"}, {"port", 70000}}), HasSubstr("got 70000"));
  EXPECT_THAT(refused({{"platformVersion", "LATEST"}}), HasSubstr("platform version must be null"));
  EXPECT_THAT(refused({{"deploymentConfiguration", {{"bakeTimeInMinutes", -5}}}}),
              HasSubstr("bakeTimeInMinutes must be between 0 and 1440"));
  json crowded = definition("crowded");
  crowded["placementConstraints"] =
      json(6, {{"type", "memberOf"}, {"expression", "attribute:ecs.os-type == linux"}});
  api.ok("RegisterTaskDefinition", crowded);
  const json five(5, {{"type", "memberOf"}, {"expression", "attribute:ecs.os-type exists"}});
  api.ok("UpdateService", {{"service", "shop"}, {"placementConstraints", five}});
  EXPECT_THAT(refused({{"taskDefinition", "crowded"}}), HasSubstr("At most 10 placement constraints"));
  EXPECT_EQ(api.ok("UpdateService", {{"service", "shop"},
                                     {"deploymentConfiguration", {{"bakeTimeInMinutes", 0}}},
                                     {"networkConfiguration", json::object()}})["service"]["deployments"]
                .size(),
            1U);
}

TEST_F(Services, ADaemonHasNoCountOfItsOwnAndItsOwnDefaults) {
  const auto daemon = [&](json more) {
    more["schedulingStrategy"] = "DAEMON";
    if (!more.contains("desiredCount")) more["desiredCount"] = nullptr;
    return create(more);
  };
  const json made = api.ok("CreateService", daemon({{"serviceName", "log"}}))["service"];
  EXPECT_EQ(made["schedulingStrategy"], "DAEMON");
  EXPECT_EQ(made["desiredCount"], 0);
  EXPECT_EQ(made["deploymentConfiguration"]["maximumPercent"], 100);
  EXPECT_EQ(made["deploymentConfiguration"]["minimumHealthyPercent"], 0);
  EXPECT_EQ(made["availabilityZoneRebalancing"], "DISABLED");
  EXPECT_EQ(api.ok("ListServices", {{"schedulingStrategy", "DAEMON"}})["serviceArns"],
            json::array({made["serviceArn"]}));
  const auto refused = [&](const json& more) { return api.refused("CreateService", daemon(more)); };
  EXPECT_THAT(refused({{"desiredCount", 2}}), HasSubstr("desiredCount cannot be given"));
  EXPECT_THAT(refused({{"placementStrategy", {{{"type", "random"}}}}}),
              HasSubstr("Placement strategies cannot"));
  EXPECT_THAT(refused({{"availabilityZoneRebalancing", "ENABLED"}}),
              HasSubstr("availabilityZoneRebalancing"));
  EXPECT_THAT(refused({{"deploymentConfiguration", {{"maximumPercent", 200}}}}),
              HasSubstr("maximumPercent must be 100"));
  EXPECT_THAT(refused({{"deploymentConfiguration", {{"minimumHealthyPercent", 101}}}}),
              HasSubstr("between 0 and 100"));
  const auto not_updated = [&](json more) {
    more["service"] = "log";
    return api.refused("UpdateService", more);
  };
  EXPECT_THAT(not_updated({{"desiredCount", 2}}), HasSubstr("desiredCount cannot be given"));
  EXPECT_THAT(not_updated({{"placementStrategy", {{{"type", "random"}}}}}),
              HasSubstr("Placement strategies"));
  EXPECT_THAT(not_updated({{"availabilityZoneRebalancing", "ENABLED"}}),
              HasSubstr("availabilityZoneRebalancing"));
  api.ok("UpdateService", {{"service", "log"}, {"deploymentConfiguration", {{"minimumHealthyPercent", 50}}}});
}

TEST_F(Services, WhatIsNotOfferedOrNotMeantSaysSo) {
  const auto refused = [&](const json& more) { return api.refused("CreateService", create(more)); };
  for (const json& feature :
       {json{{"launchType", "FARGATE"}},
        json{{"serviceConnectConfiguration", {{"enabled", true}}}},
        json{{"deploymentController", {{"type", "CODE_DEPLOY"}}}},
        json{{"loadBalancers", {{{"loadBalancerName", "classic"}}}}}}) {
    EXPECT_THAT(refused(feature), StartsWith("UnsupportedFeatureException: ")) << feature;
  }
  const auto registry = [&](const json& given) {
    json more = json::object();
    more["serviceRegistries"] = json::array();
    more["serviceRegistries"].push_back(given);
    return refused(more);
  };
  EXPECT_THAT(registry({{"registryArn", "r"}}), HasSubstr("the service registry r does not exist"));
  EXPECT_THAT(registry({{"registryArn", "r"}, {"containerName", "web"}}), HasSubstr("must be given together"));
  EXPECT_THAT(registry({{"registryArn", "r"}, {"port", 70000}}), HasSubstr("got 70000"));
  EXPECT_THAT(refused({{"platformVersion", "LATEST"}}), HasSubstr("platform version must be null"));
  EXPECT_THAT(refused({{"serviceName", nullptr}}), HasSubstr("Service name cannot be empty."));
  EXPECT_THAT(refused({{"serviceName", "a b"}}), HasSubstr("'a b'"));
  EXPECT_THAT(refused({{"desiredCount", nullptr}}), HasSubstr("desiredCount must be given"));
  EXPECT_THAT(refused({{"desiredCount", -1}}), HasSubstr("got -1"));
  EXPECT_THAT(refused({{"deploymentConfiguration", {{"maximumPercent", 100}}}}),
              HasSubstr("could neither start nor stop"));
  EXPECT_THAT(refused({{"loadBalancers",
                        {{{"targetGroupArn", "tg"}, {"containerName", "web"}, {"containerPort", 0}}}}}),
              HasSubstr("got 0"));
  EXPECT_THAT(refused({{"loadBalancers", json(6, {{"targetGroupArn", "tg"}})}}),
              HasSubstr("at most 5 target groups"));
  EXPECT_EQ(refused({{"taskDefinition", "none"}}), "ClientException: TaskDefinition not found.");
  // Switched off is as good as absent.
  EXPECT_EQ(
      api.ok("CreateService", create({{"serviceConnectConfiguration", {{"enabled", false}}},
                                      {"capacityProviderStrategy", json::array()},
                                      {"vpcLatticeConfigurations", json::array()}}))["service"]["status"],
      "ACTIVE");
}

}  // namespace
}  // namespace agent::api::ecs::testing
