// Capacity provider strategies: how many tasks each provider gets.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// A container instance belongs to the capacity provider that this attribute names.
inline constexpr const char* kProviderAttribute = "berth.capacity-provider";

// The providers of the next `count` tasks, one for each, when so many are there already: first what is
// missing of a base, then each time the provider that with one task more is least above its share by weight,
// the one named first among equals. Providers without weight get their base and no more. Pure.
std::vector<std::string> distribute(const std::vector<model::StrategyItem>& strategy,
                                    std::map<std::string, int> present, int count);

// What RunTask, CreateService and UpdateService may place tasks by in this cluster. Error codes:
// InvalidParameterException for a provider that is not attached to it, and when no item has a weight;
// UnsupportedFeatureException for FARGATE and FARGATE_SPOT.
shared::Result<void> check_usable(const State& state, const std::string& cluster,
                                  const std::vector<model::StrategyItem>& strategy);

}  // namespace agent::control
