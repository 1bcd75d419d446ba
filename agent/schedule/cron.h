// The six fields of AWS's cron expressions: minutes, hours, day of month, month, day of week, year.
#pragma once
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/schedule/zone.h"
#include "shared/base/result.h"

namespace agent::schedule {

class Cron {
 public:
  // "0 8 ? * MON-FRI *": lists, ranges, steps, names of months and days, "L" and "W" of the day of month, "L"
  // and
  // "#" of the day of week; one of the two day fields is "?". Error "cron" names the field.
  static shared::Result<Cron> parse(std::string_view fields);

  // The first time after `utc`, in seconds. Nothing: there is none any more. An hour that a change of the
  // clock leaves out does not happen; one that it repeats happens once.
  std::optional<std::int64_t> next(std::int64_t utc, const Zone& zone) const;

 private:
  static constexpr int kFirstYear = 1970;
  static constexpr int kLastYear = 2199;
  bool on_day(std::int64_t day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;  // 1 is Sunday
  std::bitset<kLastYear - kFirstYear + 1> years_;
  bool any_day_ = false;      // "?"
  bool any_weekday_ = false;  // "?"
  bool last_day_ = false;
  bool last_workday_ = false;
  int workday_near_ = 0;  // "15W"
  struct Nth {
    int weekday;
    int n;  // 0: the last of the month
  };
  std::vector<Nth> nth_;
};

}  // namespace agent::schedule
