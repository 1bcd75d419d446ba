// The operations of cloudwatch.h, and what they share. Internal to agent/api/cloudwatch.
#pragma once
#include <array>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/alarms/alarms.h"
#include "agent/control/state/step.h"
#include "agent/metrics/store.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::cloudwatch {

using control::Step;
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;  // null: without an output
namespace alarms = control::alarms;

struct AlarmContext {
  Step& step;
  bool keep = false;
};
struct FigureContext {
  metrics::Store& store;
  std::int64_t now;  // seconds
};
using AlarmRun = Answer (*)(AlarmContext&, In);
using FigureRun = Answer (*)(FigureContext&, In);
using AlarmOperation = std::pair<std::string_view, AlarmRun>;
using FigureOperation = std::pair<std::string_view, FigureRun>;

std::span<const AlarmOperation> alarm_operations();
std::span<const FigureOperation> figure_operations();
Answer put_metric_alarm(AlarmContext& at, In in);

shared::Error invalid(std::string text);      // InvalidParameterValue
shared::Error combination(std::string text);  // InvalidParameterCombination
shared::Error missing(std::string_view member);
shared::Error bad_token();

// Texts that are required: MissingParameter.
shared::Result<std::string> required(In in, std::string_view member);

inline constexpr std::size_t kShownBytes = 128;  // of a value in an error
inline constexpr std::size_t kMaxDimensions = 30;
shared::Result<std::vector<model::NameValue>> dimensions_in(In in, std::string_view member = "Dimensions");
nlohmann::json dimensions_json(const std::vector<model::NameValue>& dimensions);
// 10, 20, 30 or a multiple of 60; also 1 and 5 where `fine`.
bool is_period(std::int64_t seconds, bool fine);
inline constexpr std::array<std::string_view, 27> kUnits{"Seconds",
                                                         "Microseconds",
                                                         "Milliseconds",
                                                         "Bytes",
                                                         "Kilobytes",
                                                         "Megabytes",
                                                         "Gigabytes",
                                                         "Terabytes",
                                                         "Bits",
                                                         "Kilobits",
                                                         "Megabits",
                                                         "Gigabits",
                                                         "Terabits",
                                                         "Percent",
                                                         "Count",
                                                         "Bytes/Second",
                                                         "Kilobytes/Second",
                                                         "Megabytes/Second",
                                                         "Gigabytes/Second",
                                                         "Terabytes/Second",
                                                         "Bits/Second",
                                                         "Kilobits/Second",
                                                         "Megabits/Second",
                                                         "Gigabits/Second",
                                                         "Terabits/Second",
                                                         "Count/Second",
                                                         "None"};
shared::Result<std::string> unit_in(In in);
inline constexpr std::string_view kNoPercentiles =
    "percentiles and trimmed statistics are not offered: of figures their sum, count, least and most are "
    "kept";

// MetricStat: {Metric {Namespace, MetricName, Dimensions}, Period, Stat, Unit}.
shared::Result<model::MetricQuery> metric_stat_in(In in);

}  // namespace agent::api::cloudwatch
