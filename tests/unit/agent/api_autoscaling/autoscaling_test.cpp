#include "agent/api/autoscaling/autoscaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/rows.h"
#include "tests/support/control_api.h"

namespace agent::api::autoscaling {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// With a service "web" in the cluster "c".
class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) {
    (void)in_a_step([](control::Step& step) -> shared::Result<void> {
      model::Service service;
      service.cluster = "c";
      service.name = "web";
      service.desired_count = 2;
      rows(step).services.put("c/web", std::move(service));
      return {};
    });
  }
  shared::Result<json> call(const std::string& operation, json request, bool named = true) {
    if (named)
      request.update({{"ServiceNamespace", "ecs"},
                      {"ResourceId", "service/c/web"},
                      {"ScalableDimension", "ecs:service:DesiredCount"}});
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step, {operation, request.dump(), "id", "", "000000000000", ""});
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request = json::object()) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request = json::object()) {
    return tests::error_of(call(operation, request));
  }
  json described() { return good("DescribeScalableTargets")["ScalableTargets"]; }
};

json tracking(json more = json::object()) {
  json out{{"TargetValue", 50.5},
           {"PredefinedMetricSpecification", {{"PredefinedMetricType", "ECSServiceAverageCPUUtilization"}}}};
  out.update(more);
  return {{"PolicyName", "p"},
          {"PolicyType", "TargetTrackingScaling"},
          {"TargetTrackingScalingPolicyConfiguration", out}};
}
json stepping(json steps, json more = json::object()) {
  json out{{"AdjustmentType", "ChangeInCapacity"}, {"StepAdjustments", std::move(steps)}};
  out.update(more);
  return {{"PolicyName", "s"}, {"PolicyType", "StepScaling"}, {"StepScalingPolicyConfiguration", out}};
}

