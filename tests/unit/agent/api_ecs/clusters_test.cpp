#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Dispatch, EveryOperationOfEcsIsAnsweredAndOthersAreUnknown) {
  Api api;
  EXPECT_THAT(api.refused("MakeCoffee", json::object()), StartsWith("UnknownOperationException: "));
  EXPECT_THAT(api.refused("runTask", json::object()), StartsWith("UnknownOperationException: "));
  for (const char* operation :
       {"CreateDaemon", "ExecuteCommand", "UpdateContainerAgent", "CreateExpressGatewayService"}) {
    EXPECT_THAT(api.refused(operation, json::object()), StartsWith("UnsupportedFeatureException: "))
        << operation;
  }
}

TEST(Dispatch, WrongTypesAreNamedWithTheirPath) {
  Api api;
  struct Case {
    const char* operation;
    const char* body;
    const char* expected;
  };
  for (const Case& each : {
           Case{"ListClusters", "{", ""},
           Case{"ListClusters", "[]", "the request: expected an object, got a list"},
           Case{"ListClusters", R"({"maxResults":"ten"})", "maxResults: expected an integer, got a string"},
           Case{"ListClusters", R"({"maxResults":1.5})", "maxResults: expected an integer, got a fraction"},
           Case{"ListClusters", R"({"maxResults":4294967296})", "maxResults: expected an integer in range"},
           Case{"DescribeTasks", R"({"tasks":"all"})", "tasks: expected a list, got a string"},
           Case{"DescribeTasks", R"({"tasks":["a",7]})", "tasks[1]: expected a string, got a number"},
           Case{"RegisterTaskDefinition",
                R"({"containerDefinitions":[{"name":"a"},{"environment":[{"name":true}]}]})",
                "containerDefinitions[1].environment[0].name: expected a string, got a boolean"},
           Case{"RegisterTaskDefinition", R"({"containerDefinitions":[{"dockerLabels":{"a":{}}}]})",
                "containerDefinitions[0].dockerLabels.a: expected a string, got an object"},
           Case{"RegisterTaskDefinition", R"({"cpu":256})", "cpu: expected a string, got a number"},
           Case{"RunTask", R"({"overrides":{"containerOverrides":[{"command":"ls"}]}})",
                "overrides.containerOverrides[0].command: expected a list, got a string"},
       }) {
    const auto answer = api.call_text(each.operation, each.body);
    ASSERT_FALSE(answer) << each.body;
    EXPECT_EQ(answer.error().code(), "SerializationException") << each.body;
    EXPECT_THAT(answer.error().text(), HasSubstr(each.expected)) << each.body;
  }
}

TEST(Dispatch, NullsUnknownMembersAndAnEmptyBodyCountAsAbsent) {
  Api api;
  EXPECT_TRUE(api.call_text("CreateCluster", ""));
  EXPECT_TRUE(api.call_text("CreateCluster", R"({"clusterName":null,"tags":null,"colour":7})"));
  EXPECT_EQ(api.ok("ListClusters", {{"nextToken", nullptr}, {"maxResults", 3.0}}).at("clusterArns").size(),
            1U);
}

TEST(Clusters, CreateIsIdempotentAndDeletedOnesStayDescribableAndComeBackEmpty) {
  Api api;
  const json first =
      api.ok("CreateCluster", {{"clusterName", "prod"}, {"tags", {{{"key", "team"}, {"value", "a"}}}}});
  EXPECT_EQ(first["cluster"]["status"], "ACTIVE");
  EXPECT_EQ(first["cluster"]["settings"],
            json::parse(R"([{"name":"containerInsights","value":"disabled"}])"));
  EXPECT_EQ(api.ok("CreateCluster", {{"clusterName", "prod"}}), first);

  EXPECT_EQ(api.ok("DeleteCluster", {{"cluster", first["cluster"]["clusterArn"]}})["cluster"]["status"],
            "INACTIVE");
  EXPECT_EQ(api.ok("DescribeClusters", {{"clusters", {"prod"}}})["clusters"][0]["status"], "INACTIVE");
  EXPECT_TRUE(api.ok("ListClusters", json::object())["clusterArns"].empty());
  EXPECT_EQ(api.refused("UpdateCluster", {{"cluster", "prod"}}),
            "ClusterNotFoundException: The referenced cluster was inactive.");
  EXPECT_EQ(api.refused("PutClusterCapacityProviders", {{"cluster", "prod"}}),
            "ClientException: Cluster was not ACTIVE");

  EXPECT_EQ(api.ok("CreateCluster", {{"clusterName", "prod"}})["cluster"]["status"], "ACTIVE");
  EXPECT_TRUE(
      api.ok("DescribeClusters", {{"clusters", {"prod"}}, {"include", {"TAGS"}}})["clusters"][0]["tags"]
          .empty());
}

