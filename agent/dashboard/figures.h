// Figures over the last minutes, of load balancers, target groups and services, as JSON: per second, in
// milliseconds and in percent. A moment for which there is none is null. Pure reads.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/control/state/step.h"

namespace agent::dashboard {

// Of a line in a chart: so many points, so many seconds each.
inline constexpr int kPoints = 40;
inline constexpr int kPointSeconds = 3;
// What a rate is the average of, in seconds: two of what is sent each second or less often.
inline constexpr int kRateSeconds = 10;

// `group_full_name` empty: of all of the load balancer.
nlohmann::json traffic_figures(const metrics::Store& store, const std::string& balancer_full_name,
                               const std::string& group_full_name, shared::WallTime now);
nlohmann::json service_figures(const control::State& state, const model::Service& service,
                               shared::WallTime now);
// The thing of a load balancer.
std::string describe_figures(const control::State& state, const model::LoadBalancer& balancer,
                             shared::WallTime now);

}  // namespace agent::dashboard
