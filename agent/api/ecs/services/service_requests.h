// CreateService and UpdateService: from the request to what control takes.
#pragma once
#include "agent/api/ecs/wire/request.h"
#include "agent/control/services/requests.h"

namespace agent::api::ecs {

inline constexpr std::size_t kMaxTargetGroups = 5;  // per service

shared::Result<std::vector<model::ServiceLoadBalancer>> load_balancers_in(const nlohmann::json& in);
// `serviceRegistries`, at most one. InvalidParameterException.
shared::Result<std::vector<model::ServiceRegistry>> registries_in(const nlohmann::json& in);
// Everything a request alone can be checked for; what needs other resources is checked by
// control::create_service.
shared::Result<model::Service> new_service_in(const Context& context);
// Absent members leave the service as it is, empty lists take away.
shared::Result<control::UpdateService> service_update_in(const Context& context,
                                                         const model::Service& service);

}  // namespace agent::api::ecs
