// Texts of policies that stand for many: "*" and "?", ARNs of six parts, "${aws:username}". Pure; thread:
// any.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent::iam::policy {

struct PatternChar {
  char c = 0;
  bool is_wild = false;  // '*' and '?'; else the character itself
};
using Pattern = std::vector<PatternChar>;

enum class Wildcards { kYes, kNo };
// The value of a variable ("aws:username", compared without case); nullopt: there is none.
using Lookup = std::function<std::optional<std::string>(std::string_view)>;

// `text` with its variables replaced. What comes from a variable is text: a '*' in it is a star. "${*}",
// "${?}", "${$}" are these characters, "${key, 'none'}" has a default. nullopt: a variable without value or
// default, so that nothing matches. Without a lookup "${" is text like any other.
std::optional<Pattern> expand(std::string_view text, Wildcards wildcards, const Lookup* lookup);

enum class Case { kExact, kIgnore };
bool matches(const Pattern& pattern, std::string_view text, Case letters = Case::kExact);
// Part by part: a wildcard matches nothing beyond the colon that ends its part. The last part is all that
// follows the fifth colon. A lone "*" matches anything.
bool matches_arn(const Pattern& pattern, std::string_view arn);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace agent::iam::policy
