// Dates of the wire formats, by std::chrono's calendar: no locale, no time zone database, no shared state.
#include <array>
#include <chrono>

#include "shared/http/message.h"

namespace shared::http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Parts {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned weekday = 0;  // 0 = Sunday
  long long hour = 0;
  long long minute = 0;
  long long second = 0;
  long long millis = 0;
};

Parts split(WallTime t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Millis> time(t - day);
  Parts parts;
  parts.year = static_cast<int>(date.year());
  parts.month = static_cast<unsigned>(date.month());
  parts.day = static_cast<unsigned>(date.day());
  parts.weekday = std::chrono::weekday(day).c_encoding();
  parts.hour = time.hours().count();
  parts.minute = time.minutes().count();
  parts.second = time.seconds().count();
  parts.millis = time.subseconds().count();
  return parts;
}

// Decimal with leading zeros; years outside 0000..9999 do not occur in these formats and keep their digits.
std::string padded(long long value, std::size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() >= width ? digits : std::string(width - digits.size(), '0') + digits;
}

std::string to_the_second(const Parts& p) {
  return padded(p.year, 4) + "-" + padded(p.month, 2) + "-" + padded(p.day, 2) + "T" + padded(p.hour, 2) +
         ":" + padded(p.minute, 2) + ":" + padded(p.second, 2);
}

// Walks a fixed-width text; every step fails softly once one has failed.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  unsigned number(std::size_t width) {
    unsigned value = 0;
    for (const char c : take(width)) {
      if (c < '0' || c > '9') ok_ = false;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return ok_ ? value : 0;
  }
  void literal(std::string_view expected) {
    if (take(expected.size()) != expected) ok_ = false;
  }
  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& words) {
    const std::string_view got = take(3);
    for (std::size_t i = 0; i < N; ++i) {
      if (words[i] == got) return static_cast<unsigned>(i);
    }
    ok_ = false;
    return 0;
  }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view got = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return got;
  }
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<WallTime> join(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                             unsigned second) {
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day));
  // 60 is a leap second (RFC 9110 section 5.6.7); it rolls over into the next minute.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                  std::chrono::seconds(second));
}

}  // namespace

std::string http_date(WallTime t) {
  const Parts p = split(t);
  std::string out(kDays[p.weekday]);
  out += ", " + padded(p.day, 2) + " ";
  out += kMonths[p.month - 1];
  out += " " + padded(p.year, 4) + " " + padded(p.hour, 2) + ":" + padded(p.minute, 2) + ":" +
         padded(p.second, 2);
  return out + " GMT";
}

std::string iso8601(WallTime t) {
  const Parts p = split(t);
  return to_the_second(p) + "." + padded(p.millis, 3) + "Z";
}

std::string iso8601_seconds(WallTime t) { return to_the_second(split(t)) + "Z"; }

std::string amz_date(WallTime t) {
  const Parts p = split(t);
  return padded(p.year, 4) + padded(p.month, 2) + padded(p.day, 2) + "T" + padded(p.hour, 2) +
         padded(p.minute, 2) + padded(p.second, 2) + "Z";
}

std::optional<WallTime> parse_amz_date(std::string_view text) {
  Cursor cursor(text);
  const unsigned year = cursor.number(4);
  const unsigned month = cursor.number(2);
  const unsigned day = cursor.number(2);
  cursor.literal("T");
  const unsigned hour = cursor.number(2);
  const unsigned minute = cursor.number(2);
  const unsigned second = cursor.number(2);
  cursor.literal("Z");
  if (!cursor.finished()) return std::nullopt;
  return join(year, month, day, hour, minute, second);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  Cursor cursor(text);
  cursor.one_of(kDays);
  cursor.literal(", ");
  const unsigned day = cursor.number(2);
  cursor.literal(" ");
  const unsigned month = cursor.one_of(kMonths) + 1;
  cursor.literal(" ");
  const unsigned year = cursor.number(4);
  cursor.literal(" ");
  const unsigned hour = cursor.number(2);
  cursor.literal(":");
  const unsigned minute = cursor.number(2);
  cursor.literal(":");
  const unsigned second = cursor.number(2);
  cursor.literal(" GMT");
  if (!cursor.finished()) return std::nullopt;
  return join(year, month, day, hour, minute, second);
}

}  // namespace shared::http
