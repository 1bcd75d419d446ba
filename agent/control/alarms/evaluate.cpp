#include "agent/control/alarms/evaluate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/control/alarms/alarms.h"
#include "shared/json/reader.h"

namespace agent::control::alarms {

using model::AlarmState;
using nlohmann::json;

namespace {

constexpr int kExtraPeriods = 2;  // beyond those that count, where some of these are missing
constexpr std::int64_t kMinute = 60;

// As CloudWatch writes numbers: "80.0".
std::string number_text(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.15g", value);
  std::string out = text.data();
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

std::string text_of(const char* format, std::int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds at{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(at - day);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(date.day()),
                static_cast<unsigned>(date.month()), static_cast<int>(date.year()) % 100,
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(date.year()));
  return text.data();
}
std::string short_time(std::int64_t seconds) { return text_of("%02u/%02u/%02d %02d:%02d:%02d", seconds); }
std::string long_time(std::int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds at{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(at - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.000+0000",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text.data();
}

std::string comparison_text(const std::string& comparison) {
  if (comparison == "GreaterThanOrEqualToThreshold") return "greater than or equal to";
  if (comparison == "GreaterThanThreshold") return "greater than";
  if (comparison == "LessThanThreshold") return "less than";
  return "less than or equal to";
}

struct Counts {
  int breaching = 0;
  int real = 0;
  int missing = 0;
};

std::optional<AlarmState> state_by(const model::Alarm& alarm, const Counts& counts) {
  const int needed = alarm.datapoints_to_alarm == 0 ? alarm.evaluation_periods : alarm.datapoints_to_alarm;
  const std::string& missing = alarm.treat_missing;
  if (counts.breaching >= needed) return AlarmState::kAlarm;
  if (missing == "breaching")
    return counts.breaching + counts.missing >= needed ? AlarmState::kAlarm : AlarmState::kOk;
  if (missing == "notBreaching") return AlarmState::kOk;
  const int good = counts.real - counts.breaching;
  if (missing == "ignore") {
    if (counts.missing == 0 || good > alarm.evaluation_periods - needed) return AlarmState::kOk;
    return std::nullopt;
  }
  if (counts.real == 0) return AlarmState::kInsufficientData;
  return good == 0 ? AlarmState::kAlarm : AlarmState::kOk;
}

std::string reason_of(const model::Alarm& alarm, AlarmState state, const std::vector<Datapoint>& looked_at,
                      int breaching) {
  const std::string periods = std::to_string(alarm.evaluation_periods);
  if (looked_at.empty()) {
    const std::string what = "no datapoints were received for " + periods +
                             (alarm.evaluation_periods == 1 ? " period" : " periods");
    if (state == AlarmState::kInsufficientData) return "Insufficient Data: " + what + ".";
    return "Threshold Crossed: " + what + " and " + periods + " missing datapoint" +
           (alarm.evaluation_periods == 1 ? " was" : "s were") + " treated as [" +
           (state == AlarmState::kAlarm ? "Breaching" : "NonBreaching") + "].";
  }
  const bool alarming = state == AlarmState::kAlarm;
  const int count = alarming ? breaching : static_cast<int>(looked_at.size()) - breaching;
  std::string shown;
  for (const Datapoint& each : looked_at) {
    if (breaches(alarm, each.value) != alarming) continue;
    if (!shown.empty()) shown += ", ";
    shown += number_text(each.value) + " (" + short_time(each.at) + ")";
  }
  const int needed = alarm.datapoints_to_alarm == 0 ? alarm.evaluation_periods : alarm.datapoints_to_alarm;
  const int minimum = alarming ? needed : alarm.evaluation_periods - needed + 1;
  return "Threshold Crossed: " + std::to_string(count) + " out of the last " + periods + " datapoints [" +
         shown + "] " + (count == 1 ? "was" : "were") + (alarming ? " " : " not ") +
         comparison_text(alarm.comparison) + " the threshold (" + number_text(alarm.threshold) +
         ") (minimum " + std::to_string(minimum) + " datapoint" + (minimum == 1 ? "" : "s") + " for " +
         (alarming ? "OK -> ALARM" : "ALARM -> OK") + " transition).";
}

}  // namespace

metrics::Name name_of(const model::MetricQuery& query) {
  metrics::Name name{query.metric_namespace, query.name, {}};
  for (const auto& each : query.dimensions) name.dimensions.emplace_back(each.name, each.value);
  return name;
}

bool breaches(const model::Alarm& alarm, double value) {
  const std::string& how = alarm.comparison;
  if (how == "GreaterThanThreshold") return value > alarm.threshold;
  if (how == "GreaterThanOrEqualToThreshold") return value >= alarm.threshold;
  if (how == "LessThanThreshold") return value < alarm.threshold;
  return value <= alarm.threshold;
}

std::int64_t period_end(const model::Alarm& alarm, std::int64_t now) {
  const std::int64_t step = alarm.metric.period < kMinute ? kOftenSeconds : kSeldomSeconds;
  const std::int64_t period = std::min<std::int64_t>(alarm.metric.period, step);
  const std::int64_t come = now - kLateFigures;
  return come - come % std::max<std::int64_t>(period, step);
}

std::vector<Datapoint> datapoints(const model::Alarm& alarm, const metrics::Store& store, std::int64_t end) {
  std::vector<Datapoint> out;
  const std::int64_t period = alarm.metric.period;
  const std::int64_t aligned_end = end - end % period;
  const std::int64_t from = aligned_end - period * (alarm.evaluation_periods + kExtraPeriods);
  const auto name = name_of(alarm.metric);
  if (!alarm.metric.unit.empty()) {
    const metrics::Series* series = store.find(name);
    if (series != nullptr && series->unit != alarm.metric.unit) return out;
  }
  for (const auto& point : store.read(name, from, aligned_end, period)) {
    if (const auto value = metrics::statistic(point.figure, alarm.metric.statistic))
      out.push_back({point.at, *value});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<Finding> judge(const model::Alarm& alarm, const metrics::Store& store, std::int64_t now) {
  const std::int64_t end = period_end(alarm, now);
  const std::int64_t period = alarm.metric.period;
  auto points = datapoints(alarm, store, end);
  const auto most = static_cast<std::size_t>(alarm.evaluation_periods);
  // A store that began later than the first of these periods knows nothing of them: a restart is no news.
  const std::int64_t from = end - end % period - period * alarm.evaluation_periods;
  if (points.empty() && from < store.begun()) return std::nullopt;
  if (points.size() > most) points.resize(most);
  Counts counts;
  counts.real = static_cast<int>(points.size());
  counts.missing = alarm.evaluation_periods - counts.real;
  for (const auto& each : points) counts.breaching += breaches(alarm, each.value) ? 1 : 0;
  const auto state = state_by(alarm, counts);
  if (!state) return std::nullopt;
  Finding out;
  out.state = *state;
  out.reason = reason_of(alarm, *state, points, counts.breaching);
  json recent = json::array();
  json evaluated = json::array();
  for (const auto& each : points) {
    recent.push_back(each.value);
    evaluated.push_back({{"timestamp", long_time(each.at)}, {"value", each.value}});
    out.least = std::min(out.least.value_or(each.value), each.value);
    out.most = std::max(out.most.value_or(each.value), each.value);
  }
  if (!points.empty()) out.newest = points.front().value;
  out.reason_data = shared::json::to_text(json{{"version", "1.0"},
                                               {"queryDate", long_time(now)},
                                               {"startDate", long_time(from)},
                                               {"statistic", alarm.metric.statistic},
                                               {"period", alarm.metric.period},
                                               {"recentDatapoints", std::move(recent)},
                                               {"threshold", alarm.threshold},
                                               {"evaluatedDatapoints", std::move(evaluated)}});
  return out;
}

}  // namespace agent::control::alarms
