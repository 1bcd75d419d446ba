// Values of filter patterns, and reading them. Internal to agent/logs.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/logs/pattern.h"
#include "shared/regex/regex.h"

namespace agent::logs {

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// Text with '*' for any characters, a number, or a regular expression between '%'.
struct Value {
  std::string text;
  std::optional<double> number;
  std::shared_ptr<const shared::regex::Regex> regex;
};

std::optional<double> to_number(std::string_view text);
bool like(std::string_view pattern, std::string_view text);  // '*' only
// Equality by text or by number; the others by number only.
bool compare(Comparison how, std::string_view text, const Value& value);
// What may stand between '%': no parentheses, ASCII only.
shared::Result<std::shared_ptr<const shared::regex::Regex>> compile_regex(std::string_view text);

// Reads a pattern from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  void skip_blanks();
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(std::string_view token);
  bool take_word(std::string_view word);  // without case, and followed by no letter
  std::string_view rest() const { return text_.substr(at_); }
  std::size_t at() const { return at_; }
  void move(std::size_t by) { at_ += by; }
  std::optional<Comparison> comparison();
  // A quoted text, a regular expression, or characters up to a blank or one of `ends`.
  shared::Result<Value> value(std::string_view ends);
  shared::Result<std::string> quoted();  // at its '"'; "\"" and "\\" inside

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t regexes_ = 0;
};

}  // namespace agent::logs
