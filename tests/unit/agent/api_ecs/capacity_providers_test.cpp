// Capacity providers: made, attached, used by strategies, given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/state/lookup.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kGroup =
    "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:"
    "2d6a0ff6-0000-4000-8000-000000000000:autoScalingGroupName/hosts";

json item(const char* provider, int weight, int base = 0) {
  return {{"capacityProvider", provider}, {"weight", weight}, {"base", base}};
}

class CapacityProviders : public ::testing::Test {
 protected:
  json make(const char* name, const json& more = json::object()) {
    json group{{"autoScalingGroupArn", kGroup}};
    group.update(more);
    return api.ok("CreateCapacityProvider",
                  {{"name", name}, {"autoScalingGroupProvider", group}})["capacityProvider"];
  }
  std::string refused(const char* name, const json& group) {
    return api.refused("CreateCapacityProvider", {{"name", name}, {"autoScalingGroupProvider", group}});
  }
  void attach(const json& names, const json& strategy = json::array()) {
    api.ok("PutClusterCapacityProviders", {{"cluster", "default"},
                                           {"capacityProviders", names},
                                           {"defaultCapacityProviderStrategy", strategy}});
  }
  // Of a provider, with room for many tasks.
  std::string host(const char* provider) {
    const std::string arn = api.join(65536, 65536);
    api.ok("PutAttributes", {{"attributes",
                              {{{"name", "berth.capacity-provider"},
                                {"value", provider},
                                {"targetType", "container-instance"},
                                {"targetId", arn}}}}});
    return arn;
  }
  std::map<std::string, int> run(json request) {
    request["taskDefinition"] = "web";
    std::map<std::string, int> tasks;
    const json answer = api.ok("RunTask", request);
    EXPECT_EQ(answer["failures"], json::array());
    for (const json& each : answer["tasks"]) ++tasks[each["capacityProviderName"]];
    return tasks;
  }

  Api api;
};

TEST_F(CapacityProviders, AreShownWithAllTheirDefaults) {
  const json scaling{{"status", "DISABLED"},
                     {"targetCapacity", 100},
                     {"minimumScalingStepSize", 1},
                     {"maximumScalingStepSize", 10000},
                     {"instanceWarmupPeriod", 300}};
  const json made = make("hosts");
  EXPECT_EQ(made, (json{{"capacityProviderArn", "arn:aws:ecs:us-east-1:000000000000:capacity-provider/hosts"},
                        {"name", "hosts"},
                        {"status", "ACTIVE"},
                        {"autoScalingGroupProvider",
                         {{"autoScalingGroupArn", kGroup},
                          {"managedScaling", scaling},
                          {"managedTerminationProtection", "DISABLED"},
                          {"managedDraining", "ENABLED"}}},
                        {"tags", json::array()}}));
  const json changed = api.ok("UpdateCapacityProvider",
                              {{"name", "hosts"},
                               {"autoScalingGroupProvider",
                                {{"managedScaling", {{"status", "ENABLED"}, {"instanceWarmupPeriod", 0}}},
                                 {"managedTerminationProtection", "ENABLED"}}}})["capacityProvider"];
  EXPECT_EQ(changed["updateStatus"], "UPDATE_COMPLETE");
  EXPECT_EQ(changed["autoScalingGroupProvider"]["managedScaling"]["instanceWarmupPeriod"], 0);
  EXPECT_EQ(changed["autoScalingGroupProvider"]["managedScaling"]["maximumScalingStepSize"], 10000)
      << "stays";
  EXPECT_EQ(changed["autoScalingGroupProvider"]["managedTerminationProtection"], "ENABLED");
}

