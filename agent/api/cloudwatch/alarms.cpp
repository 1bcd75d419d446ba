#include "agent/control/alarms/alarms.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/operations.h"
#include "agent/api/json/tags.h"
#include "agent/control/scaling/requests.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::cloudwatch {

using model::Alarm;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxNames = 100;
constexpr int kMaxRecords = 100;
constexpr int kDefaultRecords = 50;
constexpr std::size_t kMaxReason = 1'023;

json alarm_json(const Step& step, const Alarm& row) {
  json out{{"AlarmName", row.name},
           {"AlarmArn", alarms::alarm_arn(step.settings, row.name)},
           {"AlarmConfigurationUpdatedTimestamp", shared::epoch_seconds(row.configured_at)},
           {"ActionsEnabled", row.actions_enabled},
           {"OKActions", row.ok_actions},
           {"AlarmActions", row.alarm_actions},
           {"InsufficientDataActions", row.insufficient_data_actions},
           {"StateValue", alarms::word(row.state)},
           {"StateReason", row.reason},
           {"StateUpdatedTimestamp", shared::epoch_seconds(row.state_at)},
           {"StateTransitionedTimestamp", shared::epoch_seconds(row.transition_at)},
           {"EvaluationPeriods", row.evaluation_periods},
           {"Threshold", row.threshold},
           {"ComparisonOperator", row.comparison}};
  if (!row.description.empty()) out["AlarmDescription"] = row.description;
  if (!row.reason_data.empty()) out["StateReasonData"] = row.reason_data;
  if (row.datapoints_to_alarm != 0) out["DatapointsToAlarm"] = row.datapoints_to_alarm;
  if (!row.treat_missing.empty()) out["TreatMissingData"] = row.treat_missing;
  if (!row.metrics_document.empty()) {
    auto metrics = shared::json::parse(row.metrics_document);
    out["Metrics"] = metrics ? *std::move(metrics) : json::array();
    out["Dimensions"] = json::array();
    return out;
  }
  out["MetricName"] = row.metric.name;
  out["Namespace"] = row.metric.metric_namespace;
  out["Statistic"] = row.metric.statistic;
  out["Dimensions"] = dimensions_json(row.metric.dimensions);
  out["Period"] = row.metric.period;
  if (!row.metric.unit.empty()) out["Unit"] = row.metric.unit;
  return out;
}

struct AlarmPage {
  std::size_t size = kDefaultRecords;
  std::string after;
};
Result<AlarmPage> page_in(In in) {
  AlarmPage page;
  const auto size = in.integer<int>("MaxRecords", 1, kMaxRecords);
  const auto token = in.string("NextToken");
  if (!in.ok()) return in.error();
  page.size = static_cast<std::size_t>(size.value_or(kDefaultRecords));
  if (token) {
    auto after = shared::crypto::base64_decode(*token);
    if (!after || after->empty()) return bad_token();
    page.after = *std::move(after);
  }
  return page;
}

bool any_begins_with(const std::vector<std::string>& texts, const std::string& prefix) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& each) { return each.starts_with(prefix); });
}

Answer describe_alarms(AlarmContext& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto names = in.strings("AlarmNames");
  const auto prefix = in.string("AlarmNamePrefix");
  const auto types = in.strings_or_empty("AlarmTypes");
  const auto state = in.string("StateValue");
  const auto action = in.string("ActionPrefix");
  if (!in.ok()) return in.error();
  if (names && prefix) return combination("AlarmNames and AlarmNamePrefix exclude each other.");
  if (names && names->size() > kMaxNames) return invalid("AlarmNames may have 100 elements.");
  if (in.has("ChildrenOfAlarmName") || in.has("ParentsOfAlarmName"))
    return invalid(
        "ChildrenOfAlarmName and ParentsOfAlarmName are not offered: there are no composite alarms here.");
  if (state && !alarms::state_of(*state))
    return invalid("StateValue is one of OK, ALARM, INSUFFICIENT_DATA.");
  for (const auto& type : types) {
    if (type != "MetricAlarm" && type != "CompositeAlarm")
      return invalid("AlarmTypes: '" + shared::shortened(type, kShownBytes) +
                     "' is none of MetricAlarm, CompositeAlarm.");
  }
  json out{{"MetricAlarms", json::array()}, {"CompositeAlarms", json::array()}};
  if (!types.empty() && std::find(types.begin(), types.end(), "MetricAlarm") == types.end()) return out;
  std::string last;
  const auto& table = at.step.state.neighbours().alarms.rows();
  for (auto it = table.upper_bound(page->after); it != table.end(); ++it) {
    const auto& [name, row] = *it;
    if (names && !names->empty() && std::find(names->begin(), names->end(), name) == names->end()) continue;
    if (prefix && !name.starts_with(*prefix)) continue;
    if (state && *state != alarms::word(row.state)) continue;
    if (action && !any_begins_with(row.alarm_actions, *action) && !any_begins_with(row.ok_actions, *action) &&
        !any_begins_with(row.insufficient_data_actions, *action))
      continue;
    if (out["MetricAlarms"].size() == page->size) {
      out["NextToken"] = shared::crypto::base64_encode(last);
      break;
    }
    out["MetricAlarms"].push_back(alarm_json(at.step, row));
    last = name;
  }
  return out;
}

