// deploymentConfiguration: from the request to what control takes, and back.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "agent/api/ecs/wire/request.h"
#include "agent/model/service.h"

namespace agent::api::ecs {

inline constexpr int kMaxPercent = 200;  // of maximumPercent for daemons and of minimumHealthyPercent: 100
inline constexpr int kMaxDesiredCount = 5'000;  // quota tasks per service
inline constexpr int kMaxBakeMinutes = 1'440;
inline constexpr std::size_t kMaxHooks = 10;  // of a service

// Members that are given lie over `base`, as ECS merges them. InvalidParameterException names the member;
// UnsupportedFeatureException: what is not offered.
shared::Result<model::DeploymentConfiguration> configuration_in(const nlohmann::json& in,
                                                                model::DeploymentConfiguration base,
                                                                model::SchedulingStrategy scheduling);
// `loadBalancers[].advancedConfiguration` of one load balancer; absent changes nothing.
shared::Result<void> read_advanced(const nlohmann::json& given, model::ServiceLoadBalancer& balancer);
void put_advanced(nlohmann::json& out, const model::ServiceLoadBalancer& balancer);

}  // namespace agent::api::ecs
