// What each operation of ECS is about, for policies.
#pragma once
#include <vector>

#include "agent/api/access/access.h"
#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

// Follows ECS's list of actions, resources and condition keys; iam:PassRole for the roles that are handed on,
// ecs:TagResource for what is made with tags. Names that nobody has yet count as well, so that a caller
// without rights does not learn which there are.
std::vector<Access> accesses_of(const Context& context);

}  // namespace agent::api::ecs
