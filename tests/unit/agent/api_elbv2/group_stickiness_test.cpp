// Who splits requests between target groups and keeps clients with targets keeps them with groups as well.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

constexpr const char* kReason =
    "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups";

std::string split(const std::string& list, const std::string& one, const std::string& other, bool sticky) {
  const std::string action = list + ".member.1.";
  const std::string config = action + "ForwardConfig.";
  std::string form = action + "Type=forward";
  int number = 0;
  for (const std::string& group : {one, other}) {
    if (group.empty()) continue;
    form += "&" + config + "TargetGroups.member." + std::to_string(++number) + ".TargetGroupArn=" + group;
  }
  if (sticky) {
    form += "&" + config + "TargetGroupStickinessConfig.Enabled=true&" + config +
            "TargetGroupStickinessConfig.DurationSeconds=60";
  }
  return form;
}

struct Split : testing::Test {
  std::string stick(const std::string& of, const std::string& value = "true") {
    return "TargetGroupArn=" + of +
           "&Attributes.member.1.Key=stickiness.enabled&Attributes.member.1.Value=" + value;
  }
  std::string rule(const std::string& other_group, bool sticky, int priority = 7) {
    return "ListenerArn=" + listener + "&Priority=" + std::to_string(priority) +
           "&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/s&" +
           split("Actions", group, other_group, sticky);
  }
  void refused(const std::string& operation, const std::string& form) {
    const auto answer = api.call(operation, form);
    ASSERT_FALSE(answer) << operation;
    EXPECT_EQ(answer.error().code(), "InvalidConfigurationRequest");
    EXPECT_NE(answer.error().text().find(kReason), std::string::npos) << answer.error().text();
  }

  Api api;
  std::string balancer = api.create_load_balancer("web");
  std::string group = api.create_target_group("app");
  std::string other = api.create_target_group("canary");
  std::string listener = api.create_listener(balancer, group);
};

TEST_F(Split, ARuleThatSplitsBetweenStickyTargetGroupsNeedsGroupStickiness) {
  api.good("ModifyTargetGroupAttributes", stick(other));
  refused("CreateRule", rule(other, false));
  api.good("CreateRule", rule(other, true));
  api.good("CreateRule", rule("", false, 8));
}

TEST_F(Split, SoDoesTheDefaultActionOfAListenerAndARuleThatChanges) {
  api.good("ModifyTargetGroupAttributes", stick(group));
  refused("ModifyListener", "ListenerArn=" + listener + "&" + split("DefaultActions", group, other, false));
  api.good("ModifyListener", "ListenerArn=" + listener + "&" + split("DefaultActions", group, other, true));
  const auto arn = api.create_rule(listener, group, 5);
  refused("ModifyRule", "RuleArn=" + arn + "&" + split("Actions", group, other, false));
}

TEST_F(Split, ATargetGroupOfSuchARuleDoesNotBecomeSticky) {
  const auto arn = Api::between(api.good("CreateRule", rule(other, false)), "RuleArn");
  refused("ModifyTargetGroupAttributes", stick(other));
  api.good("ModifyTargetGroupAttributes", stick(other, "false"));
  api.good("ModifyRule", "RuleArn=" + arn + "&" + split("Actions", group, other, true));
  api.good("ModifyTargetGroupAttributes", stick(other));
}

}  // namespace
}  // namespace agent::api::elbv2
