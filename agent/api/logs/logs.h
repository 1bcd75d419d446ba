// The CloudWatch Logs API (AWS JSON 1.1, Logs_20140328, 2014-03-28): log groups, streams and their events.
// Not in control's steps: runs on the thread of the lines' store (agent/logs/worker.h). All times are integer
// milliseconds.
#pragma once
#include <string>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/aws/arn.h"
#include "agent/logs/store.h"
#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::api::logs {

// The JSON answer. Error codes are __type values; an operation that the service has but we do not offer is
// InvalidParameterException with the reason, an unknown one UnknownOperationException.
shared::Result<std::string> handle(agent::logs::Store& store, const aws::Realm& realm, shared::WallTime now,
                                   const Call& call);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::logs
