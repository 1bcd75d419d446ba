// The configuration that balancers apply, made of the load balancing rows.
#pragma once
#include <memory>

#include "agent/control/state/step.h"

namespace agent::control {

// Rebuilds the balancers' configuration if load balancing rows changed; raises config_version and notes
// drain_version of newly draining targets when it differs. Runs last in every batch. False: there was nothing
// to do.
bool publish(Step& step);
// All but their versions.
bool same_but_version(const lb::Config& a, const lb::Config& b);
std::shared_ptr<const lb::Config> build_config(const State& state, const Settings& settings);

}  // namespace agent::control
