// The IAM API (Query/XML, 2010-05-08): roles, users, groups, policies and instance profiles. Runs inside a
// control step. Documents of policies are kept byte for byte and come back percent-encoded (RFC 3986), as
// clients expect.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::iam {

// The XML answer. Errors are IAM's own; an operation that IAM has but we do not offer is InvalidAction with
// the reason.
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::iam
