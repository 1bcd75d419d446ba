#include "agent/logs/pattern.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "agent/logs/pattern_value.h"
#include "shared/base/text.h"
#include "shared/base/wildcard.h"

namespace agent::logs {

using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kShownBytes = 64;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Terms final : public Matcher {
 public:
  bool matches(std::string_view message) const override {
    const auto found = [&](const std::string& term) { return message.find(term) != std::string_view::npos; };
    const auto seen = [&](const auto& each) { return each->found_in(message); };
    if (std::any_of(without.begin(), without.end(), found)) return false;
    if (!all.empty() || !regexes.empty())
      return std::all_of(all.begin(), all.end(), found) && std::all_of(regexes.begin(), regexes.end(), seen);
    return any.empty() || std::any_of(any.begin(), any.end(), found);
  }

  std::vector<std::string> all;
  std::vector<std::string> any;  // "?term": without effect beside plain terms, as AWS has it
  std::vector<std::string> without;
  std::vector<std::shared_ptr<const shared::regex::Regex>> regexes;
};

Result<std::shared_ptr<const Matcher>> parse_terms(std::string_view text) {
  auto out = std::make_shared<Terms>();
  Cursor in(text);
  for (in.skip_blanks(); !in.at_end(); in.skip_blanks()) {
    std::vector<std::string>* into = &out->all;
    if (in.take("?"))
      into = &out->any;
    else if (in.take("-"))
      into = &out->without;
    if (in.peek() == '%') {
      if (into != &out->all)
        return bad_pattern("'?' and '-' stand before terms, not before regular expressions");
      const std::size_t end = in.rest().find('%', 1);
      if (end == std::string_view::npos) return bad_pattern("the regular expression has no '%' at its end");
      auto regex = compile_regex(in.rest().substr(1, end - 1));
      if (!regex) return regex.error();
      if (out->regexes.size() == kMaxRegexes)
        return bad_pattern("there may be two regular expressions at most");
      out->regexes.push_back(*std::move(regex));
      in.move(end + 1);
      continue;
    }
    if (in.peek() == '"') {
      auto term = in.quoted();
      if (!term) return term.error();
      if (term->empty()) return bad_pattern("a term is empty");
      into->push_back(*std::move(term));
      continue;
    }
    const std::string_view rest = in.rest();
    const auto end = std::find_if(rest.begin(), rest.end(), is_blank);
    const std::string_view word = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    if (word.empty()) return bad_pattern("'?' and '-' stand before a term");
    if (!std::all_of(word.begin(), word.end(), is_plain)) {
      return bad_pattern("the term '" + shared::shortened(word, kShownBytes) +
                         "' has characters other than letters, digits and '_': it must be in double quotes");
    }
    into->emplace_back(word);
    in.move(word.size());
  }
  return std::shared_ptr<const Matcher>(std::move(out));
}

}  // namespace

Error bad_pattern(const std::string& why) {
  return Error("InvalidParameterException", "Invalid filter pattern: " + why, shared::Blame::kClient);
}

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > kMaxPatternChars) {
    return Error("InvalidParameterException",
                 "filterPattern has " + std::to_string(text.size()) + " characters; at most " +
                     std::to_string(kMaxPatternChars) + " are taken",
                 shared::Blame::kClient);
  }
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  Pattern out;
  if (text.empty()) return out;
  auto matcher = text.front() == '{'   ? parse_json_pattern(text)
                 : text.front() == '[' ? parse_words_pattern(text)
                                       : parse_terms(text);
  if (!matcher) return matcher.error();
  out.matcher_ = *std::move(matcher);
  return out;
}

// ---- Values ----

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool like(std::string_view pattern, std::string_view text) {
  return shared::fits_pattern(
      pattern.size(), [&](std::size_t place) { return pattern[place] == '*'; },
      [&](std::size_t place, char c) { return pattern[place] == c; }, text);
}

