// The states of CloudWatch's alarms as deployments watch them.
#pragma once
#include <string>

#include "agent/control/state/state.h"

namespace agent::control {

// Whether the alarm of that name is in ALARM. One that is not there, or lacks data, fails no deployment.
bool in_alarm(const State& state, const std::string& name);

}  // namespace agent::control
