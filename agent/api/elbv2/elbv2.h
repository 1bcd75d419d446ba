// The Elastic Load Balancing v2 API (Query/XML, 2015-12-01). Runs inside a control step.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::elbv2 {

// The whole XML answer document. Error codes are the wire codes ("TargetGroupNotFound"); unknown or
// unimplemented operations are InvalidAction, never a 5xx (SDKs would retry).
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::elbv2
