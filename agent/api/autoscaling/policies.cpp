#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/autoscaling/operations.h"
#include "agent/control/alarms/alarms.h"
#include "agent/control/state/faults.h"

namespace agent::api::autoscaling {

using model::ScalingPolicy;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxPolicyPage = 10;
constexpr std::size_t kMaxSteps = 20;
constexpr int kMaxCooldown = 86'400;
constexpr int kDefaultCooldown = 300;
constexpr std::array<std::string_view, 5> kStatistics{"Average", "Minimum", "Maximum", "SampleCount", "Sum"};

// "app/<lb>/<id>/targetgroup/<tg>/<id>": the values of the two dimensions.
std::optional<std::pair<std::string, std::string>> resource_label(const std::string& label) {
  const auto group = label.find("/targetgroup/");
  if (group == std::string::npos || (!label.starts_with("app/") && !label.starts_with("net/")))
    return std::nullopt;
  const std::string balancer = label.substr(0, group);
  const std::string target = label.substr(group + 1);
  if (std::count(balancer.begin(), balancer.end(), '/') != 2 ||
      std::count(target.begin(), target.end(), '/') != 2)
    return std::nullopt;
  return std::pair(balancer, target);
}

Result<void> predefined(In in, const std::string& key, ScalingPolicy& policy) {
  const std::string type = in.required_string("PredefinedMetricType");
  const auto label = in.string("ResourceLabel");
  if (!in.ok()) return in.error();
  const auto slash = key.find('/');
  policy.metric.statistic = "Average";
  policy.metric.metric_namespace = "AWS/ECS";
  policy.metric.dimensions = {{"ClusterName", key.substr(0, slash)}, {"ServiceName", key.substr(slash + 1)}};
  if (type == "ECSServiceAverageCPUUtilization" || type == "ECSServiceAverageMemoryUtilization") {
    policy.metric.name = type == "ECSServiceAverageCPUUtilization" ? "CPUUtilization" : "MemoryUtilization";
    policy.metric.unit = "Percent";
    if (label)
      return refuse("ResourceLabel is only taken with the predefined metric type ALBRequestCountPerTarget.");
    return {};
  }
  if (type != "ALBRequestCountPerTarget")
    return refuse("PredefinedMetricType '" + type +
                  "' is not offered for services: it is one of ECSServiceAverageCPUUtilization, "
                  "ECSServiceAverageMemoryUtilization, ALBRequestCountPerTarget");
  const auto parts = label ? resource_label(*label) : std::nullopt;
  if (!parts)
    return refuse(
        "ResourceLabel is required for ALBRequestCountPerTarget, in the form "
        "app/<load-balancer-name>/<load-balancer-id>/targetgroup/<target-group-name>/<target-group-id>");
  policy.metric.metric_namespace = "AWS/ApplicationELB";
  policy.metric.name = "RequestCountPerTarget";
  policy.metric.statistic = "Sum";
  policy.metric.unit = "None";
  policy.metric.dimensions = {{"TargetGroup", parts->second}, {"LoadBalancer", parts->first}};
  return {};
}

Result<void> customized(In in, ScalingPolicy& policy) {
  if (in.has("Metrics"))
    return refuse(
        "CustomizedMetricSpecification.Metrics is not offered: name one metric by MetricName and Namespace");
  policy.metric.name = in.required_string("MetricName");
  policy.metric.metric_namespace = in.required_string("Namespace");
  const auto statistic = in.word("Statistic", kStatistics);
  policy.metric.unit = in.string_or("Unit", "");
  for (const auto& each : in.children("Dimensions"))
    policy.metric.dimensions.push_back({each.required_string("Name"), each.required_string("Value")});
  if (!in.ok()) return in.error();
  if (!statistic) return refuse("CustomizedMetricSpecification.Statistic is required");
  policy.metric.statistic = kStatistics[*statistic];
  return {};
}

std::optional<int> cooldown_in(In in, std::string_view member) {
  return in.integer<int>(member, 0, kMaxCooldown);
}

Result<void> target_tracking(In in, const std::string& key, ScalingPolicy& policy) {
  const auto target = in.number("TargetValue");
  const auto named = in.child("PredefinedMetricSpecification");
  const auto own = in.child("CustomizedMetricSpecification");
  policy.tracks = true;
  policy.in_disabled = in.boolean_or("DisableScaleIn", false);
  policy.out_cooldown = cooldown_in(in, "ScaleOutCooldown").value_or(kDefaultCooldown);
  policy.in_cooldown = cooldown_in(in, "ScaleInCooldown").value_or(kDefaultCooldown);
  if (!in.ok()) return in.error();
  if (!target) return refuse("TargetTrackingScalingPolicyConfiguration.TargetValue is required");
  if (*target <= 0)
    return refuse("TargetTrackingScalingPolicyConfiguration.TargetValue must be greater than 0");
  policy.target = *target;
  if (named.has_value() == own.has_value())
    return refuse(
        "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be given.");
  return named ? predefined(*named, key, policy) : customized(*own, policy);
}

// Without gaps and overlaps; at most one open on each side.
Result<void> check_steps(std::vector<model::StepAdjustment> steps) {
  const auto before = [](const model::StepAdjustment& a, const model::StepAdjustment& b) {
    if (a.has_lower != b.has_lower) return !a.has_lower;
    return a.has_lower && a.lower < b.lower;
  };
  std::sort(steps.begin(), steps.end(), before);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    if (step.has_lower && step.has_upper && step.lower >= step.upper)
      return refuse("StepAdjustments: the lower bound of a step must be less than its upper bound");
    if (i == 0) continue;
    if (!step.has_lower || !steps[i - 1].has_upper)
      return refuse(
          "StepAdjustments: there may be one step without a lower bound and one without an upper bound");
    if (step.lower < steps[i - 1].upper) return refuse("StepAdjustments: intervals of steps overlap");
    if (step.lower > steps[i - 1].upper)
      return refuse("StepAdjustments: there is a gap between intervals of steps");
  }
  return {};
}

