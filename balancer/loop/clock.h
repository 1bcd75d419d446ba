// The balancer's reading of the two clocks. Only loop and app call these; everything else is handed `now`.
#pragma once
#include "shared/base/time.h"

namespace balancer::loop {

shared::SteadyTime steady_now();
shared::WallTime wall_now();

}  // namespace balancer::loop
