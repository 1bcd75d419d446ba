#include "agent/control/state/tag_rules.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "agent/control/state/faults.h"
#include "shared/base/text.h"

namespace agent::control {
namespace {

using shared::Result;

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Letters, digits, spaces and _ . : / = + - @ ; beyond ASCII everything is taken for a letter.
bool allowed_in_tag(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 ||
         std::string_view(" _.:/=+-@").find(c) != std::string_view::npos;
}

Result<void> check_tag(const model::Tag& tag) {
  if (tag.key.empty()) return invalid_parameter("Tag key can not be null or empty.");
  if (is_reserved_tag_key(tag.key))
    return invalid_parameter("Tag key " + tag.key + " begins with the reserved prefix aws:");
  if (characters(tag.key) > kMaxTagKeyChars) {
    return invalid_parameter("Tag key " + tag.key + " is longer than " + std::to_string(kMaxTagKeyChars) +
                             " characters.");
  }
  if (characters(tag.value) > kMaxTagValueChars) {
    return invalid_parameter("The value of tag " + tag.key + " is longer than " +
                             std::to_string(kMaxTagValueChars) + " characters.");
  }
  if (!std::all_of(tag.key.begin(), tag.key.end(), allowed_in_tag) ||
      !std::all_of(tag.value.begin(), tag.value.end(), allowed_in_tag)) {
    return invalid_parameter("Tag " + tag.key + " contains invalid characters.");
  }
  return {};
}

}  // namespace

bool is_reserved_tag_key(std::string_view key) {
  constexpr std::string_view kPrefix = "aws:";
  if (key.size() < kPrefix.size()) return false;
  return std::equal(kPrefix.begin(), kPrefix.end(), key.begin(),
                    [](char a, char b) { return a == shared::lower_case(b); });
}

Result<void> check_tags(const std::vector<model::Tag>& tags) {
  if (tags.size() > kMaxTags) {
    return invalid_parameter("Too many tags: at most " + std::to_string(kMaxTags) + " are allowed.");
  }
  std::set<std::string_view> keys;
  for (const model::Tag& tag : tags) {
    if (auto checked = check_tag(tag); !checked) return checked;
    if (!keys.insert(tag.key).second)
      return invalid_parameter("Duplicate tag keys are not allowed: " + tag.key);
  }
  return {};
}

std::vector<model::Tag> merge_tags(std::vector<model::Tag> base, const std::vector<model::Tag>& over) {
  for (const model::Tag& tag : over) {
    const auto same =
        std::find_if(base.begin(), base.end(), [&](const auto& each) { return each.key == tag.key; });
    if (same == base.end()) {
      base.push_back(tag);
    } else {
      same->value = tag.value;
    }
  }
  return base;
}

}  // namespace agent::control
