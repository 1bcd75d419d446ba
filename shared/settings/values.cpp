#include "shared/settings/values.h"
#include "shared/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace shared::settings {
namespace {

// Longer wrong values are cut in errors.
constexpr std::size_t kQuotedBytes = 80;

struct Unit {
  std::string_view name;
  double millis;
};
// "ms" before "m", so that the longer name is tried first.
constexpr std::array kUnits = {Unit{"ms", 1},   Unit{"us", 1e-3},  Unit{"ns", 1e-6},
                               Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}};
constexpr double kMaxMillis = 292.0 * 365 * 86'400'000;  // what Go's nanoseconds reach

std::string quote(std::string_view text) { return "'" + shortened(text, kQuotedBytes) + "'"; }

std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (!trim(part).empty()) parts.emplace_back(trim(part));
  }
  return parts;
}

Result<Value> list_from_text(std::string_view text) {
  if (!trim(text).starts_with('[')) return Value(split(text));
  const auto array = json::parse(text);
  const auto is_string = [](const nlohmann::json& element) { return element.is_string(); };
  if (!array || !array->is_array() || !std::all_of(array->begin(), array->end(), is_string)) {
    return wrong(quote(text) + " is not a list (such as [\"a\",\"b\"] or a,b)");
  }
  return Value(array->get<std::vector<std::string>>());
}

Result<Value> map_from_text(std::string_view text) {
  const Error error =
      wrong(quote(text) + " is not a map (such as {\"key\":\"value\"} or key=value,key=value)");
  std::map<std::string, std::string> map;
  if (trim(text).starts_with('{')) {
    const auto object = json::parse(text);
    if (!object) return error;
    for (const auto& [key, value] : object->items()) {
      if (!value.is_string()) return error;
      map.emplace(key, value.get<std::string>());
    }
    return Value(std::move(map));
  }
  for (const std::string& pair : split(text)) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) return error;
    map.insert_or_assign(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return Value(std::move(map));
}

std::string bound_text(const Option& option, std::int64_t bound) {
  return option.kind == Kind::kDuration ? duration_text(Millis(bound)) : std::to_string(bound);
}

Result<Value> checked(const Option& option, Value value) {
  std::optional<std::int64_t> number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) number = *integer;
  if (const auto* duration = std::get_if<Millis>(&value)) number = duration->count();
  if (number && option.min && *number < *option.min) {
    return wrong(value_text(value) + " is below the minimum of " + bound_text(option, *option.min));
  }
  if (number && option.max && *number > *option.max) {
    return wrong(value_text(value) + " is above the maximum of " + bound_text(option, *option.max));
  }
  if (option.choices.empty()) return value;
  std::vector<std::string> words;
  if (const auto* word = std::get_if<std::string>(&value)) words.push_back(*word);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) words = *list;
  for (const std::string& word : words) {
    if (std::find(option.choices.begin(), option.choices.end(), word) != option.choices.end()) continue;
    std::string text = quote(word) + " is not one of ";
    for (std::size_t i = 0; i < option.choices.size(); ++i) text += (i == 0 ? "" : ", ") + option.choices[i];
    return wrong(std::move(text));
  }
  return value;
}

Result<Value> parsed(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kString:
      return Value(std::string(text));
    case Kind::kInteger: {
      std::int64_t number = 0;
      const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (failed != std::errc() || end != text.data() + text.size())
        return wrong(quote(text) + " is not a number");
      return Value(number);
    }
    case Kind::kBoolean:
      if (const auto flag = parse_boolean(text)) return Value(*flag);
      return wrong(quote(text) + " is not a boolean (true or false)");
    case Kind::kDuration:
      if (const auto duration = parse_duration(text)) return Value(*duration);
      return wrong(quote(text) + " is not a duration (such as 90s or 1h30m)");
    case Kind::kList:
      return list_from_text(text);
    case Kind::kMap:
      return map_from_text(text);
  }
  return wrong("unknown kind");
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  if (text == "0") return Millis(0);
  if (text.empty() || text.front() == '-') return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double amount = 0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), amount, std::chars_format::fixed);
    if (failed != std::errc() || text.front() == '-' || !std::isfinite(amount)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return text.starts_with(u.name); });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += amount * unit->millis;
  }
  if (total > kMaxMillis) return std::nullopt;
  return Millis(std::llround(total));
}

std::string duration_text(Millis duration) {
  long long rest = duration.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  rest = std::llabs(rest);
  constexpr std::pair<long long, std::string_view> kParts[] = {
      {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}};
  for (const auto& [millis, name] : kParts) {
    if (rest < millis) continue;
    text.append(std::to_string(rest / millis)).append(name);
    rest %= millis;
  }
  return text;
}

Result<Value> value_from_text(const Option& option, std::string_view text) {
  auto value = parsed(option.kind, text);
  return value ? checked(option, std::move(*value)) : value;
}

std::optional<Result<Value>> value_from_json(const Option& option, const json::Reader& in) {
  std::optional<Value> value;
  switch (option.kind) {
    case Kind::kString:
      if (auto got = in.string(option.name)) value = std::move(*got);
      break;
    case Kind::kInteger:
      if (const auto got = in.integer(option.name)) value = *got;
      break;
    case Kind::kBoolean:
      if (const auto got = in.boolean(option.name)) value = *got;
      break;
    case Kind::kDuration:
      if (const auto got = in.string(option.name)) return value_from_text(option, *got);
      break;
    case Kind::kList:
      if (auto got = in.strings(option.name)) value = std::move(*got);
      break;
    case Kind::kMap:
      if (auto got = in.string_map(option.name)) value = std::move(*got);
      break;
  }
  if (!value) return std::nullopt;
  return checked(option, std::move(*value));
}

std::string value_text(const Value& value) {
  return std::visit(
      [](const auto& data) -> std::string {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, Millis>) {
          return duration_text(data);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return std::to_string(data);
        } else if constexpr (std::is_same_v<T, bool>) {
          return data ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return data;
        } else {
          return json::to_text(nlohmann::json(data));
        }
      },
      value);
}

}  // namespace shared::settings
