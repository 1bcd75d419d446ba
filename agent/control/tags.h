// Tags of ECS resources. Found by ARN: clusters, services, tasks, task definitions, container instances.
#pragma once
#include <string>
#include <vector>

#include "agent/control/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxTags = 50;  // per resource; tags with the reserved prefix do not count
inline constexpr std::size_t kMaxTagKeyChars = 128;  // Unicode characters
inline constexpr std::size_t kMaxTagValueChars = 256;

// Tags as a caller sends them: characters, lengths, reserved prefix "aws:", repeated keys, at most kMaxTags.
// Error code InvalidParameterException.
shared::Result<void> check_tags(const std::vector<model::Tag>& tags);

// Errors of the three: InvalidParameterException for what is no ARN of a taggable ECS resource, otherwise
// ClusterNotFoundException, ResourceNotFoundException. `add_tags` replaces values of keys that are there;
// LimitExceededException beyond kMaxTags.
shared::Result<std::vector<model::Tag>> tags_of(const Step& step, const std::string& arn);
shared::Result<void> add_tags(Step& step, const std::string& arn, const std::vector<model::Tag>& tags);
shared::Result<void> remove_tags(Step& step, const std::string& arn, const std::vector<std::string>& keys);

// `base` with `over` laid over it, key by key; order of first appearance.
std::vector<model::Tag> merge_tags(std::vector<model::Tag> base, const std::vector<model::Tag>& over);

}  // namespace agent::control
