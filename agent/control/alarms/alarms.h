// Alarms of CloudWatch, as control keeps them: their rows, states and history. What an alarm does when it
// changes (a scaling policy) is done by the rooms above. Names of errors are CloudWatch's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/alarms/evaluate.h"
#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::alarms {

inline constexpr std::size_t kMaxAlarms = 5'000;
inline constexpr std::size_t kMaxAlarmEvents = 50;  // of one alarm; the oldest go
inline constexpr shared::Millis kAlarmEventsKept{14 * 86'400'000LL};

const char* word(model::AlarmState state);  // "INSUFFICIENT_DATA"
std::optional<model::AlarmState> state_of(std::string_view word);
std::string alarm_arn(const Settings& settings, std::string_view name);

const model::Alarm* find_alarm(const State& state, std::string_view name);
// As deployments ask, which an alarm that is not there or lacks data does not fail.
bool in_alarm(const State& state, std::string_view name);
// A new one, or all of an old one but its state and its tags. Errors: LimitExceeded, ResourceNotFound of
// the wrong owner.
shared::Result<void> put_alarm(Step& step, model::Alarm alarm);
// False: there is none.
bool delete_alarm(Step& step, const std::string& name);
// As evaluation does and SetAlarmState: the history has it when it is another state than before.
void set_state(Step& step, const std::string& name, model::AlarmState state, const std::string& reason,
               const std::string& reason_data);
void enable_actions(Step& step, const std::string& name, bool enabled);
// An action that was taken, for the history.
void note_action(Step& step, const std::string& name, const std::string& summary);
// Errors: InvalidParameterValue.
shared::Result<void> add_alarm_tags(Step& step, const std::string& name, const std::vector<model::Tag>& tags);
void remove_alarm_tags(Step& step, const std::string& name, const std::vector<std::string>& keys);
// Newest first.
std::vector<const model::AlarmEvent*> events_of(const State& state, const std::string& name);

// Looks at a caller's alarm if its period is over, and changes its state. What it found; nothing if it is not
// time yet, of an alarm that a policy decides about, or when nothing can be said.
std::optional<Finding> look_at(Step& step, const std::string& name);

}  // namespace agent::control::alarms
