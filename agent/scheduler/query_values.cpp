#include <charconv>

#include "agent/scheduler/query_node.h"

namespace agent::scheduler {

using shared::WallTime;

namespace {

std::optional<int> digits_at(std::string_view text, std::size_t from, std::size_t count) {
  if (from + count > text.size()) return std::nullopt;
  int value = 0;
  const auto [stop, failure] = std::from_chars(text.data() + from, text.data() + from + count, value);
  if (failure != std::errc() || stop != text.data() + from + count || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<WallTime> as_time(std::string_view text) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  const auto year = digits_at(text, 0, 4);
  const auto month = digits_at(text, 5, 2);
  const auto day = digits_at(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  WallTime time = std::chrono::sys_days(date);
  if (text.size() == 10) return time;
  const auto hour = digits_at(text, 11, 2);
  const auto minute = digits_at(text, 14, 2);
  const auto second = digits_at(text, 17, 2);
  if (!hour || !minute || !second || (text[10] != 'T' && text[10] != ' ')) return std::nullopt;
  if (text[13] != ':' || text[16] != ':' || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  time += hours(*hour) + minutes(*minute) + seconds(*second);
  std::string_view zone = text.substr(19);
  if (zone.empty() || zone == "Z") return time;
  const auto zone_hours = digits_at(zone, 1, 2);
  const auto zone_minutes = digits_at(zone, 4, 2);
  if (zone.size() != 6 || !zone_hours || !zone_minutes || zone[3] != ':') return std::nullopt;
  const auto offset = hours(*zone_hours) + minutes(*zone_minutes);
  if (zone[0] == '+') return time - offset;
  if (zone[0] == '-') return time + offset;
  return std::nullopt;
}

}  // namespace agent::scheduler
