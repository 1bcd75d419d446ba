#include "agent/cli/output/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace agent::cli {
namespace {

constexpr std::string_view kReset = "\033[0m";
constexpr std::size_t kShortId = 8;
constexpr std::size_t kLongId = 32;
constexpr long long kTenthsBelow = 10;  // seconds

std::string_view code_of(Style style) {
  switch (style) {
    case Style::kBold:
      return "\033[1m";
    case Style::kDim:
      return "\033[2m";
    case Style::kGood:
      return "\033[32m";
    case Style::kWarn:
      return "\033[33m";
    case Style::kBad:
      return "\033[31m";
    case Style::kAccent:
      return "\033[36m";
    case Style::kPlain:
      break;
  }
  return "";
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string two(long long a, const char* first, long long b, const char* second) {
  std::string text = std::to_string(a) + first;
  if (b != 0) text += " " + std::to_string(b) + second;
  return text;
}

}  // namespace

std::string paint(std::string_view text, Style style, Colour colour) {
  const std::string_view code = code_of(style);
  if (colour == Colour::kOff || code.empty() || text.empty()) return std::string(text);
  return std::string(code) + std::string(text) + std::string(kReset);
}

std::string paint_nth(std::string_view text, std::size_t index, Colour colour) {
  // Readable on dark and on light ground; neighbours are far from each other.
  constexpr std::array<const char*, 12> kCodes = {"36", "33", "35", "32", "34", "91",
                                                  "96", "93", "95", "92", "94", "31"};
  if (colour == Colour::kOff) return std::string(text);
  return std::string("\033[") + kCodes[index % kCodes.size()] + "m" + std::string(text) + std::string(kReset);
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c) && !is_control(c); }));
}

std::string shortened_to(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::size_t taken = 0;
  std::size_t at = 0;
  while (at < text.size() && (taken < columns - 1 || continues(text[at]))) {
    if (!continues(text[at]) && !is_control(text[at])) ++taken;
    ++at;
  }
  while (at > 0 && at < text.size() && continues(text[at])) ++at;
  std::string out(text.substr(0, at));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "…";
}

std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters too; in UTF-8 they are C2 80 to C2 9F.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0 &&
        continues(text[i + 1])) {
      ++i;
      out += "?";
    } else if (is_control(text[i]) && text[i] != '\t') {
      if (text[i] != '\r' && text[i] != '\n') out += "?";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string span(shared::Millis length) {
  const long long seconds = std::max<long long>(0, length.count() / 1000);
  const long long tenth = std::max<long long>(0, length.count() / 100) % 10;
  if (seconds == 0 && length.count() > 0) return std::to_string(length.count()) + "ms";
  if (seconds < kTenthsBelow && tenth != 0)
    return std::to_string(seconds) + "." + std::to_string(tenth) + "s";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string age(shared::Millis length) {
  const std::string text = span(std::chrono::floor<std::chrono::seconds>(length));
  return text.substr(0, text.find(' '));
}

std::string date_text(shared::WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::string clock_millis(shared::WallTime time) {
  const auto millis = (time - std::chrono::floor<std::chrono::seconds>(time)).count();
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), ".%03d", static_cast<int>(millis));
  return clock_text(time) + text.data();
}

std::string clock_text(shared::WallTime time) { return date_text(time).substr(sizeof("2026-11-30")); }

shared::WallTime from_epoch_seconds(double seconds) {
  return shared::from_epoch_millis(static_cast<long long>(seconds * 1000.0 + 0.5));
}

std::string_view name_in(std::string_view arn) {
  const std::size_t slash = arn.rfind('/');
  return slash == std::string_view::npos ? arn : arn.substr(slash + 1);
}

std::string short_id(std::string_view arn_or_id) {
  const std::string_view id = name_in(arn_or_id);
  const bool hexadecimal = id.size() >= kLongId && std::all_of(id.begin(), id.end(), [](unsigned char c) {
                             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                           });
  return std::string(hexadecimal ? id.substr(0, kShortId) : id);
}

std::string_view revision_in(std::string_view arn) { return name_in(arn); }

}  // namespace agent::cli
