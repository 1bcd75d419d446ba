// The operations of iam.h. Internal to agent/api/iam. Each reads its input, does the work through
// agent/control/iam and writes the members of its result.
#pragma once
#include <span>

#include "agent/api/iam/shapes.h"

namespace agent::api::iam {

using Run = Done (*)(Step&, In, Out, const Call&);
struct Operation {
  std::string_view name;
  Run run;
};

std::span<const Operation> identity_operations();
std::span<const Operation> group_operations();
std::span<const Operation> policy_operations();
std::span<const Operation> profile_operations();
std::span<const Operation> access_key_operations();

}  // namespace agent::api::iam
