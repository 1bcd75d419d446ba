// EventBridge Scheduler (REST JSON, 2021-06-30): schedules that run tasks, and their groups. Runs inside a
// control step.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::scheduler {

// The JSON answer to an input with the members of path and query in it (aws/rest.h).
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::scheduler