bool compare(Comparison how, std::string_view text, const Value& value) {
  const auto equal = [&] {
    if (value.regex) return value.regex->found_in(text);
    if (value.number) {
      const auto number = to_number(text);
      if (number) return *number == *value.number;
    }
    return like(value.text, text);
  };
  if (how == Comparison::kEqual) return equal();
  if (how == Comparison::kNotEqual) return !equal();
  const auto number = to_number(text);
  if (!number || !value.number) return false;
  switch (how) {
    case Comparison::kLess:
      return *number < *value.number;
    case Comparison::kLessEqual:
      return *number <= *value.number;
    case Comparison::kGreater:
      return *number > *value.number;
    case Comparison::kGreaterEqual:
      return *number >= *value.number;
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      break;
  }
  return false;
}

Result<std::shared_ptr<const shared::regex::Regex>> compile_regex(std::string_view text) {
  for (const char c : text) {
    if (c == '(' || c == ')') return bad_pattern("regular expressions have no parentheses here");
    if (static_cast<unsigned char>(c) >= 0x80) return bad_pattern("regular expressions are ASCII");
  }
  auto compiled = shared::regex::Regex::compile(text, shared::regex::Case::kSensitive, kMaxPatternChars);
  if (!compiled) return bad_pattern("the regular expression " + compiled.error().text());
  return std::make_shared<const shared::regex::Regex>(*std::move(compiled));
}

// ---- Cursor ----

void Cursor::skip_blanks() {
  while (!at_end() && is_blank(text_[at_])) ++at_;
}

bool Cursor::take(std::string_view token) {
  if (!rest().starts_with(token)) return false;
  at_ += token.size();
  return true;
}

bool Cursor::take_word(std::string_view word) {
  const std::string_view next = rest();
  if (next.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (shared::lower_case(next[i]) != shared::lower_case(word[i])) return false;
  }
  if (next.size() > word.size() && is_plain(next[word.size()])) return false;
  at_ += word.size();
  return true;
}

std::optional<Comparison> Cursor::comparison() {
  for (const auto& [token, meaning] : {std::pair{std::string_view("!="), Comparison::kNotEqual},
                                       {std::string_view("<="), Comparison::kLessEqual},
                                       {std::string_view(">="), Comparison::kGreaterEqual},
                                       {std::string_view("="), Comparison::kEqual},
                                       {std::string_view("<"), Comparison::kLess},
                                       {std::string_view(">"), Comparison::kGreater}}) {
    if (take(token)) return meaning;
  }
  return std::nullopt;
}

Result<std::string> Cursor::quoted() {
  std::string out;
  for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') {
      at_ = i + 1;
      return out;
    }
    if (text_[i] == '\\' && i + 1 < text_.size() && (text_[i + 1] == '"' || text_[i + 1] == '\\')) ++i;
    out += text_[i];
  }
  return bad_pattern("a double quote is not closed");
}

Result<Value> Cursor::value(std::string_view ends) {
  Value out;
  skip_blanks();
  if (peek() == '"') {
    auto text = quoted();
    if (!text) return text.error();
    out.text = *std::move(text);
    return out;
  }
  if (peek() == '%') {
    const std::size_t end = rest().find('%', 1);
    if (end == std::string_view::npos) return bad_pattern("the regular expression has no '%' at its end");
    if (++regexes_ > kMaxRegexes) return bad_pattern("there may be two regular expressions at most");
    auto regex = compile_regex(rest().substr(1, end - 1));
    if (!regex) return regex.error();
    out.regex = *std::move(regex);
    move(end + 1);
    return out;
  }
  const std::string_view next = rest();
  std::size_t end = 0;
  while (end < next.size() && !is_blank(next[end]) && ends.find(next[end]) == std::string_view::npos) ++end;
  if (end == 0) return bad_pattern("a value is missing at character " + std::to_string(at_ + 1));
  out.text = next.substr(0, end);
  out.number = to_number(out.text);
  move(end);
  return out;
}

}  // namespace agent::logs
