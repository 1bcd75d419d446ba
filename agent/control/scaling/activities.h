// What became of changes of the desired count, for DescribeScalingActivities.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"

namespace agent::control::scaling {

// Newest first.
std::vector<const model::ScalingActivity*> activities_of(const State& state, const std::string& key);
void add_activity(Step& step, const std::string& key, model::ScalingActivity activity);
// Those that ended meanwhile are noted so. True: some have not.
bool settle_activities(Step& step, const std::string& key, int desired, int running);
void erase_activities(Step& step, const std::string& key);

}  // namespace agent::control::scaling
