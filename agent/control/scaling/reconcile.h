// Looks at the alarms and scalable targets that are on the agenda: states of alarms, scheduled actions,
// policies, and what became of earlier changes. Level-triggered: may run at any moment, any number of times.
#pragma once
#include "agent/control/state/step.h"

namespace agent::control::scaling {

void reconcile(Step& step);

}  // namespace agent::control::scaling
