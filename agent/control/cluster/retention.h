// How long what was deleted stays describable: services, container instances and clusters are INACTIVE for a
// while, as ECS keeps them, and then they are gone (MISSING). Without that, rows would pile up wherever they
// are made and deleted all day.
#pragma once
#include "agent/control/state/step.h"

namespace agent::control {

// Removes INACTIVE rows whose time (Settings::inactive_retention) is over and that nothing refers to any
// more.
void purge_inactive(Step& step);

}  // namespace agent::control
