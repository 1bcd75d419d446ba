#include "agent/schedule/schedule.h"

#include <array>
#include <charconv>
#include <chrono>

namespace agent::schedule {

using shared::Result;

namespace {

constexpr std::size_t kMostSchedule = 1'600;
constexpr int kMostRate = 1'000'000;

shared::Error bad_schedule(std::string text) {
  return shared::Error("schedule", std::move(text), shared::Blame::kClient);
}

std::optional<int> whole_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

// "2026-01-01T00:00:00", as seconds of a clock on the wall.
std::optional<LocalSeconds> local_time(std::string_view text) {
  constexpr std::size_t kLength = 19;
  if (text.size() != kLength || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  const auto year = whole_number(text.substr(0, 4), 9'999);
  const auto month = whole_number(text.substr(5, 2), 12);
  const auto day = whole_number(text.substr(8, 2), 31);
  const auto hour = whole_number(text.substr(11, 2), 23);
  const auto minute = whole_number(text.substr(14, 2), 59);
  const auto second = whole_number(text.substr(17, 2), 59);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + *hour * 3'600 + *minute * 60 + *second;
}

// "5 minutes".
std::optional<std::int64_t> rate_of(std::string_view text) {
  struct Unit {
    std::string_view one, many;
    std::int64_t seconds;
  };
  constexpr std::array kUnits{Unit{"minute", "minutes", 60}, Unit{"hour", "hours", 3'600},
                              Unit{"day", "days", 86'400}};
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto value = whole_number(text.substr(0, blank), kMostRate);
  if (!value || *value == 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    const std::string_view word = text.substr(blank + 1);
    if (word == unit.many || (word == unit.one && *value == 1)) return *value * unit.seconds;
  }
  return std::nullopt;
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text, const std::string& timezone) {
  Schedule out;
  auto zone = Zone::named(timezone);
  if (!zone) return zone.error();
  out.zone_ = *std::move(zone);
  const auto open = text.find('(');
  if (text.size() > kMostSchedule || open == std::string_view::npos || text.back() != ')')
    return bad_schedule("a schedule is at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields)");
  const std::string_view kind = text.substr(0, open);
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  if (kind == "at") {
    const auto local = local_time(inside);
    if (!local) return bad_schedule("at(...) takes yyyy-mm-ddThh:mm:ss");
    out.at_ = out.zone_->utc_of(*local);
    if (*out.at_ < 0) return bad_schedule("the clock of that time zone never shows this time");
  } else if (kind == "rate") {
    const auto rate = rate_of(inside);
    if (!rate) return bad_schedule("rate(...) takes a number and minute(s), hour(s) or day(s)");
    out.rate_ = *rate;
  } else if (kind == "cron") {
    auto cron = Cron::parse(inside);
    if (!cron) return cron.error();
    out.cron_ = *std::move(cron);
  } else {
    return bad_schedule("a schedule is at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields)");
  }
  return out;
}

std::optional<std::int64_t> Schedule::next(std::int64_t after, std::int64_t begun) const {
  if (at_) return *at_ > after ? at_ : std::nullopt;
  if (cron_) return cron_->next(after, *zone_);
  if (after < begun) return begun;
  return begun + ((after - begun) / rate_ + 1) * rate_;
}

}  // namespace agent::schedule
