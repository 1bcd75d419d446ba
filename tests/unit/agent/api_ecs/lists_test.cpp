#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> all_pages(Api& api, const std::string& operation, const std::string& member,
                                   json request,
                                   const std::function<void(const std::string& last)>& between = nullptr) {
  std::vector<std::string> values;
  while (true) {
    const json page = api.ok(operation, request);
    for (const json& each : page.at(member)) values.push_back(each);
    if (!page.contains("nextToken")) return values;
    request["nextToken"] = page["nextToken"];
    if (between) between(values.back());
  }
}

TEST(Lists, DefaultPagesAreThoseOfEcs) {
  Api api;
  for (int i = 0; i < 120; ++i) api.ok("CreateCluster", {{"clusterName", "c" + std::to_string(i)}});
  EXPECT_EQ(api.ok("ListClusters", json::object())["clusterArns"].size(), 100U);
  EXPECT_EQ(all_pages(api, "ListClusters", "clusterArns", json::object()).size(), 120U);
  api.join();
  api.define("web");
  for (int i = 0; i < 12; ++i) {
    api.ok("CreateService",
           {{"serviceName", "s" + std::to_string(i)}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  }
  EXPECT_EQ(api.ok("ListServices", json::object())["serviceArns"].size(), 10U);
  const json exact = api.ok("ListServices", {{"maxResults", 12}});
  EXPECT_EQ(exact["serviceArns"].size(), 12U);
  EXPECT_FALSE(exact.contains("nextToken"));
}

// Whatever vanishes or appears between two pages, every item that was there all the time comes exactly once.
TEST(Lists, PagesNeitherRepeatNorHideItemsWhileOthersVanish) {
  Api api;
  for (int i = 0; i < 30; ++i) api.ok("CreateCluster", {{"clusterName", "c" + std::to_string(100 + i)}});
  int created = 0;
  const auto values =
      all_pages(api, "ListClusters", "clusterArns", {{"maxResults", 4}}, [&](const std::string& last) {
        api.ok("DeleteCluster", {{"cluster", last}});
        api.ok("CreateCluster", {{"clusterName", "a" + std::to_string(created++)}});
      });
  EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), values.size());
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(values, ::testing::Contains(::testing::EndsWith("/c" + std::to_string(100 + i))));
  }
}

TEST(Lists, TokensOfOtherListsAndWrongSizesAreRefused) {
  Api api;
  api.define("a");
  api.define("b");
  const std::string token = api.ok("ListTaskDefinitions", {{"maxResults", 1}})["nextToken"];
  EXPECT_EQ(api.refused("ListTaskDefinitionFamilies", {{"nextToken", token}}),
            "InvalidParameterException: Invalid token.");
  EXPECT_EQ(api.refused("ListTaskDefinitions", {{"nextToken", "garbage"}}),
            "InvalidParameterException: Invalid token.");
  for (const int size : {0, 101, -1}) {
    EXPECT_THAT(api.refused("ListTaskDefinitions", {{"maxResults", size}}),
                HasSubstr("maxResults must be between 1 and 100"));
  }
}

TEST(Lists, TaskDefinitionsAreOrderedByFamilyThenRevisionNumber) {
  Api api;
  for (int i = 0; i < 11; ++i) api.define("a");
  api.define("a-b");
  api.define("b");
  api.ok("DeregisterTaskDefinition", {{"taskDefinition", "b:1"}});
  const auto names = [&](const json& request) {
    std::vector<std::string> short_names;
    for (const std::string& arn : all_pages(api, "ListTaskDefinitions", "taskDefinitionArns", request)) {
      short_names.push_back(arn.substr(arn.rfind('/') + 1));
    }
    return short_names;
  };
  const auto ascending = names({{"maxResults", 5}});
  ASSERT_EQ(ascending.size(), 12U);
  EXPECT_EQ(ascending[0], "a:1");
  EXPECT_EQ(ascending[9], "a:10");
  EXPECT_EQ(ascending[11], "a-b:1");
  auto descending = names({{"maxResults", 5}, {"sort", "DESC"}});
  std::reverse(descending.begin(), descending.end());
  EXPECT_EQ(descending, ascending);
  EXPECT_EQ(names({{"familyPrefix", "a-b"}}), std::vector<std::string>{"a-b:1"});
  EXPECT_TRUE(names({{"familyPrefix", "a-"}}).empty());
  EXPECT_EQ(names({{"status", "INACTIVE"}}), std::vector<std::string>{"b:1"});
  const auto families = [&](const json& request) {
    return api.ok("ListTaskDefinitionFamilies", request)["families"];
  };
  EXPECT_EQ(families(json::object()), json({"a", "a-b", "b"}));
  EXPECT_EQ(families({{"status", "ACTIVE"}, {"familyPrefix", "a"}}), json({"a", "a-b"}));
  EXPECT_EQ(families({{"status", "INACTIVE"}}), json({"b"}));
}

TEST(Lists, TasksAreFilteredAndRunningByDefault) {
  Api api;
  const std::string instance = api.join();
  api.define("web");
  api.define("job");
  const std::string web =
      api.ok("RunTask", {{"taskDefinition", "web"}, {"startedBy", "me"}})["tasks"][0]["taskArn"];
  const std::string job = api.ok("RunTask", {{"taskDefinition", "job"}})["tasks"][0]["taskArn"];
  api.ok("StopTask", {{"task", job}});
  const auto list = [&](const json& request) { return api.ok("ListTasks", request)["taskArns"]; };
  EXPECT_EQ(list(json::object()), json({web}));
  EXPECT_EQ(list({{"desiredStatus", "STOPPED"}}), json({job}));
  EXPECT_TRUE(list({{"desiredStatus", "PENDING"}}).empty());
  EXPECT_EQ(list({{"family", "web"}}), json({web}));
  EXPECT_EQ(list({{"startedBy", "me"}}), json({web}));
  EXPECT_EQ(list({{"containerInstance", instance}}), json({web}));
  EXPECT_TRUE(list({{"launchType", "EXTERNAL"}}).empty());
  EXPECT_EQ(api.refused("ListTasks", {{"serviceName", "none"}}),
            "ServiceNotFoundException: Service not found.");
  EXPECT_THAT(api.refused("ListTasks", {{"startedBy", "me"}, {"family", "web"}}), HasSubstr("only filter"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