TEST_F(CapacityProviders, AreDescribedByNameOrArnAndInPagesWithThoseThatAreBuiltIn) {
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i"}) make(name);
  json page = api.ok("DescribeCapacityProviders", json::object());
  ASSERT_EQ(page["capacityProviders"].size(), 10u);
  EXPECT_EQ(page["capacityProviders"][0]["name"], "FARGATE");
  page = api.ok("DescribeCapacityProviders", {{"nextToken", page["nextToken"]}});
  ASSERT_EQ(page["capacityProviders"].size(), 1u);
  EXPECT_EQ(page["capacityProviders"][0]["name"], "i");
  EXPECT_FALSE(page.contains("nextToken"));
  const std::string prefix = "arn:aws:ecs:us-east-1:000000000000:capacity-provider/";
  const json some = api.ok("DescribeCapacityProviders", {{"capacityProviders", {prefix + "a", "none"}}});
  EXPECT_EQ(some["capacityProviders"].size(), 1u);
  EXPECT_EQ(some["failures"], json::array({{{"arn", prefix + "none"}, {"reason", "MISSING"}}}));
  api.ok("TagResource", {{"resourceArn", prefix + "a"}, {"tags", {{{"key", "k"}, {"value", "v"}}}}});
  const auto tags = [&](const json& include) {
    return api.ok("DescribeCapacityProviders",
                  {{"capacityProviders", {"a"}}, {"include", include}})["capacityProviders"][0]["tags"];
  };
  EXPECT_EQ(tags({"TAGS"}), json::array({{{"key", "k"}, {"value", "v"}}}));
  EXPECT_EQ(tags(json::array()), json::array());
  api.join();
  attach({"b", "FARGATE"});
  EXPECT_EQ(api.ok("DescribeCapacityProviders", {{"cluster", "default"}})["capacityProviders"].size(), 2u);
}

TEST_F(CapacityProviders, GoWhenNobodyUsesThemAnyMore) {
  host("hosts");
  make("hosts");
  attach({"hosts"});
  api.define("web");
  const auto gone = [&] { return api.refused("DeleteCapacityProvider", {{"capacityProvider", "hosts"}}); };
  EXPECT_THAT(gone(),
              StartsWith("ClientException: The capacity provider cannot be deleted because it is associated "
                         "with cluster: default."));
  run({{"capacityProviderStrategy", {item("hosts", 1)}}});
  EXPECT_EQ(api.refused("PutClusterCapacityProviders", {{"cluster", "default"},
                                                        {"capacityProviders", json::array()},
                                                        {"defaultCapacityProviderStrategy", json::array()}}),
            "ResourceInUseException: The specified capacity provider is in use and cannot be removed.");
  for (const auto& [key, task] : api.state.tasks.rows()) api.report(task.arn, "STOPPED");
  attach(json::array());
  const json deleted = api.ok("DeleteCapacityProvider", {{"capacityProvider", "hosts"}})["capacityProvider"];
  EXPECT_EQ(deleted["status"], "INACTIVE");
  EXPECT_EQ(deleted["updateStatus"], "DELETE_COMPLETE");
  EXPECT_EQ(
      gone(),
      "ClientException: The specified capacity provider does not exist. Specify a valid name or ARN and "
      "try again.");
  make("hosts");
}

TEST_F(CapacityProviders, AHostShowsTheOneThatItsAttributeNames) {
  const std::string arn = host("hosts");
  const json shown =
      api.ok("DescribeContainerInstances", {{"containerInstances", {arn}}})["containerInstances"][0];
  EXPECT_EQ(shown["capacityProviderName"], "hosts");
}

TEST_F(CapacityProviders, TasksGoToTheHostsOfTheirProviderByBaseAndWeight) {
  const std::string one = host("one");
  const std::string two = host("two");
  make("one");
  make("two");
  attach({"one", "two"});
  api.define("web");
  using Counts = std::map<std::string, int>;
  EXPECT_EQ(run({{"count", 10}, {"capacityProviderStrategy", {item("one", 1), item("two", 4)}}}),
            (Counts{{"one", 2}, {"two", 8}}));
  EXPECT_EQ(run({{"count", 10}, {"capacityProviderStrategy", {item("one", 1, 4), item("two", 1)}}}),
            (Counts{{"one", 7}, {"two", 3}}));
  EXPECT_EQ(run({{"count", 3}, {"capacityProviderStrategy", {item("one", 0, 2), item("two", 1)}}}),
            (Counts{{"one", 2}, {"two", 1}}));
  for (const auto& [key, task] : api.state.tasks.rows()) {
    EXPECT_EQ(task.container_instance_arn, task.capacity_provider == "one" ? one : two);
  }
}

