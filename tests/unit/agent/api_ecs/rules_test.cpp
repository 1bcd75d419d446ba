// Rules that depend on what there is are control's, and those of a request's shape are the API's. Whose a
// rule is, a client sees neither by its text nor by which of several mistakes it is told of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::ElementsAre;

json distinct(int times) {
  json constraints = json::array();
  for (int i = 0; i < times; ++i) constraints.push_back({{"type", "distinctInstance"}});
  return constraints;
}

class RuleOrder : public ::testing::Test {
 protected:
  RuleOrder() {
    instance = api.join();
    gone = api.join();
    api.define("web");
    api.define("old");
    api.ok("DeregisterTaskDefinition", {{"taskDefinition", "old:1"}});
    api.ok("DeregisterContainerInstance", {{"containerInstance", gone}});
    api.ok("CreateService", {{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  }
  Api api;
  std::string instance;
  std::string gone;
  const std::string nobody = "arn:aws:ecs:us-east-1:000000000000:container-instance/default/none";
};

TEST_F(RuleOrder, ADefinitionThatIsOverComesBeforeTheRestOfTheRequest) {
  const std::string inactive = "ClientException: TaskDefinition is inactive";
  EXPECT_EQ(api.refused("RunTask", {{"taskDefinition", "old:1"}, {"count", 0}, {"group", "service:x"}}),
            inactive);
  EXPECT_EQ(api.refused("StartTask", {{"taskDefinition", "old:1"},
                                      {"containerInstances", {instance}},
                                      {"startedBy", std::string(129, 'a')}}),
            inactive);
  EXPECT_EQ(api.refused("CreateService", {{"serviceName", "new"},
                                          {"taskDefinition", "old:1"},
                                          {"desiredCount", 1},
                                          {"placementStrategy", {{{"type", "moon"}}}}}),
            inactive);
  EXPECT_EQ(
      api.refused("UpdateService",
                  {{"service", "shop"}, {"taskDefinition", "old:1"}, {"healthCheckGracePeriodSeconds", -1}}),
      inactive);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"taskDefinition", "none"}}),
            "ClientException: TaskDefinition not found.");
}

TEST_F(RuleOrder, ALaunchTypeThatIsNotOfferedComesBeforeTheDefinition) {
  const std::string text =
      "UnsupportedFeatureException: Launch type FARGATE is not offered: tasks run on your own container "
      "instances. Use EC2 or EXTERNAL.";
  EXPECT_EQ(api.refused("RunTask", {{"taskDefinition", "old:1"}, {"launchType", "FARGATE"}}), text);
  EXPECT_EQ(api.refused("CreateService", {{"serviceName", "new"},
                                          {"taskDefinition", "old:1"},
                                          {"desiredCount", 1},
                                          {"launchType", "FARGATE"}}),
            text);
}

TEST_F(RuleOrder, ConstraintsAreCountedWithThoseOfTheDefinition) {
  const std::string text =
      "InvalidParameterException: At most 10 placement constraints are allowed, counted with those of the "
      "task definition.";
  json bound = definition("bound");
  bound["placementConstraints"] = {{{"type", "memberOf"}, {"expression", "attribute:rack == a"}}};
  api.ok("RegisterTaskDefinition", bound);
  EXPECT_EQ(api.refused("RunTask", {{"taskDefinition", "bound"}, {"placementConstraints", distinct(10)}}),
            text);
  EXPECT_EQ(api.refused("CreateService", {{"serviceName", "new"},
                                          {"taskDefinition", "web"},
                                          {"desiredCount", 1},
                                          {"placementConstraints", distinct(11)}}),
            text);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"placementConstraints", distinct(11)}}),
            text);
  api.ok("UpdateService", {{"service", "shop"}, {"placementConstraints", distinct(10)}});
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"taskDefinition", "bound"}}), text);
}

