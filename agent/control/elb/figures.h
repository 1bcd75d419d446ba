// What balancers count, as figures of CloudWatch (AWS/ApplicationELB). No rows.
#pragma once
#include "agent/control/state/step.h"

namespace agent::control {

// Figures of what control does not know (any more) are left out.
void take_figures(Step& step, const lb::Figures& figures);

}  // namespace agent::control
