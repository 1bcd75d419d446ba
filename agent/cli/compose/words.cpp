#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/cli/compose/compose.h"

namespace agent::cli {

using nlohmann::json;

std::optional<long long> bytes_of(const std::string& text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || number < 0) return std::nullopt;
  std::string unit;
  for (const char* at = read.ptr; at != text.data() + text.size(); ++at)
    unit += static_cast<char>(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
  constexpr long long kKibi = 1024;
  long long factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  if (unit == "k" || unit == "kb" || unit == "kib") factor = kKibi;
  if (unit == "m" || unit == "mb" || unit == "mib") factor = kKibi * kKibi;
  if (unit == "g" || unit == "gb" || unit == "gib") factor = kKibi * kKibi * kKibi;
  if (factor == 0) return std::nullopt;
  return static_cast<long long>(number * static_cast<double>(factor));
}

std::optional<long long> seconds_of(const json& value) {
  if (value.is_number()) return value.get<long long>();
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  double total = 0;
  const char* at = text.data();
  const char* end = at + text.size();
  if (at == end) return std::nullopt;
  while (at != end) {
    double number = 0;
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc() || number < 0) return std::nullopt;
    const std::string_view rest(read.ptr, static_cast<std::size_t>(end - read.ptr));
    std::size_t used = 1;
    if (rest.starts_with("ms")) {
      number /= 1000;
      used = 2;
    } else if (rest.starts_with("us") || rest.starts_with("ns")) {
      number = 0;
      used = 2;
    } else if (rest.starts_with("m")) {
      number *= 60;
    } else if (rest.starts_with("h")) {
      number *= 3600;
    } else if (!rest.starts_with("s")) {
      return std::nullopt;
    }
    total += number;
    at = read.ptr + used;
  }
  // ECS has whole seconds: less than one is one.
  return total > 0 && total < 1 ? 1 : static_cast<long long>(total + 0.5);
}

std::vector<std::string> shell_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool any = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'' ? c == '\'' : (quote == '"' && c == '"')) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      any = true;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size() &&
               (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\' || text[i + 1] == '$')) {
      word += text[++i];
      any = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (any) words.push_back(std::move(word));
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(std::move(word));
  return words;
}

}  // namespace agent::cli
