// The Certificate Manager API (AWS JSON 1.1, CertificateManager, 2015-12-08): certificates that are imported,
// or issued by an ACME server, for HTTPS listeners. Runs inside a control step. Private keys come in and are
// in no answer, error or log.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::acm {

// The JSON answer. Error codes are __type values; an operation Certificate Manager has but we do not offer is
// InvalidParameterException with the reason, an unknown one UnknownOperationException.
shared::Result<std::string> handle(control::Step& step, const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::acm