TEST(Clusters, DescribeShowsOnlyWhatIsIncludedAndNamesWhatIsMissing) {
  Api api;
  api.join();
  api.ok("CreateCluster", {{"clusterName", "prod"},
                           {"tags", {{{"key", "team"}, {"value", "a"}}}},
                           {"configuration", {{"executeCommandConfiguration", {{"logging", "NONE"}}}}}});
  const json plain = api.ok(
      "DescribeClusters", {{"clusters", {"prod", "gone", "arn:aws:ecs:us-east-1:000000000000:cluster/far"}}});
  ASSERT_EQ(plain["clusters"].size(), 1U);
  EXPECT_TRUE(plain["clusters"][0]["tags"].empty());
  EXPECT_TRUE(plain["clusters"][0]["settings"].empty());
  EXPECT_TRUE(plain["clusters"][0]["statistics"].empty());
  EXPECT_FALSE(plain["clusters"][0].contains("configuration"));
  EXPECT_EQ(plain["failures"], json::parse(R"([
    {"arn":"arn:aws:ecs:us-east-1:000000000000:cluster/gone","reason":"MISSING"},
    {"arn":"arn:aws:ecs:us-east-1:000000000000:cluster/far","reason":"MISSING"}])"));

  const json full =
      api.ok("DescribeClusters",
             {{"clusters", {"prod"}}, {"include", {"TAGS", "SETTINGS", "CONFIGURATIONS", "STATISTICS"}}});
  EXPECT_EQ(full["clusters"][0]["tags"], json::parse(R"([{"key":"team","value":"a"}])"));
  EXPECT_EQ(full["clusters"][0]["settings"].size(), 1U);
  EXPECT_EQ(full["clusters"][0]["statistics"].size(), 12U);
  EXPECT_EQ(full["clusters"][0]["configuration"]["executeCommandConfiguration"]["logging"], "NONE");
  EXPECT_EQ(api.ok("DescribeClusters", json::object())["clusters"][0]["registeredContainerInstancesCount"],
            1);
}

TEST(Clusters, DeleteIsRefusedInEcsOrderWhileAnythingIsThere) {
  Api api;
  const std::string instance = api.join();
  api.define("web");
  api.ok("CreateService", {{"serviceName", "s"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  const std::string task = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
  EXPECT_THAT(api.refused("DeleteCluster", {{"cluster", "default"}}),
              StartsWith("ClusterContainsContainerInstancesException: "));
  api.ok("DeregisterContainerInstance", {{"containerInstance", instance}, {"force", true}});
  EXPECT_THAT(api.refused("DeleteCluster", {{"cluster", "default"}}),
              StartsWith("ClusterContainsServicesException: "));
  api.ok("DeleteService", {{"service", "s"}, {"force", true}});
  EXPECT_EQ(api.refused("DeleteCluster", {{"cluster", "nowhere"}}),
            "ClusterNotFoundException: Cluster not found.");
}

TEST(Clusters, CapacityProvidersAreEchoedAndOnlyKnownOnesTaken) {
  Api api;
  api.ok("CreateCluster", json::object());
  const json put =
      api.ok("PutClusterCapacityProviders",
             {{"cluster", "default"},
              {"capacityProviders", {"FARGATE"}},
              {"defaultCapacityProviderStrategy", {{{"capacityProvider", "FARGATE"}, {"weight", 1}}}}});
  EXPECT_EQ(put["cluster"]["capacityProviders"], json({"FARGATE"}));
  api.define("web");
  EXPECT_THAT(api.refused("RunTask", {{"taskDefinition", "web"}}),
              StartsWith("UnsupportedFeatureException: "));
  EXPECT_THAT(
      api.refused("PutClusterCapacityProviders", {{"cluster", "default"},
                                                  {"capacityProviders", {"mine"}},
                                                  {"defaultCapacityProviderStrategy", json::array()}}),
      HasSubstr("'mine' was not found"));
  const json cleared =
      api.ok("PutClusterCapacityProviders", {{"cluster", "default"},
                                             {"capacityProviders", json::array()},
                                             {"defaultCapacityProviderStrategy", json::array()}});
  EXPECT_TRUE(cleared["cluster"]["capacityProviders"].empty());
}

TEST(TagResources, AreMergedCountedAndRemoved) {
  Api api;
  const std::string cluster = api.ok("CreateCluster", json::object())["cluster"]["clusterArn"];
  const std::string definition_arn = api.define("web");
  for (const std::string& arn : {cluster, definition_arn}) {
    api.ok("TagResource", {{"resourceArn", arn}, {"tags", {{{"key", "a"}, {"value", "1"}}, {{"key", "b"}}}}});
    api.ok("TagResource", {{"resourceArn", arn}, {"tags", {{{"key", "a"}, {"value", "2"}}}}});
    api.ok("UntagResource", {{"resourceArn", arn}, {"tagKeys", {"b", "never"}}});
    EXPECT_EQ(api.ok("ListTagsForResource", {{"resourceArn", arn}})["tags"],
              json::parse(R"([{"key":"a","value":"2"}])"));
  }
  json many = json::array();
  for (int i = 0; i < 50; ++i) many.push_back({{"key", "k" + std::to_string(i)}, {"value", ""}});
  EXPECT_THAT(api.refused("TagResource", {{"resourceArn", cluster}, {"tags", many}}),
              StartsWith("LimitExceededException: "));
  const auto tag = [&](const json& key_and_value) {
    return api.refused("TagResource", {{"resourceArn", cluster}, {"tags", json::array({key_and_value})}});
  };
  EXPECT_THAT(tag({{"key", "AWS:x"}, {"value", ""}}), HasSubstr("reserved prefix"));
  EXPECT_THAT(tag({{"key", std::string(129, 'k')}}), HasSubstr("longer than 128"));
  EXPECT_THAT(tag({{"key", "bad#"}}), HasSubstr("invalid characters"));
  EXPECT_THAT(api.refused("ListTagsForResource", {{"resourceArn", "nonsense"}}),
              StartsWith("InvalidParameterException: "));
  EXPECT_THAT(api.refused("ListTagsForResource",
                          {{"resourceArn", "arn:aws:ecs:us-east-1:000000000000:service/default/none"}}),
              StartsWith("ResourceNotFoundException: "));
}

}  // namespace
}  // namespace agent::api::ecs::testing
