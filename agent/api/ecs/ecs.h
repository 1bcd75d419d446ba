// The ECS API (AWS JSON 1.1, AmazonEC2ContainerServiceV20141113). Runs inside a control step.
#pragma once
#include <string>
#include <string_view>

#include "agent/api/call.h"
#include "agent/control/step.h"
#include "shared/base/result.h"

namespace agent::api::ecs {

// The JSON answer. Error codes are __type values; an operation ECS has but we do not offer is
// UnsupportedFeatureException, an unknown one UnknownOperationException.
shared::Result<std::string> handle(control::Step& step, const Call& call);

}  // namespace agent::api::ecs
