// What each operation of ELBv2 is about, for policies.
#pragma once
#include <string>
#include <vector>

#include "agent/api/access/access.h"
#include "agent/aws/query.h"

namespace agent::api::elbv2 {

// Follows the service's list of actions, resources and condition keys; elasticloadbalancing:AddTags for what
// is made with tags.
std::vector<Access> accesses_of(const control::Step& step, const std::string& operation,
                                const aws::QueryReader& in);

}  // namespace agent::api::elbv2
