// What a load balancer's row keeps and shows again and no balancer carries out. Most stacks hold some of it,
// so it is not refused: the log says so, a line for each member. Listed in docs/apis.md.
#pragma once
#include <string_view>

#include "agent/model/load_balancing.h"

namespace agent::api::elbv2 {

void log_kept_only(std::string_view operation, const model::LoadBalancer& balancer);

}  // namespace agent::api::elbv2
