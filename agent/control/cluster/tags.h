// Tags of ECS resources. Found by ARN: clusters, services, tasks, task definitions, container instances.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Errors of the three: InvalidParameterException for what is no ARN of a taggable ECS resource, otherwise
// ClusterNotFoundException, ResourceNotFoundException. `add_tags` takes tags that passed check_tags() and
// replaces values of keys that are there; LimitExceededException beyond kMaxTags.
shared::Result<std::vector<model::Tag>> tags_of(const Step& step, const std::string& arn);
shared::Result<void> add_tags(Step& step, const std::string& arn, const std::vector<model::Tag>& tags);
shared::Result<void> remove_tags(Step& step, const std::string& arn, const std::vector<std::string>& keys);

}  // namespace agent::control