Result<void> step_scaling(In in, ScalingPolicy& policy) {
  constexpr std::array<std::string_view, 3> kTypes{"ChangeInCapacity", "PercentChangeInCapacity",
                                                   "ExactCapacity"};
  constexpr std::array<std::string_view, 3> kAggregations{"Average", "Minimum", "Maximum"};
  const auto type = in.word("AdjustmentType", kTypes);
  const auto aggregation = in.word("MetricAggregationType", kAggregations);
  const auto magnitude = in.integer<int>("MinAdjustmentMagnitude", 1);
  policy.out_cooldown = policy.in_cooldown = cooldown_in(in, "Cooldown").value_or(kDefaultCooldown);
  for (const auto& each : in.children("StepAdjustments")) {
    model::StepAdjustment step;
    const auto lower = each.number("MetricIntervalLowerBound");
    const auto upper = each.number("MetricIntervalUpperBound");
    step.has_lower = lower.has_value();
    step.has_upper = upper.has_value();
    step.lower = lower.value_or(0);
    step.upper = upper.value_or(0);
    step.adjustment = each.required_integer<int>("ScalingAdjustment");
    policy.steps.push_back(step);
  }
  if (!in.ok()) return in.error();
  if (!type) return refuse("StepScalingPolicyConfiguration.AdjustmentType is required");
  if (policy.steps.empty()) return refuse("StepScalingPolicyConfiguration.StepAdjustments must not be empty");
  if (policy.steps.size() > kMaxSteps)
    return control::fault("LimitExceededException", "A policy can have at most 20 step adjustments.");
  policy.adjustment_type = kTypes[*type];
  if (magnitude && policy.adjustment_type != "PercentChangeInCapacity")
    return refuse("MinAdjustmentMagnitude is only taken with the adjustment type PercentChangeInCapacity.");
  policy.min_magnitude = magnitude.value_or(0);
  if (aggregation) policy.aggregation = kAggregations[*aggregation];
  return check_steps(policy.steps);
}

json own_alarms(const Step& step, const ScalingPolicy& policy) {
  json out = json::array();
  for (const std::string& name : {policy.high_alarm, policy.low_alarm}) {
    if (!name.empty())
      out.push_back({{"AlarmName", name}, {"AlarmARN", control::alarms::alarm_arn(step.settings, name)}});
  }
  return out;
}

