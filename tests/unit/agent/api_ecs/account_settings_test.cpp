// Account settings: whose they are, which lies over which, and what they do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kRoot = "arn:aws:iam::000000000000:root";
constexpr const char* kUser = "arn:aws:iam::000000000000:user/eve";

json setting(const std::string& name, const std::string& value, const std::string& principal = kRoot) {
  return {{"name", name}, {"value", value}, {"principalArn", principal}, {"type", "user"}};
}

std::string effective(Api& api, const std::string& name, const std::string& principal) {
  const json answer = api.ok("ListAccountSettings",
                             {{"name", name}, {"principalArn", principal}, {"effectiveSettings", true}});
  return answer["settings"].size() == 1 ? answer["settings"][0]["value"].get<std::string>() : "";
}

TEST(AccountSettings, TheUsersLiesOverTheAccountsAndThatOverTheDefault) {
  Api api;
  EXPECT_EQ(effective(api, "containerInsights", kUser), "disabled");
  EXPECT_EQ(api.ok("PutAccountSettingDefault", {{"name", "containerInsights"}, {"value", "enhanced"}}),
            (json{{"setting", setting("containerInsights", "enhanced")}}));
  EXPECT_EQ(effective(api, "containerInsights", kUser), "enhanced");
  EXPECT_EQ(api.ok("PutAccountSetting",
                   {{"name", "containerInsights"}, {"value", "enabled"}, {"principalArn", kUser}}),
            (json{{"setting", setting("containerInsights", "enabled", kUser)}}));
  EXPECT_EQ(effective(api, "containerInsights", kUser), "enabled");
  EXPECT_EQ(effective(api, "containerInsights", kRoot), "enhanced");
  // Its own are those that it has set itself.
  EXPECT_EQ(api.ok("ListAccountSettings", {{"principalArn", kUser}})["settings"],
            json::array({setting("containerInsights", "enabled", kUser)}));
  EXPECT_EQ(api.ok("DeleteAccountSetting", {{"name", "containerInsights"}, {"principalArn", kUser}}),
            (json{{"setting", setting("containerInsights", "enhanced", kUser)}}));
  EXPECT_EQ(api.ok("ListAccountSettings", {{"principalArn", kUser}})["settings"], json::array());
  EXPECT_EQ(effective(api, "containerInsights", kUser), "enhanced");
}

TEST(AccountSettings, TheCallersAreMeantUnlessSomebodyIsNamedAndARolesSessionIsTheRole) {
  Api api;
  api.ok("PutAccountSetting", {{"name", "awsvpcTrunking"}, {"value", "enabled"}});  // the root calls
  EXPECT_EQ(effective(api, "awsvpcTrunking", kUser), "enabled");
  api.ok("PutAccountSetting", {{"name", "awsvpcTrunking"},
                               {"value", "disabled"},
                               {"principalArn", "arn:aws:sts::000000000000:assumed-role/deploy/me"}});
  EXPECT_EQ(effective(api, "awsvpcTrunking", "arn:aws:iam::000000000000:role/deploy"), "disabled");
}

TEST(AccountSettings, AllOfThemAreListedInPagesOfTen) {
  Api api;
  const json first = api.ok("ListAccountSettings", {{"effectiveSettings", true}});
  ASSERT_EQ(first["settings"].size(), 10u);
  EXPECT_EQ(first["settings"][0], setting("awsvpcTrunking", "disabled"));
  json rest = api.ok("ListAccountSettings",
                     {{"effectiveSettings", true}, {"nextToken", first["nextToken"]}, {"maxResults", 10}});
  EXPECT_FALSE(rest.contains("nextToken"));
  std::vector<std::string> names;
  for (const json* page : {&first, static_cast<const json*>(&rest)}) {
    for (const json& each : (*page)["settings"]) names.push_back(each["name"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{
                       "awsvpcTrunking", "containerInsights", "containerInstanceLongArnFormat",
                       "defaultLogDriverMode", "dualStackIPv6", "fargateEventWindows", "fargateFIPSMode",
                       "fargateTaskRetirementWaitPeriod", "guardDutyActivate", "serviceLongArnFormat",
                       "tagResourceAuthorization", "taskLongArnFormat"}));
  EXPECT_EQ(
      api.ok("ListAccountSettings",
             {{"effectiveSettings", true}, {"name", "taskLongArnFormat"}, {"value", "disabled"}})["settings"],
      json::array());
  EXPECT_EQ(api.refused("ListAccountSettings", {{"maxResults", 11}}),
            "InvalidParameterException: maxResults must be between 1 and 10, got 11.");
}

TEST(AccountSettings, ANewClusterHasTheInsightsOfItsMaker) {
  Api api;
  const auto insights = [&](const char* name) {
    return api.ok("CreateCluster", {{"clusterName", name}})["cluster"]["settings"][0]["value"];
  };
  EXPECT_EQ(insights("before"), "disabled");
  api.ok("PutAccountSettingDefault", {{"name", "containerInsights"}, {"value", "on"}});
  EXPECT_EQ(insights("after"), "enabled");
  EXPECT_EQ(
      api.ok("CreateCluster",
             {{"clusterName", "own"},
              {"settings",
               {{{"name", "containerInsights"}, {"value", "disabled"}}}}})["cluster"]["settings"][0]["value"],
      "disabled");
}

TEST(AccountSettings, WhatCannotBeIsRefusedByName) {
  Api api;
  const auto put = [&](const char* name, const char* value) {
    return api.refused("PutAccountSettingDefault", {{"name", name}, {"value", value}});
  };
  EXPECT_THAT(put("coffee", "on"),
              StartsWith("InvalidParameterException: Unknown account setting name 'coffee'. "
                         "It must be one of awsvpcTrunking, containerInsights, "));
  EXPECT_EQ(
      put("containerInsights", "maybe"),
      "InvalidParameterException: Invalid value 'maybe' of account setting containerInsights. It must be one "
      "of enabled, disabled, enhanced, on, off.");
  for (const char* name : {"serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat"}) {
    // Terraform goes by these words.
    EXPECT_THAT(put(name, "disabled"), StartsWith("InvalidParameterException: You can no longer disable"));
  }
  EXPECT_THAT(put("guardDutyActivate", "on"), HasSubstr("AWS manages it"));
  EXPECT_THAT(put("fargateFIPSMode", "enabled"),
              StartsWith("UnsupportedFeatureException: fargateFIPSMode enabled is not offered: "));
  EXPECT_THAT(put("defaultLogDriverMode", "non-blocking"), StartsWith("UnsupportedFeatureException: "));
  EXPECT_THAT(put("fargateTaskRetirementWaitPeriod", "3"), HasSubstr("It must be one of 0, 7, 14."));
  EXPECT_THAT(
      api.refused("PutAccountSetting", {{"name", "awsvpcTrunking"},
                                        {"value", "on"},
                                        {"principalArn", "arn:aws:iam::111111111111:user/eve"}}),
      StartsWith("InvalidParameterException: Invalid principalArn 'arn:aws:iam::111111111111:user/eve'"));
  EXPECT_EQ(api.refused("DeleteAccountSetting", json::object()),
            "InvalidParameterException: The name of the account setting cannot be empty.");
  EXPECT_EQ(api.refused("ListAccountSettings", {{"value", "on"}}),
            "InvalidParameterException: value can only be given with a name.");
}

}  // namespace
}  // namespace agent::api::ecs::testing
