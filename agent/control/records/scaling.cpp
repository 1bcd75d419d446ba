#include "agent/model/scaling.h"

#include "agent/control/records/row_text.h"

namespace agent::control {

template <class Archive, RowOf<model::NameValue> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("value", row.value);
}

namespace {

// An enumeration as its number.
template <class Archive, class Row>
void alarm_state(Archive& in, Row& row) {
  int state = static_cast<int>(row.state);
  in("state", state);
  if constexpr (!std::is_const_v<Row>) {
    if (state >= 0 && state <= static_cast<int>(model::AlarmState::kAlarm))
      row.state = static_cast<model::AlarmState>(state);
  }
}

}  // namespace

template <class Archive, RowOf<model::MetricQuery> Row>
void metric_fields(Archive& in, Row& row) {
  in("namespace", row.metric_namespace);
  in("metric", row.name);
  in("dimensions", row.dimensions);
  in("statistic", row.statistic);
  in("unit", row.unit);
  in("period", row.period);
}

template <class Archive, RowOf<model::Alarm> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("description", row.description);
  in("actions_enabled", row.actions_enabled);
  in("ok_actions", row.ok_actions);
  in("alarm_actions", row.alarm_actions);
  in("insufficient_data_actions", row.insufficient_data_actions);
  metric_fields(in, row.metric);
  in("metrics_document", row.metrics_document);
  in("evaluation_periods", row.evaluation_periods);
  in("datapoints_to_alarm", row.datapoints_to_alarm);
  in("threshold", row.threshold);
  in("comparison", row.comparison);
  in("treat_missing", row.treat_missing);
  in("policy", row.policy);
  alarm_state(in, row);
  in("reason", row.reason);
  in("reason_data", row.reason_data);
  in("state_at", row.state_at);
  in("transition_at", row.transition_at);
  in("configured_at", row.configured_at);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::AlarmEvent> Row>
void fields(Archive& in, Row& row) {
  in("at", row.at);
  in("type", row.type);
  in("summary", row.summary);
  in("data", row.data);
}

template <class Archive, RowOf<model::ScalableTarget> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("min_capacity", row.min_capacity);
  in("max_capacity", row.max_capacity);
  in("scale_in_suspended", row.scale_in_suspended);
  in("scale_out_suspended", row.scale_out_suspended);
  in("scheduled_suspended", row.scheduled_suspended);
  in("tags", row.tags);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::StepAdjustment> Row>
void fields(Archive& in, Row& row) {
  in("has_lower", row.has_lower);
  in("has_upper", row.has_upper);
  in("lower", row.lower);
  in("upper", row.upper);
  in("adjustment", row.adjustment);
}

template <class Archive, RowOf<model::ScalingPolicy> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("name", row.name);
  in("tracks", row.tracks);
  in("document", row.document);
  metric_fields(in, row.metric);
  in("target", row.target);
  in("in_disabled", row.in_disabled);
  in("out_cooldown", row.out_cooldown);
  in("in_cooldown", row.in_cooldown);
  in("high_alarm", row.high_alarm);
  in("low_alarm", row.low_alarm);
  in("adjustment_type", row.adjustment_type);
  in("aggregation", row.aggregation);
  in("min_magnitude", row.min_magnitude);
  in("steps", row.steps);
  in("out_from", row.out_from);
  in("out_at", row.out_at);
  in("in_at", row.in_at);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::ScheduledAction> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("name", row.name);
  in("schedule", row.schedule);
  in("timezone", row.timezone);
  in("has_min", row.has_min);
  in("has_max", row.has_max);
  in("min_capacity", row.min_capacity);
  in("max_capacity", row.max_capacity);
  in("has_start", row.has_start);
  in("has_end", row.has_end);
  in("start_at", row.start_at);
  in("end_at", row.end_at);
  in("created_at", row.created_at);
  in("done_until", row.done_until);
}

template <class Archive, RowOf<model::ScalingActivity> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("description", row.description);
  in("cause", row.cause);
  in("status", row.status);
  in("message", row.message);
  in("started_at", row.started_at);
  in("ended_at", row.ended_at);
  in("not_scaled", row.not_scaled);
  in("capacity", row.capacity);
  in("max_capacity", row.max_capacity);
  in("min_capacity", row.min_capacity);
}

BERTH_ROW(model::Alarm)
BERTH_ROW(model::AlarmEvent)
BERTH_ROW(model::ScalableTarget)
BERTH_ROW(model::ScalingPolicy)
BERTH_ROW(model::ScheduledAction)
BERTH_ROW(model::ScalingActivity)

}  // namespace agent::control
