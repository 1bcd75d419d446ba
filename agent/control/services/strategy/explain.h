// Why a deployment failed, in the words of what its tasks did: how their containers ended, and what health
// checks last said.
#pragma once
#include <string>

#include "agent/control/state/step.h"

namespace agent::control {

// Stopped tasks that are looked at, the newest first.
inline constexpr std::size_t kMaxExplainedTasks = 1'000;
// What is told of each kind.
inline constexpr std::size_t kMaxExplanations = 3;

// Sentences, each with a blank before it; empty: nothing is known.
std::string explain_deployment(const State& state, const model::Service& service,
                               const std::string& deployment_id);

}  // namespace agent::control
