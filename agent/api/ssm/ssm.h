// The Parameter Store of Systems Manager (AWS JSON 1.1, AmazonSSM, 2014-11-06). Runs inside a control step.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/api/sealing/sealer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::ssm {

// The JSON answer. Error codes are __type values. Without a sealer SecureStrings are refused.
shared::Result<std::string> handle(control::Step& step, const Call& call, Sealer* sealer);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::ssm
