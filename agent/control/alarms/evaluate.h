// What an alarm's figures say, as a value. Thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/metrics/store.h"
#include "agent/model/alarm.h"

namespace agent::control::alarms {

// Figures of a second may come this much later: balancers and agents tell them now and then.
inline constexpr std::int64_t kLateFigures = 6;
inline constexpr std::int64_t kOftenSeconds = 10;   // alarms of periods below a minute are looked at so often
inline constexpr std::int64_t kSeldomSeconds = 60;  // others

struct Datapoint {
  std::int64_t at = 0;
  double value = 0;
};
struct Finding {
  model::AlarmState state = model::AlarmState::kInsufficientData;
  std::string reason;
  std::string reason_data;            // JSON
  std::optional<double> newest;       // of the values that were looked at
  std::optional<double> least, most;  // of these
};

metrics::Name name_of(const model::MetricQuery& query);
bool breaches(const model::Alarm& alarm, double value);
// The end of the last period that is over and whose figures have come.
std::int64_t period_end(const model::Alarm& alarm, std::int64_t now);
// Newest first, of the evaluation periods and two before them, without those that have no figures.
std::vector<Datapoint> datapoints(const model::Alarm& alarm, const metrics::Store& store, std::int64_t end);
// Nothing: the state stays.
std::optional<Finding> judge(const model::Alarm& alarm, const metrics::Store& store, std::int64_t now);

}  // namespace agent::control::alarms
