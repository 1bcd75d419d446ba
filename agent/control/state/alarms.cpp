#include "agent/control/state/alarms.h"

#include "agent/control/state/neighbours.h"

namespace agent::control {

bool in_alarm(const State& state, const std::string& name) {
  const model::Alarm* alarm = state.neighbours().alarms.find(name);
  return alarm != nullptr && alarm->state == model::AlarmState::kAlarm;
}

}  // namespace agent::control