TEST_F(CapacityProviders, TheClustersStrategyHoldsForWhoeverNamesNeitherOneNorALaunchType) {
  host("one");
  make("one");
  attach({"one"}, json::array({item("one", 1)}));
  api.define("web");
  EXPECT_EQ(run(json::object()), (std::map<std::string, int>{{"one", 1}}));
  const json task = api.ok("RunTask", {{"taskDefinition", "web"}, {"launchType", "EC2"}})["tasks"][0];
  EXPECT_FALSE(task.contains("capacityProviderName"));
  const json service = api.ok("CreateService", {{"serviceName", "shop"},
                                                {"taskDefinition", "web"},
                                                {"desiredCount", 1},
                                                {"capacityProviderStrategy", json::array()}})["service"];
  EXPECT_EQ(service["capacityProviderStrategy"], json::array({item("one", 1)}));
  EXPECT_EQ(service["deployments"][0]["capacityProviderStrategy"], json::array({item("one", 1)}));
  EXPECT_FALSE(service.contains("launchType"));
  EXPECT_FALSE(service["deployments"][0].contains("launchType"));
}

TEST_F(CapacityProviders, WithoutAHostOfItsOwnAProviderPlacesNothing) {
  api.join();
  make("one");
  attach({"one"});
  api.define("web");
  const json answer = api.ok(
      "RunTask", {{"taskDefinition", "web"}, {"count", 2}, {"capacityProviderStrategy", {item("one", 1)}}});
  EXPECT_EQ(answer["tasks"], json::array());
  ASSERT_EQ(answer["failures"].size(), 2u);
  EXPECT_EQ(answer["failures"][0]["reason"], "EMPTY CAPACITY PROVIDER");
  EXPECT_THAT(answer["failures"][0]["detail"], HasSubstr("berth.capacity-provider"));
  // Other providers' hosts are not tried.
  const std::string small = host("one");
  api.define("big", {{"memory", 100'000}});
  const json full =
      api.ok("RunTask", {{"taskDefinition", "big"}, {"capacityProviderStrategy", {item("one", 1)}}});
  EXPECT_EQ(full["failures"], json::array({{{"arn", small}, {"reason", "RESOURCE:MEMORY"}}}));
}

TEST_F(CapacityProviders, AServiceChangesItsStrategyOnlyWithANewDeployment) {
  host("one");
  make("one");
  make("two");
  attach({"one", "two"});
  api.define("web");
  api.ok("CreateService", {{"serviceName", "shop"},
                           {"taskDefinition", "web"},
                           {"desiredCount", 1},
                           {"capacityProviderStrategy", {item("one", 1)}}});
  const json two = json::array({item("two", 1)});
  EXPECT_THAT(api.refused("UpdateService", {{"service", "shop"}, {"capacityProviderStrategy", two}}),
              HasSubstr("force a new deployment"));
  api.ok("UpdateService", {{"service", "shop"}, {"capacityProviderStrategy", {item("one", 1)}}});
  const json moved = api.ok(
      "UpdateService",
      {{"service", "shop"}, {"capacityProviderStrategy", two}, {"forceNewDeployment", true}})["service"];
  EXPECT_EQ(moved["capacityProviderStrategy"], two);
  EXPECT_EQ(moved["deployments"].size(), 2u);
  const json back = api.ok("UpdateService", {{"service", "shop"},
                                             {"capacityProviderStrategy", json::array()},
                                             {"forceNewDeployment", true}})["service"];
  EXPECT_EQ(back["launchType"], "EC2");
  EXPECT_FALSE(back.contains("capacityProviderStrategy"));
}

TEST_F(CapacityProviders, WhatCannotBeIsRefused) {
  make("hosts");
  EXPECT_THAT(refused("hosts", {{"autoScalingGroupArn", kGroup}}),
              StartsWith("ClientException: A capacity provider with "
                         "the name 'hosts' already exists."));
  for (const char* name : {"aws-x", "ECS1", "fargate_x"}) {
    EXPECT_THAT(refused(name, {{"autoScalingGroupArn", kGroup}}), HasSubstr("must not begin with"));
  }
  EXPECT_THAT(refused("a b", {{"autoScalingGroupArn", kGroup}}), HasSubstr("'a b'"));
  EXPECT_THAT(refused("x", {{"autoScalingGroupArn", "arn:aws:s3:::b"}}), HasSubstr("is not valid"));
  const auto with = [&](json more) {
    more["autoScalingGroupArn"] = kGroup;
    return refused("x", more);
  };
  EXPECT_THAT(with({{"managedScaling", {{"targetCapacity", 101}}}}),
              HasSubstr("targetCapacity must be between 1 and 100, got 101."));
  EXPECT_THAT(with({{"managedScaling", {{"minimumScalingStepSize", 0}}}}),
              HasSubstr("minimumScalingStepSize"));
  EXPECT_THAT(with({{"managedScaling", {{"instanceWarmupPeriod", 10001}}}}),
              HasSubstr("instanceWarmupPeriod"));
  EXPECT_THAT(with({{"managedScaling", {{"status", "on"}}}}), HasSubstr("Invalid status 'on'"));
  EXPECT_THAT(with({{"managedTerminationProtection", "ENABLED"}}),
              HasSubstr("managed scaling must be enabled"));
  EXPECT_THAT(
      api.refused("CreateCapacityProvider", {{"name", "x"}, {"managedInstancesProvider", json::object()}}),
      StartsWith("UnsupportedFeatureException: managedInstancesProvider"));
  EXPECT_THAT(api.refused("CreateCapacityProvider", {{"name", "x"}}),
              HasSubstr("autoScalingGroupProvider must be given."));
  EXPECT_THAT(api.refused("DeleteCapacityProvider", {{"capacityProvider", "FARGATE"}}),
              StartsWith("ClientException: "));
  EXPECT_THAT(
      api.refused("UpdateCapacityProvider", {{"name", "none"}, {"autoScalingGroupProvider", json::object()}}),
      HasSubstr("does not exist"));
}

TEST_F(CapacityProviders, AStrategyThatCannotBeIsRefused) {
  api.join();
  make("one");
  make("loose");
  attach({"one", "FARGATE"});
  api.define("web");
  const auto run_by = [&](const json& strategy) {
    return api.refused("RunTask", {{"taskDefinition", "web"}, {"capacityProviderStrategy", strategy}});
  };
  EXPECT_THAT(run_by(json::array({item("loose", 1)})), HasSubstr("is not associated with the cluster"));
  EXPECT_THAT(run_by(json::array({item("one", 0)})), HasSubstr("weight greater than 0"));
  EXPECT_THAT(run_by(json::array({item("one", 1001)})), HasSubstr("weight must be between"));
  EXPECT_THAT(run_by(json::array({item("one", 1), item("one", 2)})), HasSubstr("only once"));
  EXPECT_THAT(run_by(json::array({item("one", 1, 1), item("loose", 1, 1)})), HasSubstr("Only one item"));
  EXPECT_THAT(run_by(json::array({item("one", 1), item("FARGATE", 1)})), HasSubstr("cannot contain a mix"));
  EXPECT_THAT(run_by(json::array({item("FARGATE", 1)})), StartsWith("UnsupportedFeatureException: "));
  EXPECT_THAT(api.refused("RunTask", {{"taskDefinition", "web"},
                                      {"launchType", "EC2"},
                                      {"capacityProviderStrategy", {item("one", 1)}}}),
              HasSubstr("Specifying both a launch type and capacity provider strategy is not supported."));
}

}  // namespace
}  // namespace agent::api::ecs::testing