// Alarms of callers whose actions name the policy, as AWS lists them.
json step_alarms(const Step& step, const std::string& arn) {
  json out = json::array();
  for (const auto& [name, alarm] : step.state.neighbours().alarms.rows()) {
    const auto names = [&](const std::vector<std::string>& actions) {
      return std::find(actions.begin(), actions.end(), arn) != actions.end();
    };
    if (names(alarm.alarm_actions) || names(alarm.ok_actions) || names(alarm.insufficient_data_actions))
      out.push_back({{"AlarmName", name}, {"AlarmARN", control::alarms::alarm_arn(step.settings, name)}});
  }
  return out;
}

Answer put_scaling_policy(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  const auto name = name_in(in, "PolicyName", "policyName");
  if (!name) return name.error();
  const auto type = in.string("PolicyType");
  const auto tracking = in.child("TargetTrackingScalingPolicyConfiguration");
  const auto stepping = in.child("StepScalingPolicyConfiguration");
  if (!in.ok()) return in.error();
  ScalingPolicy policy;
  policy.name = *name;
  const std::string kind = type.value_or("StepScaling");
  Result<void> read;
  if (kind == "TargetTrackingScaling") {
    if (!tracking)
      return refuse("TargetTrackingScalingPolicyConfiguration is required for TargetTrackingScaling.");
    policy.document = in.raw("TargetTrackingScalingPolicyConfiguration").value_or("{}");
    read = target_tracking(*tracking, *key, policy);
  } else if (kind == "StepScaling") {
    if (!stepping) return refuse("StepScalingPolicyConfiguration is required for StepScaling.");
    policy.document = in.raw("StepScalingPolicyConfiguration").value_or("{}");
    read = step_scaling(*stepping, policy);
  } else {
    return refuse("PolicyType '" + kind + "' is not offered: TargetTrackingScaling and StepScaling are");
  }
  if (!read) return read.error();
  const auto put = scaling::put_policy(step, *key, std::move(policy));
  if (!put) return put.error();
  return json{{"PolicyARN", scaling::policy_arn(step.settings, *key, **put)},
              {"Alarms", own_alarms(step, **put)}};
}

Answer delete_scaling_policy(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  const auto name = name_in(in, "PolicyName", "policyName");
  if (!name) return name.error();
  if (scaling::delete_policy(step, *key, *name)) return json::object();
  return control::fault("ObjectNotFoundException",
                        "No scaling policy found for service namespace: ecs, resource ID: service/" + *key +
                            ", scalable dimension: " + std::string(kDimension) + ", policy name: " + *name);
}

Answer describe_scaling_policies(Step& step, In in) {
  const auto filter = filter_in(in);
  if (!filter) return filter.error();
  const auto page = page_in(in, kMaxPolicyPage);
  if (!page) return page.error();
  const auto names = in.strings("PolicyNames");
  if (!in.ok()) return in.error();
  json out{{"ScalingPolicies", json::array()}};
  if (filter->none) return out;
  const std::string next = page_through(
      step.state.neighbours().scaling_policies.rows(), *page,
      [&](const auto& each) { return is_wanted(*filter, names, each); },
      [&](const auto& each) {
        const std::string key = target_key_of(each);
        const model::ScalingPolicy& row = each.second;
        const std::string arn = scaling::policy_arn(step.settings, key, row);
        json shown{{"PolicyARN", arn},
                   {"PolicyName", row.name},
                   {"PolicyType", row.tracks ? "TargetTrackingScaling" : "StepScaling"},
                   {"Alarms", row.tracks ? own_alarms(step, row) : step_alarms(step, arn)},
                   {"CreationTime", shared::epoch_seconds(row.created_at)}};
        auto document = shared::json::parse(row.document);
        shown[row.tracks ? "TargetTrackingScalingPolicyConfiguration" : "StepScalingPolicyConfiguration"] =
            document ? *std::move(document) : json::object();
        name_target(shown, key);
        out["ScalingPolicies"].push_back(std::move(shown));
      });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

constexpr auto kPolicyOperations = std::to_array<Operation>({
    {"DeleteScalingPolicy", delete_scaling_policy},
    {"DescribeScalingPolicies", describe_scaling_policies},
    {"PutScalingPolicy", put_scaling_policy},
});

}  // namespace

std::span<const Operation> policy_operations() { return kPolicyOperations; }

}  // namespace agent::api::autoscaling
