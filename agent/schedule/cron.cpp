#include "agent/schedule/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

namespace agent::schedule {

using shared::Result;
using std::chrono::sys_days;
using std::chrono::year_month_day;

namespace {

constexpr std::int64_t kSecondsOfDay = 86'400;
// What is asked for may never come ("31 February"): further than this nobody looks.
constexpr std::int64_t kMostDays = 366 * 40;
constexpr std::size_t kMostText = 256;
constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  std::string_view name;
  int least;
  int most;
  bool months = false;
  bool weekdays = false;
};
constexpr Field kMinutes{"minutes", 0, 59};
constexpr Field kHours{"hours", 0, 23};
constexpr Field kDays{"day-of-month", 1, 31};
constexpr Field kMonthsField{"month", 1, 12, true};
constexpr Field kWeekdaysField{"day-of-week", 1, 7, false, true};
constexpr Field kYears{"year", 1970, 2199};

shared::Error bad_field(const Field& field, std::string_view text) {
  return shared::Error("cron",
                       "the field " + std::string(field.name) + " of the cron expression is '" +
                           std::string(text) + "', which is none of its values (" +
                           std::to_string(field.least) + "-" + std::to_string(field.most) + ")",
                       shared::Blame::kClient);
}

std::optional<int> value_of(const Field& field, std::string_view text) {
  for (std::size_t i = 0; field.months && i < kMonths.size(); ++i) {
    if (kMonths[i] == text) return static_cast<int>(i) + 1;
  }
  for (std::size_t i = 0; field.weekdays && i < kWeekdays.size(); ++i) {
    if (kWeekdays[i] == text) return static_cast<int>(i) + 1;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < field.least || value > field.most) return std::nullopt;
  return value;
}

// "*", "a", "a-b", "a/n", "*/n"; a range may go over the end where names are ("FRI-MON").
template <class Set>
bool take_item(const Field& field, std::string_view item, Set set) {
  int step = 1;
  bool stepped = false;
  if (const auto slash = item.find('/'); slash != std::string_view::npos) {
    const auto given = value_of({"", 1, 2199}, item.substr(slash + 1));
    if (!given) return false;
    step = *given;
    stepped = true;
    item = item.substr(0, slash);
  }
  int from = field.least;
  int to = field.most;
  if (item != "*") {
    const auto dash = item.find('-');
    const auto begin = value_of(field, item.substr(0, dash));
    const auto end = dash == std::string_view::npos ? begin : value_of(field, item.substr(dash + 1));
    if (!begin || !end) return false;
    from = *begin;
    to = stepped && dash == std::string_view::npos ? field.most : *end;
  }
  const int size = field.most - field.least + 1;
  if (from > to && !field.months && !field.weekdays) return false;
  const int count = (from <= to ? to - from : to - from + size) + 1;
  for (int i = 0; i < count; i += step) set(field.least + (from - field.least + i) % size);
  return true;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(by);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

template <class Set>
Result<void> take_list(const Field& field, std::string_view text, Set set) {
  for (const std::string_view item : split(text, ',')) {
    if (!take_item(field, item, set)) return bad_field(field, text);
  }
  return {};
}

unsigned weekday_of(std::int64_t day) {  // 1 is Sunday
  return std::chrono::weekday(sys_days(std::chrono::days(day))).c_encoding() + 1;
}
unsigned last_day_of(year_month_day date) {
  return static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day());
}
// The Monday to Friday that is nearest to that day of its month, inside of it.
unsigned workday_near(year_month_day date, unsigned wanted, unsigned last) {
  const auto weekday =
      weekday_of(sys_days(date.year() / date.month() / std::chrono::day(wanted)).time_since_epoch().count());
  if (weekday == 7) return wanted > 1 ? wanted - 1 : wanted + 2;
  if (weekday == 1) return wanted < last ? wanted + 1 : wanted - 2;
  return wanted;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  std::string upper(text.substr(0, kMostText));
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  std::vector<std::string_view> fields;
  for (const std::string_view each : split(upper, ' ')) {
    if (!each.empty()) fields.push_back(each);
  }
  constexpr std::size_t kFields = 6;
  if (fields.size() != kFields || text.size() > kMostText) {
    return shared::Error("cron",
                         "a cron expression has six fields (minutes, hours, day-of-month, month, "
                         "day-of-week, year), this one has " +
                             std::to_string(fields.size()),
                         shared::Blame::kClient);
  }
  Cron out;
  const auto into = [](auto& bits, int base = 0) {
    return [&bits, base](int value) { bits.set(static_cast<std::size_t>(value - base)); };
  };
  if (auto ok = take_list(kMinutes, fields[0], into(out.minutes_)); !ok) return ok.error();
  if (auto ok = take_list(kHours, fields[1], into(out.hours_)); !ok) return ok.error();
  if (auto ok = take_list(kMonthsField, fields[3], into(out.months_)); !ok) return ok.error();
  if (auto ok = take_list(kYears, fields[5], into(out.years_, kFirstYear)); !ok) return ok.error();
  out.any_day_ = fields[2] == "?";
  out.any_weekday_ = fields[4] == "?";
  if (out.any_day_ == out.any_weekday_) {
    return shared::Error("cron",
                         "exactly one of the fields day-of-month and day-of-week of a cron expression is '?'",
                         shared::Blame::kClient);
  }
  for (const std::string_view item : out.any_day_ ? std::vector<std::string_view>{} : split(fields[2], ',')) {
    if (item == "L") {
      out.last_day_ = true;
    } else if (item == "LW") {
      out.last_workday_ = true;
    } else if (item.size() > 1 && item.back() == 'W') {
      const auto day = value_of(kDays, item.substr(0, item.size() - 1));
      if (!day) return bad_field(kDays, item);
      out.workday_near_ = *day;
    } else if (!take_item(kDays, item, into(out.days_))) {
      return bad_field(kDays, item);
    }
  }
  for (const std::string_view item :
       out.any_weekday_ ? std::vector<std::string_view>{} : split(fields[4], ',')) {
    const auto hash = item.find('#');
    if (item == "L") {
      out.weekdays_.set(7);
    } else if (hash != std::string_view::npos) {
      const auto day = value_of(kWeekdaysField, item.substr(0, hash));
      const auto n = value_of({"", 1, 5}, item.substr(hash + 1));
      if (!day || !n) return bad_field(kWeekdaysField, item);
      out.nth_.push_back({*day, *n});
    } else if (item.size() > 1 && item.back() == 'L') {
      const auto day = value_of(kWeekdaysField, item.substr(0, item.size() - 1));
      if (!day) return bad_field(kWeekdaysField, item);
      out.nth_.push_back({*day, 0});
    } else if (!take_item(kWeekdaysField, item, into(out.weekdays_))) {
      return bad_field(kWeekdaysField, item);
    }
  }
  return out;
}

bool Cron::on_day(std::int64_t day) const {
  const year_month_day date{sys_days(std::chrono::days(day))};
  const int year = static_cast<int>(date.year());
  if (year < kFirstYear || year > kLastYear || !years_.test(static_cast<std::size_t>(year - kFirstYear)))
    return false;
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const unsigned of_month = static_cast<unsigned>(date.day());
  const unsigned last = last_day_of(date);
  if (!any_day_) {
    if (days_.test(of_month) || (last_day_ && of_month == last)) return true;
    if (last_workday_ && of_month == workday_near(date, last, last)) return true;
    const auto near = static_cast<unsigned>(workday_near_);
    return near != 0 && near <= last && of_month == workday_near(date, near, last);
  }
  const unsigned weekday = weekday_of(day);
  if (weekdays_.test(weekday)) return true;
  return std::any_of(nth_.begin(), nth_.end(), [&](const Nth& each) {
    if (static_cast<unsigned>(each.weekday) != weekday) return false;
    return each.n == 0 ? of_month + 7 > last : (of_month - 1) / 7 + 1 == static_cast<unsigned>(each.n);
  });
}

std::optional<std::int64_t> Cron::next(std::int64_t utc, const Zone& zone) const {
  const std::int64_t first = zone.local(utc) / kSecondsOfDay;
  for (std::int64_t day = first; day < first + kMostDays; ++day) {
    if (!on_day(day)) continue;
    for (std::int64_t hour = 0; hour < 24; ++hour) {
      if (!hours_.test(static_cast<std::size_t>(hour))) continue;
      for (std::int64_t minute = 0; minute < 60; ++minute) {
        if (!minutes_.test(static_cast<std::size_t>(minute))) continue;
        const std::int64_t at = zone.utc_of(day * kSecondsOfDay + hour * 3'600 + minute * 60);
        if (at > utc) return at;
      }
    }
  }
  return std::nullopt;
}

}  // namespace agent::schedule
