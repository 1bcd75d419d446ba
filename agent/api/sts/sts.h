// The Security Token Service (Query/XML, 2011-06-15): who the caller is, and temporary keys of roles and
// users.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::sts {

inline constexpr std::string_view kWhoAmI = "GetCallerIdentity";

// GetCallerIdentity, which needs no state and is allowed whatever policies say.
shared::Result<std::string> who_am_i(const Call& call);
// All operations. Inside a control step. What a role's trust and the caller's policies say of AssumeRole is
// asked here, as that is about the role that is named.
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::sts
