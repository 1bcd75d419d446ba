// Databases of older versions: what they kept inside other rows becomes rows of its own.
#pragma once
#include "agent/control/state/state.h"

namespace agent::control {

// Moves it: the events of services, the targets of target groups, the last revisions
// of families. Changes tables as a step
// does and nothing at all where there is nothing to move; what it changed is to be made durable before
// anything that builds on it. Where an older version ran on a database that was moved before, what it added
// comes after what is there, and what it deleted takes its rows with it.
void migrate(State& state);

}  // namespace agent::control
