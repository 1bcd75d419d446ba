#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/iam/policy/evaluate.h"
#include "agent/iam/policy/pattern.h"
#include "shared/crypto/hash.h"

namespace agent::iam::policy {
namespace {

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> digits_of(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc() || end != begin + count || value < 0) return std::nullopt;
  return value;
}

// "Z", "+02:00", "-0530": seconds to take away.
std::optional<int> zone_of(std::string_view text) {
  constexpr int kSecondsPerHour = 3600;
  constexpr int kSecondsPerMinute = 60;
  if (text.empty() || text == "Z") return 0;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const auto hours = digits_of(text, 1, 2);
  const std::size_t at = text.size() > 3 && text[3] == ':' ? 4 : 3;
  const auto minutes = text.size() == 3 ? std::optional<int>(0) : digits_of(text, at, 2);
  if (!hours || !minutes || (text.size() != 3 && text.size() != at + 2)) return std::nullopt;
  const int seconds = *hours * kSecondsPerHour + *minutes * kSecondsPerMinute;
  return text[0] == '-' ? -seconds : seconds;
}

// Seconds since the epoch of ISO 8601 ("2026-01-01", "2026-01-01T00:00:00.5Z"), or as they stand.
std::optional<double> date_of(std::string_view text) {
  if (text.size() < 5 || text[4] != '-') return number_of(text);
  const auto year = digits_of(text, 0, 4);
  const auto month = digits_of(text, 5, 2);
  const auto day = digits_of(text, 8, 2);
  if (!year || !month || !day || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  double seconds = std::chrono::duration<double>(std::chrono::sys_days(date).time_since_epoch()).count();
  if (text.size() == 10) return seconds;
  const auto hour = digits_of(text, 11, 2);
  const auto minute = digits_of(text, 14, 2);
  if (text[10] != 'T' || !hour || !minute || text[13] != ':') return std::nullopt;
  seconds += *hour * 3600 + *minute * 60;
  std::size_t at = 16;
  if (at < text.size() && text[at] == ':') {
    const auto second = digits_of(text, 17, 2);
    if (!second) return std::nullopt;
    seconds += *second;
    at = 19;
    if (at < text.size() && text[at] == '.') {
      const std::size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
      const auto fraction = number_of("0" + std::string(text.substr(at, end - at)));
      if (!fraction) return std::nullopt;
      seconds += *fraction;
      at = end;
    }
  }
  const auto zone = zone_of(text.substr(at));
  if (!zone) return std::nullopt;
  return seconds - *zone;
}

// ---- Addresses ----

struct Ip {
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 0;  // 4 or 16
};

bool read_v4(std::string_view text, unsigned char* out) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = part == 3 ? text.size() : text.find('.');
    if (end == std::string_view::npos || end == 0 || end > 3) return false;
    const auto value = digits_of(text, 0, end);
    if (!value || *value > 255) return false;
    out[part] = static_cast<unsigned char>(*value);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return text.empty();
}

// Groups of 16 bits, or nothing if one is none; a last group may be an IPv4 address.
std::optional<std::vector<unsigned char>> v6_groups(std::string_view text) {
  std::vector<unsigned char> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (group.find('.') != std::string_view::npos) {
      std::array<unsigned char, 4> v4{};
      if (end != text.size() || !read_v4(group, v4.data())) return std::nullopt;
      out.insert(out.end(), v4.begin(), v4.end());
      return out;
    }
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc() || stop != group.data() + group.size() || group.size() > 4) return std::nullopt;
    out.push_back(static_cast<unsigned char>(value >> 8U));
    out.push_back(static_cast<unsigned char>(value & 255U));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
    if (text.empty()) return std::nullopt;  // ends with a colon
  }
  return out;
}

std::optional<Ip> ip_of(std::string_view text) {
  Ip out;
  if (text.find(':') == std::string_view::npos) {
    out.size = 4;
    if (!read_v4(text, out.bytes.data())) return std::nullopt;
    return out;
  }
  out.size = 16;
  const std::size_t gap = text.find("::");
  const auto head = v6_groups(text.substr(0, gap));
  const auto tail = gap == std::string_view::npos ? std::optional(std::vector<unsigned char>())
                                                  : v6_groups(text.substr(gap + 2));
  if (!head || !tail) return std::nullopt;
  const std::size_t given = head->size() + tail->size();
  if (gap == std::string_view::npos ? given != 16 : given > 14) return std::nullopt;
  std::copy(head->begin(), head->end(), out.bytes.begin());
  std::copy(tail->begin(), tail->end(), out.bytes.end() - static_cast<std::ptrdiff_t>(tail->size()));
  return out;
}