TEST_F(RuleOrder, AServiceHasAtMostFiveTargetGroups) {
  json balancers = json::array();
  for (int i = 0; i < 6; ++i) {
    balancers.push_back(
        {{"targetGroupArn", "arn:" + std::to_string(i)}, {"containerName", "web"}, {"containerPort", 80}});
  }
  const std::string text = "InvalidParameterException: A service can have at most 5 target groups.";
  EXPECT_EQ(api.refused("CreateService", {{"serviceName", "new"},
                                          {"taskDefinition", "web"},
                                          {"desiredCount", 1},
                                          {"loadBalancers", balancers}}),
            text);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"loadBalancers", balancers}}), text);
  balancers.erase(5);
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"loadBalancers", balancers}}),
            "InvalidParameterException: The specified target group does not exist: arn:0");
}

TEST_F(RuleOrder, AServiceThatIsNotThereComesBeforeTheRestOfTheRequest) {
  EXPECT_EQ(api.refused("UpdateService", {{"service", "none"}, {"desiredCount", -1}}),
            "ServiceNotFoundException: Service not found.");
  EXPECT_EQ(api.refused("ListTasks", {{"serviceName", "none"}, {"desiredStatus", "MOON"}}),
            "ServiceNotFoundException: Service not found.");
  api.ok("DeleteService", {{"service", "shop"}});
  EXPECT_EQ(api.refused("UpdateService", {{"service", "shop"}, {"desiredCount", -1}}),
            "ServiceNotActiveException: Service was not ACTIVE.");
}

