// STS, as far as clients need it to find out who they are: GetCallerIdentity (Query/XML, 2011-06-15). Needs
// no state.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "shared/base/result.h"

namespace agent::api::sts {

shared::Result<std::string> handle(const Call& call);

}  // namespace agent::api::sts
