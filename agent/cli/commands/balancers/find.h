// Load balancers, listeners, rules and target groups by what people call them. Thread: main.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

// All of them where the name is empty. Error "not_found" names the nearest.
shared::Result<nlohmann::json> balancers_named(Context& context, const std::string& name);
// [{LoadBalancer, Listener}] of these, by port.
shared::Result<nlohmann::json> listeners_of(Context& context, const nlohmann::json& balancers);
// Of a listener without rules (TCP, TLS) its default action as one.
shared::Result<nlohmann::json> rules_of(Context& context, const nlohmann::json& listener);
// Of a target group, of a load balancer or of a service.
shared::Result<nlohmann::json> groups_named(Context& context, const std::string& name);

// The commands `lb test` and `maintenance`.
shared::Result<int> run_lb_test(Context& context);
shared::Result<int> run_maintenance(Context& context);

}  // namespace agent::cli
