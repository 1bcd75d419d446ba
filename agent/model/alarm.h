// Alarms of CloudWatch on metrics.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

enum class AlarmState { kInsufficientData, kOk, kAlarm };

// A metric as an alarm or a policy looks at it.
struct MetricQuery {
  std::string metric_namespace;
  std::string name;
  std::vector<NameValue> dimensions;
  std::string statistic;  // "Average", "Sum", "Minimum", "Maximum", "SampleCount"
  std::string unit;       // empty: any
  int period = 60;        // seconds
  bool operator==(const MetricQuery&) const = default;
};

// Key: its name.
struct Alarm {
  std::string name;
  std::string description;
  bool actions_enabled = true;
  std::vector<std::string> ok_actions;
  std::vector<std::string> alarm_actions;
  std::vector<std::string> insufficient_data_actions;
  MetricQuery metric;
  std::string metrics_document;  // JSON list, as it was given instead of the members of one metric
  int evaluation_periods = 1;
  int datapoints_to_alarm = 0;  // 0: not given, all of them
  double threshold = 0;
  std::string comparison;     // "GreaterThanThreshold"
  std::string treat_missing;  // empty: "missing"
  std::string policy;         // row key of the scaling policy whose alarm it is; empty: a caller's
  AlarmState state = AlarmState::kInsufficientData;
  std::string reason;
  std::string reason_data;   // JSON
  WallTime state_at{};       // StateUpdatedTimestamp
  WallTime transition_at{};  // StateTransitionedTimestamp
  WallTime configured_at{};
  std::vector<Tag> tags;
};

// Key: "<alarm>/<20 digits>"; a name of an alarm may contain slashes.
struct AlarmEvent {
  WallTime at{};
  std::string type;  // "ConfigurationUpdate", "StateUpdate", "Action"
  std::string summary;
  std::string data;  // JSON
};

}  // namespace agent::model
