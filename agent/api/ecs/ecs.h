// The ECS API (AWS JSON 1.1, AmazonEC2ContainerServiceV20141113). Runs inside a control step.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::api::ecs {

// The JSON answer. Error codes are __type values; an operation ECS has but we do not offer is
// UnsupportedFeatureException, an unknown one UnknownOperationException. `resource_ids` gets the ARNs that
// the error is about, where its answer has a member for them (ConflictException).
shared::Result<std::string> handle(control::Step& step, const Call& call,
                                   std::vector<std::string>& resource_ids);

// Every operation that it knows.
Offers offers();

}  // namespace agent::api::ecs