Answer describe_alarms_for_metric(AlarmContext& at, In in) {
  const auto name = required(in, "MetricName");
  if (!name) return name.error();
  const auto space = required(in, "Namespace");
  if (!space) return space.error();
  const auto statistic = in.string("Statistic");
  const auto period = in.integer<int>("Period");
  auto dimensions = dimensions_in(in);
  if (!dimensions) return dimensions.error();
  const auto unit = in.string("Unit");
  if (!in.ok()) return in.error();
  const auto sorted = [](std::vector<model::NameValue> list) {
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return list;
  };
  json out{{"MetricAlarms", json::array()}};
  for (const auto& [alarm, row] : at.step.state.neighbours().alarms.rows()) {
    const model::MetricQuery& metric = row.metric;
    const bool same = metric.name == *name && metric.metric_namespace == *space &&
                      sorted(metric.dimensions) == sorted(*dimensions) &&
                      (!statistic || *statistic == metric.statistic) &&
                      (!period || *period == metric.period) && (!unit || *unit == metric.unit);
    if (same) out["MetricAlarms"].push_back(alarm_json(at.step, row));
  }
  return out;
}

// Those that there are go, whatever the others are.
Answer delete_alarms(AlarmContext& at, In in) {
  const auto names = in.strings_or_empty("AlarmNames");
  if (!in.ok()) return in.error();
  if (names.empty()) return missing("AlarmNames");
  if (names.size() > kMaxNames) return invalid("AlarmNames may have 100 elements.");
  std::string unknown;
  for (const auto& name : names) {
    if (!alarms::delete_alarm(at.step, name)) unknown += (unknown.empty() ? "" : ", ") + name;
  }
  if (unknown.empty()) return json();
  at.keep = true;
  return control::fault("ResourceNotFound",
                        "Resource not found for alarms: [" + shared::shortened(unknown, kShownBytes) + "]");
}

Answer set_alarm_state(AlarmContext& at, In in) {
  const auto name = required(in, "AlarmName");
  if (!name) return name.error();
  const auto value = required(in, "StateValue");
  if (!value) return value.error();
  const auto reason = in.string("StateReason");
  const auto data = in.string_or("StateReasonData", "");
  if (!in.ok()) return in.error();
  if (!reason) return missing("StateReason");
  if (reason->size() > kMaxReason) return invalid("StateReason may have 1023 characters.");
  const auto state = alarms::state_of(*value);
  if (!state) return invalid("StateValue is one of OK, ALARM, INSUFFICIENT_DATA.");
  if (!data.empty() && !shared::json::parse(data))
    return control::fault("InvalidFormat", "StateReasonData was not syntactically valid JSON");
  if (alarms::find_alarm(at.step.state, *name) == nullptr)
    return control::fault("ResourceNotFound", "Unknown alarm " + shared::shortened(*name, kShownBytes));
  control::scaling::set_alarm_state(at.step, *name, *state, *reason, data);
  return json();
}