bool ip_matches(std::string_view range, std::string_view text) {
  const std::size_t slash = range.find('/');
  const auto network = ip_of(range.substr(0, slash));
  const auto address = ip_of(text);
  if (!network || !address || network->size != address->size) return false;
  std::size_t bits = network->size * 8;
  if (slash != std::string_view::npos) {
    const auto given = digits_of(range, slash + 1, range.size() - slash - 1);
    if (!given || static_cast<std::size_t>(*given) > bits) return false;
    bits = static_cast<std::size_t>(*given);
  }
  for (std::size_t i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if ((network->bytes[i / 8] & mask) != (address->bytes[i / 8] & mask)) return false;
  }
  return true;
}

// ---- Operators ----

std::string text_of(const Pattern& pattern) {
  std::string out;
  for (const PatternChar& each : pattern) out += each.c;
  return out;
}

template <class Read, class Compare>
bool compared(Read read, std::string_view value, std::string_view wanted, Compare compare) {
  const auto left = read(value);
  const auto right = read(wanted);
  return left && right && compare(*left, *right);
}

// What the context has, against one value of the policy.
bool value_matches(Operator op, std::string_view value, const Pattern& wanted) {
  const std::string text = text_of(wanted);
  switch (op) {
    case Operator::kStringEquals:
      return value == text;
    case Operator::kStringEqualsIgnoreCase:
      return equal_ignoring_case(value, text);
    case Operator::kStringLike:
      return matches(wanted, value);
    case Operator::kNumericEquals:
      return compared(number_of, value, text, std::equal_to<>());
    case Operator::kNumericLess:
      return compared(number_of, value, text, std::less<>());
    case Operator::kNumericLessEquals:
      return compared(number_of, value, text, std::less_equal<>());
    case Operator::kNumericGreater:
      return compared(number_of, value, text, std::greater<>());
    case Operator::kNumericGreaterEquals:
      return compared(number_of, value, text, std::greater_equal<>());
    case Operator::kDateEquals:
      return compared(date_of, value, text, std::equal_to<>());
    case Operator::kDateLess:
      return compared(date_of, value, text, std::less<>());
    case Operator::kDateLessEquals:
      return compared(date_of, value, text, std::less_equal<>());
    case Operator::kDateGreater:
      return compared(date_of, value, text, std::greater<>());
    case Operator::kDateGreaterEquals:
      return compared(date_of, value, text, std::greater_equal<>());
    case Operator::kBool:
      return equal_ignoring_case(value, text);
    case Operator::kBinaryEquals: {
      const auto left = shared::crypto::base64_decode(value);
      const auto right = shared::crypto::base64_decode(text);
      return left && right && *left == *right;
    }
    case Operator::kIpAddress:
      return ip_matches(text, value);
    case Operator::kArnLike:
      return matches_arn(wanted, value);
    case Operator::kNull:
      break;
  }
  return false;
}

}  // namespace

bool KeyLess::operator()(std::string_view a, std::string_view b) const {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return lower(x) < lower(y); });
}

bool holds(const Condition& condition, const Context& context, bool variables) {
  const auto found = context.find(condition.key);
  const bool absent = found == context.end() || found->second.empty();
  if (condition.op == Operator::kNull) {
    return std::any_of(condition.values.begin(), condition.values.end(), [&](const std::string& value) {
      return equal_ignoring_case(value, absent ? "true" : "false");
    });
  }
  if (absent) {
    if (condition.if_exists || condition.quantifier == Quantifier::kForAllValues) return true;
    return condition.negated && condition.quantifier == Quantifier::kNone;
  }
  const Lookup lookup = [&](std::string_view key) -> std::optional<std::string> {
    const auto it = context.find(key);
    if (it == context.end() || it->second.size() != 1) return std::nullopt;
    return it->second.front();
  };
  const bool wild = condition.op == Operator::kStringLike || condition.op == Operator::kArnLike;
  std::vector<Pattern> wanted;
  for (const std::string& value : condition.values) {
    if (auto pattern = expand(value, wild ? Wildcards::kYes : Wildcards::kNo, variables ? &lookup : nullptr))
      wanted.push_back(*std::move(pattern));
  }
  // Of a negated operator: none of them matches.
  const auto holds_for = [&](const std::string& value) {
    const bool any = std::any_of(wanted.begin(), wanted.end(), [&](const Pattern& each) {
      return value_matches(condition.op, value, each);
    });
    return any != condition.negated;
  };
  const std::vector<std::string>& values = found->second;
  if (condition.quantifier == Quantifier::kForAllValues)
    return std::all_of(values.begin(), values.end(), holds_for);
  // Without a quantifier several values are met as with ForAnyValue; a negated one wants it of all.
  if (condition.quantifier == Quantifier::kNone && condition.negated)
    return std::all_of(values.begin(), values.end(), holds_for);
  return std::any_of(values.begin(), values.end(), holds_for);
}

}  // namespace agent::iam::policy