TEST(Targets, AreRegisteredChangedAndShown) {
  Api api;
  EXPECT_EQ(
      api.error("RegisterScalableTarget", {{"MinCapacity", 1}}),
      "ValidationException: MinCapacity and MaxCapacity are required when a scalable target is registered.");
  const std::string arn =
      api.good("RegisterScalableTarget",
               {{"MinCapacity", 1}, {"MaxCapacity", 4}, {"Tags", {{"team", "web"}}}})["ScalableTargetARN"];
  EXPECT_THAT(
      arn,
      MatchesRegex("arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/[0-9a-z]{36}"));
  api.good("RegisterScalableTarget", {{"SuspendedState", {{"DynamicScalingInSuspended", true}}}});
  const json row = api.described()[0];
  EXPECT_EQ(row["MinCapacity"], 1);
  EXPECT_EQ(row["SuspendedState"], json({{"DynamicScalingInSuspended", true},
                                         {"DynamicScalingOutSuspended", false},
                                         {"ScheduledScalingSuspended", false}}));
  EXPECT_EQ(row["ResourceId"], "service/c/web");
  EXPECT_EQ(api.error("RegisterScalableTarget", {{"MinCapacity", 9}}),
            "ValidationException: Maximum capacity cannot be less than minimum capacity.");
  EXPECT_EQ(api.described()[0]["MinCapacity"], 1);
  EXPECT_EQ(api.good("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json({{"team", "web"}}));
  api.good("TagResource", {{"ResourceARN", arn}, {"Tags", {{"a", "b"}}}});
  api.good("UntagResource", {{"ResourceARN", arn}, {"TagKeys", {"team"}}});
  EXPECT_EQ(api.good("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json({{"a", "b"}}));
  api.good("DeregisterScalableTarget");
  EXPECT_TRUE(api.described().empty());
  EXPECT_THAT(api.error("DeregisterScalableTarget"),
              StartsWith("ObjectNotFoundException: No scalable target found"));
  EXPECT_THAT(api.error("ListTagsForResource", {{"ResourceARN", arn}}),
              StartsWith("ResourceNotFoundException"));
}

TEST(Targets, OfOtherKindsAreRefusedByName) {
  Api api;
  const auto error = [&](json request) {
    return tests::error_of(api.call("RegisterScalableTarget", std::move(request), false));
  };
  const std::string unsupported =
      "ValidationException: Unsupported service namespace, resource type or scalable dimension";
  EXPECT_EQ(error({{"ServiceNamespace", "dynamodb"},
                   {"ResourceId", "table/x"},
                   {"ScalableDimension", "dynamodb:table:ReadCapacityUnits"}}),
            unsupported);
  EXPECT_EQ(error({{"ServiceNamespace", "ecs"},
                   {"ResourceId", "service/c"},
                   {"ScalableDimension", "ecs:service:DesiredCount"}}),
            unsupported);
  EXPECT_EQ(error({{"ServiceNamespace", "ecs"},
                   {"ResourceId", "service/c/none"},
                   {"ScalableDimension", "ecs:service:DesiredCount"},
                   {"MinCapacity", 0},
                   {"MaxCapacity", 1}}),
            "ValidationException: ECS service doesn't exist: service/c/none");
  EXPECT_THAT(error({{"ServiceNamespace", "ecs"}}), HasSubstr("Value null at 'resourceId'"));
  EXPECT_TRUE(api.call("DescribeScalableTargets", {{"ServiceNamespace", "rds"}}, false)
                  ->at("ScalableTargets")
                  .empty());
}

TEST(Policies, AreEchoedAsTheyCameAndHaveTheirAlarms) {
  Api api;
  EXPECT_THAT(api.error("PutScalingPolicy", tracking()),
              StartsWith("ObjectNotFoundException: No scalable target registered for service namespace: ecs, "
                         "resource ID: service/c/web, "));
  api.good("RegisterScalableTarget", {{"MinCapacity", 1}, {"MaxCapacity", 4}});
  const json made = api.good("PutScalingPolicy", tracking({{"ScaleInCooldown", 0}, {"ScaleOutCooldown", 7}}));
  EXPECT_THAT(made["PolicyARN"].get<std::string>(),
              MatchesRegex("arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:[0-9a-f-]{36}:resource/"
                           "ecs/service/c/web:policyName/p"));
  ASSERT_EQ(made["Alarms"].size(), 2U);
  EXPECT_THAT(made["Alarms"][0]["AlarmName"].get<std::string>(),
              MatchesRegex("TargetTracking-service/c/web-AlarmHigh-[0-9a-f-]{36}"));
  EXPECT_EQ(api.good("PutScalingPolicy", tracking({{"TargetValue", 60}}))["Alarms"], made["Alarms"]);
  api.good("PutScalingPolicy",
           stepping({{{"MetricIntervalLowerBound", 0.0}, {"ScalingAdjustment", 1}}}, {{"Cooldown", 60}}));
  const json found = api.good("DescribeScalingPolicies", {{"PolicyNames", {"p"}}})["ScalingPolicies"];
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["TargetTrackingScalingPolicyConfiguration"],
            tracking({{"TargetValue", 60}})["TargetTrackingScalingPolicyConfiguration"]);
  EXPECT_FALSE(found[0].contains("StepScalingPolicyConfiguration"));
  EXPECT_EQ(api.good("PutScalingPolicy", tracking({{"DisableScaleIn", true}}))["Alarms"].size(), 1U);
  EXPECT_EQ(api.state.neighbours().alarms.size(), 1U);
  const json first = api.good("DescribeScalingPolicies", {{"MaxResults", 1}});
  EXPECT_EQ(first["ScalingPolicies"].size(), 1U);
  EXPECT_EQ(
      api.good("DescribeScalingPolicies",
               {{"MaxResults", 1}, {"NextToken", first["NextToken"]}})["ScalingPolicies"][0]["PolicyName"],
      "s");
  api.good("DeleteScalingPolicy", {{"PolicyName", "p"}});
  EXPECT_TRUE(api.state.neighbours().alarms.rows().empty());
  EXPECT_THAT(api.error("DeleteScalingPolicy", {{"PolicyName", "p"}}),
              StartsWith("ObjectNotFoundException: No scaling policy found"));
}

TEST(Policies, ThatCannotBeCarriedOutAreRefused) {
  Api api;
  api.good("RegisterScalableTarget", {{"MinCapacity", 1}, {"MaxCapacity", 4}});
  const auto refused = [&](const json& request, const std::string& text) {
    EXPECT_THAT(api.error("PutScalingPolicy", request), HasSubstr(text));
  };
  refused(tracking({{"TargetValue", 0}}), "TargetValue must be greater than 0");
  refused(
      tracking({{"PredefinedMetricSpecification", {{"PredefinedMetricType", "ALBRequestCountPerTarget"}}}}),
      "ResourceLabel is required");
  refused(tracking({{"PredefinedMetricSpecification",
                     {{"PredefinedMetricType", "DynamoDBReadCapacityUtilization"}}}}),
          "is not offered for services");
  refused(tracking({{"CustomizedMetricSpecification", {{"MetricName", "m"}}}}), "Exactly one of");
  refused({{"PolicyName", "x"}, {"PolicyType", "PredictiveScaling"}},
          "PolicyType 'PredictiveScaling' is not offered");
  refused(stepping(json::array()), "StepAdjustments must not be empty");
  const auto step = [](json lower, json upper) {
    return json{
        {"MetricIntervalLowerBound", lower}, {"MetricIntervalUpperBound", upper}, {"ScalingAdjustment", 1}};
  };
  refused(stepping({step(0, 10), step(20, nullptr)}), "there is a gap");
  refused(stepping({step(0, 10), step(5, nullptr)}), "overlap");
  refused(stepping({step(0, nullptr), step(10, nullptr)}), "one step without a lower bound");
  refused(stepping(json::array({step(10, 0)})), "must be less than its upper bound");
  refused(stepping(json::array({step(0, nullptr)}), {{"MinAdjustmentMagnitude", 2}}),
          "PercentChangeInCapacity");
}

TEST(ScheduledActions, KeepWhatAChangeDoesNotSayButTheirTimes) {
  Api api;
  const json action{{"ScheduledActionName", "night"},
                    {"Schedule", "cron(0 22 ? * MON-FRI *)"},
                    {"Timezone", "Europe/Berlin"},
                    {"StartTime", 1'796'100'000},
                    {"ScalableTargetAction", {{"MinCapacity", 0}}}};
  EXPECT_THAT(api.error("PutScheduledAction", action), StartsWith("ObjectNotFoundException"));
  api.good("RegisterScalableTarget", {{"MinCapacity", 1}, {"MaxCapacity", 4}});
  api.good("PutScheduledAction", action);
  api.good("PutScheduledAction",
           {{"ScheduledActionName", "night"}, {"ScalableTargetAction", {{"MaxCapacity", 9}}}});
  const json found = api.good("DescribeScheduledActions")["ScheduledActions"];
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["Timezone"], "Europe/Berlin");
  EXPECT_EQ(found[0]["ScalableTargetAction"], json({{"MaxCapacity", 9}}));
  EXPECT_FALSE(found[0].contains("StartTime"));
  EXPECT_THAT(found[0]["ScheduledActionARN"].get<std::string>(),
              HasSubstr(":resource/ecs/service/c/web:scheduledActionName/night"));
  const auto refused = [&](json change, const std::string& text) {
    json request = action;
    request.update(change);
    EXPECT_THAT(api.error("PutScheduledAction", request), HasSubstr(text));
  };
  refused({{"Schedule", "cron(0 22 * * * *)"}}, "Invalid schedule expression");
  refused({{"Timezone", "Europe/Nowhere"}}, "Invalid Timezone");
  refused({{"Schedule", "at(2020-01-01T00:00:00)"}}, "is in the past");
  refused({{"ScheduledActionName", "a/b"}}, "scheduledActionName");
  refused({{"ScalableTargetAction", json::object()}}, "must set MinCapacity, MaxCapacity or both");
  api.good("DeleteScheduledAction", {{"ScheduledActionName", "night"}});
  EXPECT_THAT(api.error("DeleteScheduledAction", {{"ScheduledActionName", "night"}}),
              StartsWith("ObjectNotFoundException: No scheduled action found"));
}

TEST(Activities, SayWhatWasDoneTheNewestFirst) {
  Api api;
  api.good("RegisterScalableTarget", {{"MinCapacity", 3}, {"MaxCapacity", 4}});
  api.good("RegisterScalableTarget", {{"MinCapacity", 0}, {"MaxCapacity", 1}});
  const json found = api.good("DescribeScalingActivities", {{"MaxResults", 1}});
  EXPECT_EQ(found["ScalingActivities"][0]["Cause"], "maximum capacity was set to 1");
  EXPECT_EQ(found["ScalingActivities"][0]["StatusCode"], "InProgress");
  EXPECT_EQ(api.good("DescribeScalingActivities",
                     {{"NextToken", found["NextToken"]}})["ScalingActivities"][0]["Description"],
            "Setting desired count to 3.");
  EXPECT_EQ(api.error("GetPredictiveScalingForecast"),
            "ValidationException: GetPredictiveScalingForecast is not offered: there is no predictive "
            "scaling here.");
  EXPECT_THAT(api.error("Nothing"), StartsWith("UnknownOperationException"));
}

}  // namespace
}  // namespace agent::api::autoscaling