Answer enable_actions(AlarmContext& at, In in, bool enabled) {
  const auto names = in.strings_or_empty("AlarmNames");
  if (!in.ok()) return in.error();
  if (names.size() > kMaxNames) return invalid("AlarmNames may have 100 elements.");
  for (const auto& name : names) alarms::enable_actions(at.step, name, enabled);
  return json();
}
Answer enable_alarm_actions(AlarmContext& at, In in) { return enable_actions(at, in, true); }
Answer disable_alarm_actions(AlarmContext& at, In in) { return enable_actions(at, in, false); }

Answer describe_alarm_history(AlarmContext& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto name = in.string("AlarmName");
  const auto type = in.string("HistoryItemType");
  const auto start = in.time("StartDate");
  const auto end = in.time("EndDate");
  const auto order = in.string_or("ScanBy", "TimestampDescending");
  if (!in.ok()) return in.error();
  struct Item {
    std::string alarm;
    const model::AlarmEvent* event;
    std::string id;
  };
  std::vector<Item> items;
  for (const auto& [alarm, row] : at.step.state.neighbours().alarms.rows()) {
    if (name && alarm != *name) continue;
    std::size_t number = 0;
    for (const auto* event : alarms::events_of(at.step.state, alarm)) {
      ++number;
      if ((type && *type != event->type) || (start && event->at < *start) || (end && event->at > *end))
        continue;
      items.push_back(
          {alarm, event,
           alarm + "/" + std::to_string(shared::epoch_millis(event->at)) + "/" + std::to_string(number)});
    }
  }
  const bool newest_first = order != "TimestampAscending";
  std::stable_sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
    return newest_first ? a.event->at > b.event->at : a.event->at < b.event->at;
  });
  json out{{"AlarmHistoryItems", json::array()}};
  bool begun = page->after.empty();
  std::string last;
  for (const Item& each : items) {
    if (!begun) {
      begun = each.id == page->after;
      continue;
    }
    if (out["AlarmHistoryItems"].size() == page->size) {
      out["NextToken"] = shared::crypto::base64_encode(last);
      break;
    }
    out["AlarmHistoryItems"].push_back({{"AlarmName", each.alarm},
                                        {"AlarmType", "MetricAlarm"},
                                        {"Timestamp", shared::epoch_seconds(each.event->at)},
                                        {"HistoryItemType", each.event->type},
                                        {"HistorySummary", each.event->summary},
                                        {"HistoryData", each.event->data}});
    last = each.id;
  }
  return out;
}

// ---- Tags ----

Result<std::string> tagged_alarm(const Step& step, In in) {
  const auto arn = required(in, "ResourceARN");
  if (!arn) return arn;
  const std::string prefix = alarms::alarm_arn(step.settings, "");
  const std::string name = arn->starts_with(prefix) ? arn->substr(prefix.size()) : "";
  if (alarms::find_alarm(step.state, name) != nullptr) return name;
  return control::fault("ResourceNotFoundException",
                        "There is no resource " + shared::shortened(*arn, kShownBytes));
}

Answer list_tags(AlarmContext& at, In in) {
  const auto name = tagged_alarm(at.step, in);
  if (!name) return name.error();
  return json{{"Tags", encode_tags(alarms::find_alarm(at.step.state, *name)->tags)}};
}

Answer tag_resource(AlarmContext& at, In in) {
  const auto name = tagged_alarm(at.step, in);
  if (!name) return name.error();
  const auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto ok = alarms::add_alarm_tags(at.step, *name, tags); !ok) return ok.error();
  return json::object();
}

Answer untag_resource(AlarmContext& at, In in) {
  const auto name = tagged_alarm(at.step, in);
  if (!name) return name.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  alarms::remove_alarm_tags(at.step, *name, keys);
  return json::object();
}

constexpr auto kAlarmOperations = std::to_array<AlarmOperation>({
    {"DeleteAlarms", delete_alarms},
    {"DescribeAlarmHistory", describe_alarm_history},
    {"DescribeAlarms", describe_alarms},
    {"DescribeAlarmsForMetric", describe_alarms_for_metric},
    {"DisableAlarmActions", disable_alarm_actions},
    {"EnableAlarmActions", enable_alarm_actions},
    {"ListTagsForResource", list_tags},
    {"PutMetricAlarm", put_metric_alarm},
    {"SetAlarmState", set_alarm_state},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const AlarmOperation> alarm_operations() { return kAlarmOperations; }

}  // namespace agent::api::cloudwatch
