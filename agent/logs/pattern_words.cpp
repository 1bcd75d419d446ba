#include <algorithm>
#include <vector>

#include "agent/logs/pattern_value.h"

namespace agent::logs {
namespace {

using shared::Result;

struct WordTest {
  Comparison how = Comparison::kEqual;
  Value value;
};

// One word of the event, or any number of them. Alternatives of tests that must all hold; none: any word.
struct Field {
  bool ellipsis = false;
  std::vector<std::vector<WordTest>> any;
};

// Words between blanks; what is in double quotes or in brackets is one word, without them.
std::vector<std::string_view> words_of(std::string_view message) {
  std::vector<std::string_view> out;
  std::size_t at = 0;
  while (at < message.size()) {
    if (message[at] == ' ' || message[at] == '\t' || message[at] == '\n' || message[at] == '\r') {
      ++at;
      continue;
    }
    const char close = message[at] == '"' ? '"' : message[at] == '[' ? ']' : '\0';
    const std::size_t end = close == '\0' ? std::string_view::npos : message.find(close, at + 1);
    if (end != std::string_view::npos) {
      out.push_back(message.substr(at + 1, end - at - 1));
      at = end + 1;
      continue;
    }
    const std::size_t stop = std::min(message.find_first_of(" \t\n\r", at), message.size());
    out.push_back(message.substr(at, stop - at));
    at = stop;
  }
  return out;
}

bool field_holds(const Field& field, std::string_view word) {
  return field.any.empty() || std::any_of(field.any.begin(), field.any.end(), [&](const auto& tests) {
           return std::all_of(tests.begin(), tests.end(),
                              [&](const WordTest& test) { return compare(test.how, word, test.value); });
         });
}

class WordsMatcher final : public Matcher {
 public:
  explicit WordsMatcher(std::vector<Field> fields) : fields_(std::move(fields)) {}
  bool matches(std::string_view message) const override {
    const auto words = words_of(message);
    const auto ellipsis =
        std::find_if(fields_.begin(), fields_.end(), [](const Field& each) { return each.ellipsis; });
    const auto before = static_cast<std::size_t>(ellipsis - fields_.begin());
    if (ellipsis == fields_.end() ? words.size() != fields_.size() : words.size() < fields_.size() - 1)
      return false;
    for (std::size_t i = 0; i < before; ++i) {
      if (!field_holds(fields_[i], words[i])) return false;
    }
    const std::size_t after = ellipsis == fields_.end() ? 0 : fields_.size() - before - 1;
    for (std::size_t i = 0; i < after; ++i) {
      if (!field_holds(fields_[fields_.size() - 1 - i], words[words.size() - 1 - i])) return false;
    }
    return true;
  }

 private:
  std::vector<Field> fields_;  // with one ellipsis at most
};

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// "name", "name = value", "name >= 1 && name < 5 || name = x", with or without parentheses around all of it.
Result<Field> read_field(Cursor& in) {
  Field out;
  in.skip_blanks();
  if (in.take("...")) {
    out.ellipsis = true;
    return out;
  }
  const bool in_parentheses = in.take("(");
  std::string first;
  for (;;) {
    in.skip_blanks();
    std::string name;
    while (is_name_char(in.peek())) {
      name += in.peek();
      in.move(1);
    }
    if (!first.empty() && name != first)
      return bad_pattern("one field has two names, '" + first + "' and '" + name + "'");
    first = name;
    in.skip_blanks();
    const auto how = in.comparison();
    if (!how) {
      if (!out.any.empty())
        return bad_pattern("an operator is missing at character " + std::to_string(in.at() + 1));
      break;
    }
    auto value = in.value(",]()&|");
    if (!value) return value.error();
    if (*how != Comparison::kEqual && *how != Comparison::kNotEqual && !value->number)
      return bad_pattern("<, <=, > and >= are for numbers");
    if (out.any.empty()) out.any.emplace_back();
    out.any.back().push_back({*how, *std::move(value)});
    in.skip_blanks();
    if (in.take("&&")) continue;
    if (in.take("||")) {
      out.any.emplace_back();
      continue;
    }
    break;
  }
  in.skip_blanks();
  if (in_parentheses && !in.take(")"))
    return bad_pattern("')' is missing at character " + std::to_string(in.at() + 1));
  return out;
}

}  // namespace

Result<std::shared_ptr<const Matcher>> parse_words_pattern(std::string_view text) {
  Cursor in(text);
  in.move(1);
  std::vector<Field> fields;
  bool ellipsis = false;
  do {
    auto field = read_field(in);
    if (!field) return field.error();
    if (field->ellipsis && ellipsis) return bad_pattern("'...' may stand once");
    ellipsis = ellipsis || field->ellipsis;
    fields.push_back(*std::move(field));
    in.skip_blanks();
  } while (in.take(","));
  if (!in.take("]") || !in.at_end())
    return bad_pattern("']' is expected at character " + std::to_string(in.at() + 1));
  return std::shared_ptr<const Matcher>(std::make_shared<WordsMatcher>(std::move(fields)));
}

}  // namespace agent::logs
