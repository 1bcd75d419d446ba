#include "agent/api/cloudwatch/cloudwatch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/operations.h"
#include "agent/api/cloudwatch/wire.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"

namespace agent::api::cloudwatch {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::string_view kNoComposite = "there are alarms on single metrics only.";
constexpr std::string_view kNoDashboards = "there are no dashboards here.";
constexpr std::string_view kNoDetectors = "there is no anomaly detection here.";
constexpr std::string_view kNoInsights = "there are no insight rules here.";
constexpr std::string_view kNoStreams = "figures are sent nowhere.";
constexpr std::string_view kNoMuting = "use DisableAlarmActions.";
constexpr auto kNotHere = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"DeleteAlarmMuteRule", kNoMuting},
    {"DeleteAnomalyDetector", kNoDetectors},
    {"DeleteDashboards", kNoDashboards},
    {"DeleteInsightRules", kNoInsights},
    {"DeleteMetricStream", kNoStreams},
    {"DescribeAnomalyDetectors", kNoDetectors},
    {"DescribeInsightRules", kNoInsights},
    {"GetDashboard", kNoDashboards},
    {"GetMetricStream", kNoStreams},
    {"GetMetricWidgetImage", "there are no pictures here."},
    {"ListDashboards", kNoDashboards},
    {"ListMetricStreams", kNoStreams},
    {"PutAlarmMuteRule", kNoMuting},
    {"PutAnomalyDetector", kNoDetectors},
    {"PutCompositeAlarm", kNoComposite},
    {"PutDashboard", kNoDashboards},
    {"PutInsightRule", kNoInsights},
    {"PutMetricStream", kNoStreams},
});

template <class Run>
Run run_of(std::span<const std::pair<std::string_view, Run>> table, std::string_view operation) {
  for (const auto& [name, each] : table) {
    if (name == operation) return each;
  }
  return nullptr;
}

Error unknown_operation(const std::string& operation) {
  for (const auto& [name, why] : kNotHere) {
    if (name == operation) return invalid(operation + " is not offered: " + std::string(why));
  }
  return control::fault("InvalidAction", "The action " + shared::shortened(operation, kShownBytes) +
                                             " is not valid for this web service.");
}

// `run` on the request as JSON.
template <class Run>
Result<std::string> answered(const Call& call, aws::Protocol protocol, Run run) {
  const auto text = json_text(protocol, call.body);
  if (!text) return text.error();
  const auto document = shared::json::Document::parse(*text, "InvalidParameterValue");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Answer answer = run(in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return answer->is_null() ? std::string() : shared::json::to_text(*answer);
}

}  // namespace

Error invalid(std::string text) { return control::fault("InvalidParameterValue", std::move(text)); }
Error combination(std::string text) { return control::fault("InvalidParameterCombination", std::move(text)); }
Error missing(std::string_view member) {
  return control::fault("MissingParameter", "The parameter " + std::string(member) + " is required.");
}
Error bad_token() { return control::fault("InvalidNextToken", "The next token is invalid."); }

Result<std::string> required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text || text->empty()) return missing(member);
  return *std::move(text);
}

Result<std::vector<model::NameValue>> dimensions_in(In in, std::string_view member) {
  std::vector<model::NameValue> out;
  for (const auto& each : in.children(member))
    out.push_back({each.required_string("Name"), each.required_string("Value")});
  if (!in.ok()) return in.error();
  if (out.size() > kMaxDimensions)
    return invalid(std::string(member) + " has " + std::to_string(out.size()) + " elements: 30 are allowed.");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].name.empty() || out[i].value.empty())
      return invalid(std::string(member) + ": names and values of dimensions must not be empty.");
    for (std::size_t j = 0; j < i; ++j) {
      if (out[i].name == out[j].name)
        return invalid(std::string(member) + ": the dimension " +
                       shared::shortened(out[i].name, kShownBytes) + " is given twice.");
    }
  }
  return out;
}

json dimensions_json(const std::vector<model::NameValue>& dimensions) {
  json out = json::array();
  for (const auto& each : dimensions) out.push_back({{"Name", each.name}, {"Value", each.value}});
  return out;
}

bool is_period(std::int64_t seconds, bool fine) {
  if (seconds == 10 || seconds == 20 || seconds == 30) return true;
  if (fine && (seconds == 1 || seconds == 5)) return true;
  return seconds > 0 && seconds % 60 == 0;
}

Result<std::string> unit_in(In in) {
  const auto unit = in.string("Unit");
  if (!in.ok()) return in.error();
  if (!unit) return std::string();
  if (std::find(kUnits.begin(), kUnits.end(), *unit) == kUnits.end())
    return invalid("The value '" + shared::shortened(*unit, kShownBytes) +
                   "' of the parameter Unit is no unit.");
  return *unit;
}

Result<model::MetricQuery> metric_stat_in(In in) {
  model::MetricQuery query;
  const auto metric = in.required_child("Metric");
  const auto period = in.required_integer<int>("Period", 1);
  query.statistic = in.required_string("Stat");
  if (!metric) return in.error();
  query.metric_namespace = metric->required_string("Namespace");
  query.name = metric->required_string("MetricName");
  if (!in.ok()) return in.error();
  auto dimensions = dimensions_in(*metric);
  if (!dimensions) return dimensions.error();
  auto unit = unit_in(in);
  if (!unit) return unit.error();
  if (!is_period(period, true))
    return invalid("The value " + std::to_string(period) +
                   " of the parameter Period must be 1, 5, 10, 30 or a multiple of 60.");
  if (!metrics::is_statistic(query.statistic))
    return invalid("Stat '" + shared::shortened(query.statistic, kShownBytes) +
                   "': " + std::string(kNoPercentiles));
  query.dimensions = *std::move(dimensions);
  query.unit = *std::move(unit);
  query.period = period;
  return query;
}

bool is_about_figures(std::string_view operation) {
  return run_of(figure_operations(), operation) != nullptr;
}

Outcome handle(Step& step, const Call& call, aws::Protocol protocol) {
  const AlarmRun run = run_of(alarm_operations(), call.operation);
  if (run == nullptr) return {unknown_operation(call.operation)};
  AlarmContext at{step};
  auto answer = answered(call, protocol, [&](In in) { return run(at, in); });
  return {std::move(answer), at.keep};
}

Result<std::string> run_on_figures(metrics::Store& store, shared::WallTime now, const Call& call,
                                   aws::Protocol protocol) {
  const FigureRun run = run_of(figure_operations(), call.operation);
  if (run == nullptr) return unknown_operation(call.operation);
  FigureContext at{store, shared::whole_seconds(now)};
  return answered(call, protocol, [&](In in) { return run(at, in); });
}

Offers offers() {
  Offers out;
  add_offered(out, alarm_operations());
  add_offered(out, figure_operations());
  add_refused(out, kNotHere);
  return out;
}

}  // namespace agent::api::cloudwatch
