// The filter pattern language of CloudWatch Logs: terms (`ERROR "timed out" -debug ?warn`), a regular
// expression (`%5\d\d%`), JSON events
// (`{ $.level = "error" && $.ms > 100 }`) and events of words (`[ip, ..., status=5*, bytes]`). Pure; thread:
// any one at a time.
#pragma once
#include <memory>
#include <string_view>

#include "shared/base/result.h"

namespace agent::logs {

inline constexpr std::size_t kMaxPatternChars = 1024;
inline constexpr std::size_t kMaxPatternDepth = 32;  // parentheses inside of each other
inline constexpr std::size_t kMaxRegexes = 2;        // of one pattern

// What a pattern comes to. Internal: how each form does it.
class Matcher {
 public:
  virtual ~Matcher() = default;
  virtual bool matches(std::string_view message) const = 0;
};

class Pattern {
 public:
  // Error InvalidParameterException "Invalid filter pattern: ..." with the reason and its place.
  static shared::Result<Pattern> parse(std::string_view text);
  bool matches(std::string_view message) const { return matcher_ == nullptr || matcher_->matches(message); }

 private:
  std::shared_ptr<const Matcher> matcher_;  // none: everything
};

// Internal to agent/logs: the forms in brackets. `text` includes them.
shared::Error bad_pattern(const std::string& why);
shared::Result<std::shared_ptr<const Matcher>> parse_json_pattern(std::string_view text);
shared::Result<std::shared_ptr<const Matcher>> parse_words_pattern(std::string_view text);

}  // namespace agent::logs
