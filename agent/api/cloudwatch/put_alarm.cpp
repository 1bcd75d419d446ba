#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/operations.h"
#include "agent/api/json/tags.h"
#include "agent/control/state/tag_rules.h"
#include "shared/base/text.h"

namespace agent::api::cloudwatch {

using model::Alarm;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxAlarmName = 255;
constexpr std::size_t kMaxActions = 5;
constexpr std::size_t kMaxAlarmDescription = 1'024;
constexpr std::int64_t kMaxEvaluated = 86'400;
constexpr std::int64_t kMaxEvaluatedOfHours = 604'800;
constexpr std::array<std::string_view, 5> kStatistics{"Average", "Minimum", "Maximum", "SampleCount", "Sum"};
constexpr std::array<std::string_view, 4> kComparisons{"GreaterThanOrEqualToThreshold",
                                                       "GreaterThanThreshold", "LessThanThreshold",
                                                       "LessThanOrEqualToThreshold"};
constexpr std::array<std::string_view, 4> kMissing{"missing", "notBreaching", "breaching", "ignore"};

Result<std::vector<std::string>> actions_in(In in, std::string_view member) {
  auto actions = in.strings_or_empty(member);
  if (!in.ok()) return in.error();
  if (actions.size() > kMaxActions)
    return invalid(std::string(member) + " has " + std::to_string(actions.size()) +
                   " elements: 5 are allowed.");
  return actions;
}

// The members of one metric.
Result<void> plain_metric(In in, Alarm& alarm) {
  if (in.has("ExtendedStatistic")) return invalid("ExtendedStatistic: " + std::string(kNoPercentiles));
  if (in.has("EvaluateLowSampleCountPercentile"))
    return combination("EvaluateLowSampleCountPercentile is only taken with a percentile: " +
                       std::string(kNoPercentiles));
  for (const char* member : {"MetricName", "Namespace", "Statistic"}) {
    if (!in.has(member)) return missing(member);
  }
  if (!in.has("Period")) return missing("Period");
  alarm.metric.name = in.required_string("MetricName");
  alarm.metric.metric_namespace = in.required_string("Namespace");
  alarm.metric.period = in.required_integer<int>("Period", 1);
  const auto statistic = in.word("Statistic", kStatistics);
  if (!in.ok()) return in.error();
  alarm.metric.statistic = kStatistics[*statistic];
  auto dimensions = dimensions_in(in);
  if (!dimensions) return dimensions.error();
  alarm.metric.dimensions = *std::move(dimensions);
  auto unit = unit_in(in);
  if (!unit) return unit.error();
  alarm.metric.unit = *std::move(unit);
  return {};
}

// Metrics[], of which one MetricStat is offered.
Result<void> listed_metric(In in, Alarm& alarm) {
  for (const char* member :
       {"MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"}) {
    if (in.has(member)) return combination("Metrics and " + std::string(member) + " exclude each other.");
  }
  const auto metrics = in.children("Metrics");
  if (!in.ok()) return in.error();
  if (metrics.size() != 1 || metrics[0].has("Expression") || !metrics[0].has("MetricStat"))
    return invalid("Metrics: metric math is not offered; there may be one element, with a MetricStat.");
  const auto stat = metrics[0].required_child("MetricStat");
  if (metrics[0].required_string("Id").empty() || !stat)
    return in.ok() ? invalid("Metrics: Id is required.") : in.error();
  if (!metrics[0].boolean_or("ReturnData", true))
    return invalid("Metrics: exactly one element must have ReturnData true.");
  auto query = metric_stat_in(*stat);
  if (!query) return query.error();
  alarm.metric = *std::move(query);
  alarm.metrics_document = in.raw("Metrics").value_or("[]");
  return {};
}

Result<void> check_times(const Alarm& alarm) {
  const std::int64_t period = alarm.metric.period;
  if (!is_period(period, false))
    return invalid("The value " + std::to_string(period) +
                   " of the parameter Period must be 10, 20, 30 or a multiple of 60.");
  const std::int64_t evaluated = period * alarm.evaluation_periods;
  constexpr std::int64_t kHour = 3'600;
  if (evaluated > (period >= kHour ? kMaxEvaluatedOfHours : kMaxEvaluated))
    return invalid(
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or "
        "a week for periods of an hour and more.");
  if (evaluated > metrics::kKept)
    return invalid("EvaluationPeriods * Period is " + std::to_string(evaluated) +
                   " s: figures are kept here for " + std::to_string(metrics::kKept) + " s.");
  if (period < 60 && evaluated + 2 * period > metrics::kSecondsKept)
    return invalid("EvaluationPeriods * Period is " + std::to_string(evaluated) +
                   " s: with a period below 60 s it may be " +
                   std::to_string(metrics::kSecondsKept - 2 * period) + " s at most.");
  if (alarm.datapoints_to_alarm > alarm.evaluation_periods)
    return invalid("DatapointsToAlarm must not be greater than EvaluationPeriods.");
  return {};
}

}  // namespace

Answer put_metric_alarm(AlarmContext& at, In in) {
  Alarm alarm;
  const auto name = required(in, "AlarmName");
  if (!name) return name.error();
  if (name->size() > kMaxAlarmName) return invalid("AlarmName may have 255 characters.");
  alarm.name = *name;
  alarm.description = in.string_or("AlarmDescription", "");
  if (alarm.description.size() > kMaxAlarmDescription)
    return invalid("AlarmDescription may have 1024 characters.");
  alarm.actions_enabled = in.boolean_or("ActionsEnabled", true);
  if (!in.has("ComparisonOperator")) return missing("ComparisonOperator");
  if (!in.has("EvaluationPeriods")) return missing("EvaluationPeriods");
  const auto comparison = in.word("ComparisonOperator", kComparisons);
  if (in.has("ThresholdMetricId") || (in.ok() && !comparison))
    return invalid("ThresholdMetricId is not offered: there is no anomaly detection here.");
  alarm.evaluation_periods = in.required_integer<int>("EvaluationPeriods", 1);
  alarm.datapoints_to_alarm = in.integer<int>("DatapointsToAlarm", 1).value_or(0);
  const auto threshold = in.number("Threshold");
  const auto treat = in.word("TreatMissingData", kMissing);
  if (!in.ok()) return in.error();
  if (!threshold) return missing("Threshold");
  alarm.comparison = kComparisons[*comparison];
  alarm.threshold = *threshold;
  if (treat) alarm.treat_missing = kMissing[*treat];
  for (auto [member, into] :
       {std::pair{"OKActions", &alarm.ok_actions}, std::pair{"AlarmActions", &alarm.alarm_actions},
        std::pair{"InsufficientDataActions", &alarm.insufficient_data_actions}}) {
    auto actions = actions_in(in, member);
    if (!actions) return actions.error();
    *into = *std::move(actions);
  }
  if (auto read = in.has("Metrics") ? listed_metric(in, alarm) : plain_metric(in, alarm); !read)
    return read.error();
  if (auto ok = check_times(alarm); !ok) return ok.error();
  auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto ok = control::check_tags(tags); !ok) return invalid(ok.error().text());
  alarm.tags = std::move(tags);  // an alarm that is there keeps its own
  if (auto put = alarms::put_alarm(at.step, std::move(alarm)); !put) return put.error();
  return json();
}

}  // namespace agent::api::cloudwatch
