#include "agent/control/alarms/alarms.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/control/state/tag_rules.h"
#include "shared/json/reader.h"

namespace agent::control::alarms {

using model::Alarm;
using model::AlarmState;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::array<const char*, 3> kStateWords{"INSUFFICIENT_DATA", "OK", "ALARM"};

Table<Alarm>& alarms_of(Step& step) { return rows(step).neighbours().alarms; }

// Keys of the events of one alarm; the names of others may begin like its name.
std::vector<std::string> event_keys(const State& state, const std::string& alarm) {
  std::vector<std::string> keys = keys_under(state.neighbours().alarm_events, alarm);
  std::erase_if(keys, [&](const std::string& key) { return owner_key(key) != alarm; });
  return keys;
}

void add_event(Step& step, const std::string& alarm, model::AlarmEvent event) {
  append_to_log(rows(step).neighbours().alarm_events, alarm, event_keys(step.state, alarm),
                step.millis() * 1'000, kMaxAlarmEvents, std::move(event),
                [&](const auto& old) { return old.at + kAlarmEventsKept < step.now; });
}

}  // namespace

const char* word(AlarmState state) { return kStateWords[static_cast<std::size_t>(state)]; }

std::optional<AlarmState> state_of(std::string_view word) {
  for (std::size_t i = 0; i < kStateWords.size(); ++i) {
    if (word == kStateWords[i]) return static_cast<AlarmState>(i);
  }
  return std::nullopt;
}

std::string alarm_arn(const Settings& settings, std::string_view name) {
  return "arn:" + settings.partition + ":cloudwatch:" + settings.region + ":" + settings.account +
         ":alarm:" + std::string(name);
}

const Alarm* find_alarm(const State& state, std::string_view name) {
  return state.neighbours().alarms.find(name);
}

bool in_alarm(const State& state, std::string_view name) {
  const Alarm* alarm = find_alarm(state, name);
  return alarm != nullptr && alarm->state == AlarmState::kAlarm;
}

Result<void> put_alarm(Step& step, Alarm alarm) {
  Table<Alarm>& table = alarms_of(step);
  const std::string name = alarm.name;
  const Alarm* old = table.find(name);
  if (old == nullptr && table.size() >= kMaxAlarms)
    return fault("LimitExceeded", "There may be " + std::to_string(kMaxAlarms) + " alarms.");
  alarm.configured_at = step.now;
  if (old != nullptr) {
    alarm.state = old->state;
    alarm.reason = old->reason;
    alarm.reason_data = old->reason_data;
    alarm.state_at = old->state_at;
    alarm.transition_at = old->transition_at;
    alarm.tags = old->tags;
    if (alarm.policy.empty()) alarm.policy = old->policy;
  } else {
    alarm.reason = "Unchecked: Initial alarm creation";
    alarm.state_at = alarm.transition_at = step.now;
  }
  const bool fresh = old == nullptr;
  table.put(name, std::move(alarm));
  add_event(step, name,
            {step.now, "ConfigurationUpdate", "Alarm \"" + name + "\" " + (fresh ? "created" : "updated"),
             shared::json::to_text(json{{"version", "1.0"}, {"type", fresh ? "Create" : "Update"}})});
  return {};
}

bool delete_alarm(Step& step, const std::string& name) {
  if (find_alarm(step.state, name) == nullptr) return false;
  for (const std::string& key : event_keys(step.state, name)) rows(step).neighbours().alarm_events.erase(key);
  alarms_of(step).erase(name);
  rows(step).live.alarms_looked_at.erase(name);
  return true;
}

void set_state(Step& step, const std::string& name, AlarmState state, const std::string& reason,
               const std::string& reason_data) {
  const Alarm* found = find_alarm(step.state, name);
  if (found == nullptr) return;
  const AlarmState before = found->state;
  if (before == state && found->reason == reason) return;
  const std::string old_reason = found->reason;
  alarms_of(step).edit(name, [&](Alarm& row) {
    row.state = state;
    row.reason = reason;
    row.reason_data = reason_data;
    row.state_at = step.now;
    if (before != state) row.transition_at = step.now;
  });
  if (before == state) return;
  add_event(
      step, name,
      {step.now, "StateUpdate", std::string("Alarm updated from ") + word(before) + " to " + word(state),
       shared::json::to_text(json{{"version", "1.0"},
                                  {"oldState", {{"stateValue", word(before)}, {"stateReason", old_reason}}},
                                  {"newState", {{"stateValue", word(state)}, {"stateReason", reason}}}})});
}

void enable_actions(Step& step, const std::string& name, bool enabled) {
  const Alarm* found = find_alarm(step.state, name);
  if (found == nullptr || found->actions_enabled == enabled) return;
  alarms_of(step).edit(name, [&](Alarm& row) { row.actions_enabled = enabled; });
}

void note_action(Step& step, const std::string& name, const std::string& summary) {
  if (find_alarm(step.state, name) != nullptr) add_event(step, name, {step.now, "Action", summary, "{}"});
}

Result<void> add_alarm_tags(Step& step, const std::string& name, const std::vector<model::Tag>& tags) {
  if (auto ok = check_tags(tags); !ok) return fault("InvalidParameterValue", ok.error().text());
  const Alarm* found = find_alarm(step.state, name);
  if (found == nullptr) return fault("ResourceNotFound", "Unknown alarm " + name);
  auto merged = merge_tags(found->tags, tags);
  if (merged.size() > kMaxTags) return fault("InvalidParameterValue", "An alarm can have at most 50 tags");
  alarms_of(step).edit(name, [&](Alarm& row) { row.tags = std::move(merged); });
  return {};
}

void remove_alarm_tags(Step& step, const std::string& name, const std::vector<std::string>& keys) {
  alarms_of(step).edit(name, [&](Alarm& row) {
    std::erase_if(row.tags, [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    });
  });
}

std::vector<const model::AlarmEvent*> events_of(const State& state, const std::string& name) {
  std::vector<const model::AlarmEvent*> out;
  for (const std::string& key : event_keys(state, name))
    out.push_back(state.neighbours().alarm_events.find(key));
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<Finding> look_at(Step& step, const std::string& name) {
  const Alarm* alarm = find_alarm(step.state, name);
  if (alarm == nullptr || !alarm->policy.empty() || alarm->metric.name.empty()) return std::nullopt;
  const std::int64_t now = shared::whole_seconds(step.now);
  const std::int64_t end = period_end(*alarm, now);
  const std::int64_t every = alarm->metric.period < kSeldomSeconds ? kOftenSeconds : kSeldomSeconds;
  step.wake_at(shared::from_whole_seconds(end + every + kLateFigures));
  std::int64_t& looked_at = rows(step).live.alarms_looked_at[name];
  if (looked_at >= end) return std::nullopt;
  looked_at = end;
  auto found = judge(*alarm, *step.state.live.metrics, now);
  if (!found) return std::nullopt;
  if (found->state != alarm->state) set_state(step, name, found->state, found->reason, found->reason_data);
  return found;
}

}  // namespace agent::control::alarms
