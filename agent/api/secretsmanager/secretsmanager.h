// Secrets Manager (AWS JSON 1.1, secretsmanager, 2017-10-17). Runs inside a control step. Values are in the
// answers of those operations that are for them and nowhere else.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/api/sealing/sealer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::secretsmanager {

// The JSON answer. Error codes are __type values. Without a sealer no value can be kept.
shared::Result<std::string> handle(control::Step& step, const Call& call, Sealer* sealer);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::secretsmanager
