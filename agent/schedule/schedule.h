// When something is to happen: at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields), as Application Auto
// Scaling and EventBridge write it. Pure, but for the host's files of time zones. Thread: any.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/schedule/cron.h"
#include "agent/schedule/zone.h"
#include "shared/base/result.h"

namespace agent::schedule {

class Schedule {
 public:
  // Errors: "schedule" for another form, "cron" and "zone". `timezone` empty: UTC; rate() knows none.
  static shared::Result<Schedule> parse(std::string_view text, const std::string& timezone);

  // The first time after `after`, in seconds since the epoch; a rate counts from `begun`. Nothing: it is
  // over.
  std::optional<std::int64_t> next(std::int64_t after, std::int64_t begun) const;
  bool once() const { return at_.has_value(); }

 private:
  std::optional<std::int64_t> at_;
  std::int64_t rate_ = 0;  // seconds
  std::optional<Cron> cron_;
  std::shared_ptr<const Zone> zone_;
};

}  // namespace agent::schedule
