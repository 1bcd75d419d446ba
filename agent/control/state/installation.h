// The installation: the identity of this control plane and of every container its agents make, so that agents
// of two control planes on one container engine tell their containers apart whatever their clusters are
// called. Made once, at control's first start, in a row of its own: an older version that ran in between does
// not know the row and leaves it alone.
#pragma once
#include <string>

#include "agent/control/state/step.h"

namespace agent::control {

// Empty before name_installation() was committed.
std::string installation_of(const State& state);
// Makes the identity where there is none, and replaces it by Settings::installation where that is set.
void name_installation(Step& step);

}  // namespace agent::control
