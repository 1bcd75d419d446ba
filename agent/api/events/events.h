// EventBridge (AWS JSON 1.1, AWSEvents, 2015-10-07): rules of the default bus. Runs inside a control step.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::events {

// The JSON answer. Error codes are __type values.
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::events
