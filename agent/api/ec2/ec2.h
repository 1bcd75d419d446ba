// The EC2 API (EC2's form of Query, 2016-11-15), as far as stacks around ECS make and read a network with it.
// Runs inside a control step. Records only (agent/control/network): nothing starts a machine.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::ec2 {

// The XML answer. Errors are EC2's own; an operation that EC2 has but we do not offer is UnsupportedOperation
// with the reason, an unknown one InvalidAction.
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::ec2
