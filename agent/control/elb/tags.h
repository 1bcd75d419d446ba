// Tags of load balancers, target groups, listeners, rules and trust stores. Found by ARN.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Tags of these kinds. Errors: the kind's NotFound, TooManyTags, DuplicateTagKeys, ValidationError.
// Default rules have no tags.
shared::Result<std::vector<model::Tag>> elb_tags(const State& state, const std::string& arn);
shared::Result<void> add_elb_tags(Step& step, const std::string& arn, const std::vector<model::Tag>& tags);
shared::Result<void> remove_elb_tags(Step& step, const std::string& arn,
                                     const std::vector<std::string>& keys);
shared::Result<void> check_elb_tags(const std::vector<model::Tag>& tags);

}  // namespace agent::control
