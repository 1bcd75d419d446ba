// What holds for the tags of every resource, whichever API they come by. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/common.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxTags = 50;  // per resource; tags with the reserved prefix do not count
inline constexpr std::size_t kMaxTagKeyChars = 128;  // Unicode characters
inline constexpr std::size_t kMaxTagValueChars = 256;

// Begins with "aws:" in any case: AWS's own, which no caller sets or removes.
bool is_reserved_tag_key(std::string_view key);
// Tags as a caller sends them: characters, lengths, reserved prefix "aws:", repeated keys, at most kMaxTags.
// Error code InvalidParameterException.
shared::Result<void> check_tags(const std::vector<model::Tag>& tags);

// `base` with `over` laid over it, key by key; order of first appearance.
std::vector<model::Tag> merge_tags(std::vector<model::Tag> base, const std::vector<model::Tag>& over);

}  // namespace agent::control
