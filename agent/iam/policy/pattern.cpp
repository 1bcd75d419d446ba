#include "agent/iam/policy/pattern.h"

#include <algorithm>
#include <span>
#include "shared/base/wildcard.h"

namespace agent::iam::policy {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool glob(std::span<const PatternChar> pattern, std::string_view text, Case letters) {
  return shared::fits_pattern(
      pattern.size(), [&](std::size_t place) { return pattern[place].is_wild && pattern[place].c == '*'; },
      [&](std::size_t place, char c) {
        const PatternChar& p = pattern[place];
        if (p.is_wild) return p.c == '?';
        return letters == Case::kExact ? p.c == c : lower(p.c) == lower(c);
      },
      text);
}

void append_text(Pattern& out, std::string_view text) {
  for (const char c : text) out.push_back({c, false});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// What is between "${" and "}"; false: it has no value.
bool append_variable(Pattern& out, std::string_view inside, const Lookup& lookup) {
  if (inside == "*" || inside == "?" || inside == "$") {
    append_text(out, inside);
    return true;
  }
  const std::size_t comma = inside.find(',');
  const auto value = lookup(trimmed(inside.substr(0, comma)));
  if (value) {
    append_text(out, *value);
    return true;
  }
  if (comma == std::string_view::npos) return false;
  const std::string_view otherwise = trimmed(inside.substr(comma + 1));
  if (otherwise.size() < 2 || otherwise.front() != '\'' || otherwise.back() != '\'') return false;
  append_text(out, otherwise.substr(1, otherwise.size() - 2));
  return true;
}

}  // namespace

std::optional<Pattern> expand(std::string_view text, Wildcards wildcards, const Lookup* lookup) {
  Pattern out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::size_t end =
        c == '$' && text.substr(i).starts_with("${") ? text.find('}', i) : std::string_view::npos;
    if (lookup != nullptr && end != std::string_view::npos) {
      if (!append_variable(out, text.substr(i + 2, end - i - 2), *lookup)) return std::nullopt;
      i = end;
      continue;
    }
    out.push_back({c, wildcards == Wildcards::kYes && (c == '*' || c == '?')});
  }
  return out;
}

bool matches(const Pattern& pattern, std::string_view text, Case letters) {
  return glob(pattern, text, letters);
}

bool matches_arn(const Pattern& pattern, std::string_view arn) {
  constexpr int kParts = 6;
  if (pattern.size() == 1 && pattern[0].is_wild && pattern[0].c == '*') return true;
  std::span<const PatternChar> rest(pattern);
  for (int part = 1; part < kParts; ++part) {
    const auto end = std::find_if(rest.begin(), rest.end(), [](const PatternChar& p) { return p.c == ':'; });
    const std::size_t colon = arn.find(':');
    if (end == rest.end() || colon == std::string_view::npos) return false;
    if (!glob({rest.begin(), end}, arn.substr(0, colon), Case::kExact)) return false;
    rest = {end + 1, rest.end()};
    arn.remove_prefix(colon + 1);
  }
  return glob(rest, arn, Case::kExact);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace agent::iam::policy