TEST_F(RuleOrder, InstancesThatAreNotThereAreToldAfterThoseWithoutRoom) {
  api.define("big", {{"memory", 100'000}});
  const json answer = api.ok(
      "StartTask", {{"taskDefinition", "big"}, {"containerInstances", {nobody, gone, instance, "none"}}});
  EXPECT_TRUE(answer["tasks"].empty());
  std::vector<std::string> failures;
  for (const json& each : answer["failures"]) {
    const std::string arn = each["arn"];
    failures.push_back(std::string(each["reason"]) + (arn == nobody ? " nobody"
                                                      : arn == gone ? " gone"
                                                                    : " there"));
  }
  EXPECT_THAT(failures,
              ElementsAre("RESOURCE:MEMORY there", "MISSING nobody", "INACTIVE gone", "MISSING nobody"));
}

TEST_F(RuleOrder, AStartOnInstancesOfWhichNoneIsThereFailsForEachOfThem) {
  const json answer =
      api.ok("StartTask", {{"taskDefinition", "web"}, {"containerInstances", {gone, "none"}}});
  EXPECT_TRUE(answer["tasks"].empty());
  EXPECT_EQ(answer["failures"],
            json({{{"arn", gone}, {"reason", "INACTIVE"}}, {{"arn", nobody}, {"reason", "MISSING"}}}));
}

TEST_F(RuleOrder, AnInstanceIsDrainedOrDeregisteredWhileItIsThere) {
  const json answer = api.ok("UpdateContainerInstancesState",
                             {{"status", "DRAINING"}, {"containerInstances", {gone, "none", instance}}});
  EXPECT_EQ(answer["failures"],
            json({{{"arn", gone}, {"reason", "INACTIVE"}}, {{"arn", nobody}, {"reason", "MISSING"}}}));
  EXPECT_EQ(answer["containerInstances"][0]["status"], "DRAINING");
  EXPECT_EQ(
      api.refused("UpdateContainerInstancesState", {{"status", "INACTIVE"}, {"containerInstances", {gone}}}),
      "InvalidParameterException: Container instance status must be ACTIVE or DRAINING, got 'INACTIVE'.");
  for (const std::string& each : {gone, std::string("none")}) {
    EXPECT_EQ(api.refused("DeregisterContainerInstance", {{"containerInstance", each}}),
              "InvalidParameterException: The referenced container instance was not found.");
  }
}

TEST_F(RuleOrder, AttributesAreLookedAtOneAfterTheOther) {
  const auto attribute = [&](const std::string& target, const std::string& name, const std::string& value) {
    return json{{"targetId", target}, {"name", name}, {"value", value}};
  };
  EXPECT_EQ(
      api.refused("PutAttributes", {{"attributes", {attribute(gone, "rack", "a"), attribute("", "x", "y")}}}),
      "TargetNotFoundException: The specified target '" + gone + "' was not found in cluster default.");
  EXPECT_EQ(
      api.refused("PutAttributes",
                  {{"attributes", {attribute(instance, "b d", "a"), attribute(nobody, "x", "y")}}}),
      "TargetNotFoundException: The specified target '" + nobody + "' was not found in cluster default.")
      << "targets come before names";
  api.ok("PutAttributes", {{"attributes", {attribute(instance, "rack", "a")}}});
  EXPECT_EQ(api.refused("DeleteAttributes", {{"attributes", {attribute(instance, "rack", "b")}}}),
            "InvalidParameterException: Attribute rack of " + instance +
                " is 'a', not 'b': leave the value out to delete it.");
  const json deleted =
      api.ok("DeleteAttributes",
             {{"attributes", {attribute(instance, "rack", "a"), attribute(instance, "shelf", "")}}});
  EXPECT_EQ(deleted["attributes"], json({{{"name", "rack"}, {"value", "a"}, {"targetId", instance}}}));
}

TEST_F(RuleOrder, AWrongAddressOfAHostHasOneTextWhoeverGivesIt) {
  const std::string text = "InvalidParameterException: attribute berth.address: 'here' is not an IP address";
  const json address{{"name", "berth.address"}, {"value", "here"}};
  EXPECT_EQ(api.refused("RegisterContainerInstance", {{"attributes", {address}}}), text);
  json put = address;
  put["targetId"] = instance;
  EXPECT_EQ(api.refused("PutAttributes", {{"attributes", {put}}}), text);
}

TEST_F(RuleOrder, TagsAreCheckedBeforeTheirResourceIsLookedFor) {
  const json reserved = {{{"key", "aws:x"}, {"value", ""}}};
  const std::string service = "arn:aws:ecs:us-east-1:000000000000:service/default/none";
  EXPECT_THAT(api.refused("TagResource", {{"resourceArn", service}, {"tags", reserved}}),
              ::testing::StartsWith("InvalidParameterException: "));
  EXPECT_THAT(
      api.refused("TagResource", {{"resourceArn", service}, {"tags", {{{"key", "x"}, {"value", ""}}}}}),
      ::testing::StartsWith("ResourceNotFoundException: "));
}

TEST_F(RuleOrder, AClusterThatIsNotThereOrIsOverSaysSo) {
  EXPECT_EQ(api.refused("DeleteCluster", {{"cluster", "none"}}),
            "ClusterNotFoundException: Cluster not found.");
  api.ok("CreateCluster", {{"clusterName", "over"}});
  api.ok("DeleteCluster", {{"cluster", "over"}});
  EXPECT_EQ(api.refused("PutClusterCapacityProviders", {{"cluster", "over"}}),
            "ClientException: Cluster was not ACTIVE");
  EXPECT_EQ(api.refused("PutClusterCapacityProviders", {{"cluster", "none"}}),
            "ClusterNotFoundException: Cluster not found.");
  EXPECT_EQ(api.refused("UpdateCluster", {{"cluster", "over"}, {"settings", {{{"name", "moon"}}}}}),
            "ClusterNotFoundException: The referenced cluster was inactive.");
}

TEST_F(RuleOrder, AStoppedTaskLosesItsTagsOnce) {
  const json tags = {{{"key", "a"}, {"value", "b"}}};
  const std::string task =
      api.ok("RunTask", {{"taskDefinition", "web"}, {"tags", tags}})["tasks"][0]["taskArn"];
  const auto shown = [&] {
    return api.ok("DescribeTasks", {{"tasks", {task}}, {"include", {"TAGS"}}})["tasks"][0]["tags"];
  };
  EXPECT_EQ(shown(), tags);
  EXPECT_EQ(api.ok("StopTask", {{"task", task}})["task"]["stoppedReason"], "Task stopped by user");
  EXPECT_TRUE(shown().empty());
  api.ok("TagResource", {{"resourceArn", task}, {"tags", tags}});
  EXPECT_EQ(api.ok("StopTask", {{"task", task}, {"reason", "again"}})["task"]["stoppedReason"],
            "Task stopped by user");
  EXPECT_EQ(shown(), tags);
}

}  // namespace
}  // namespace agent::api::ecs::testing
