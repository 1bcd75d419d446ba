#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/operations.h"
#include "agent/control/alarms/evaluate.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::cloudwatch {

using metrics::Figure;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxData = 1'000;
constexpr std::size_t kMaxValues = 150;
constexpr std::size_t kMaxQueries = 500;
constexpr std::size_t kMaxPoints = 1'440;
constexpr std::size_t kMaxPointsOfQueries = 100'800;
constexpr std::size_t kMaxListed = 500;
constexpr std::size_t kMaxNameBytes = 255;

// ---- PutMetricData ----

struct Datum {
  metrics::Name name;
  std::string unit;
  std::vector<Figure> figures;
  std::int64_t at = 0;
};

bool is_value(double value) { return std::isfinite(value) && std::abs(value) <= 0x1p360; }

Result<std::vector<Figure>> figures_in(In in, const std::string& where) {
  const auto value = in.number("Value");
  const auto set = in.child("StatisticValues");
  const json* values = in.value("Values");
  const json* counts = in.value("Counts");
  if (!in.ok()) return in.error();
  if ((value ? 1 : 0) + (set ? 1 : 0) + (values != nullptr ? 1 : 0) != 1)
    return combination(where + ": exactly one of Value, Values and StatisticValues must be given.");
  if (value) {
    if (!is_value(*value)) return invalid(where + ".Value must be a number from -2^360 to 2^360.");
    return std::vector<Figure>{Figure::of(*value)};
  }
  if (set) {
    Figure figure;
    figure.count = set->number("SampleCount").value_or(0);
    figure.sum = set->number("Sum").value_or(0);
    figure.least = set->number("Minimum").value_or(0);
    figure.most = set->number("Maximum").value_or(0);
    for (const char* member : {"SampleCount", "Sum", "Minimum", "Maximum"}) {
      if (!set->has(member)) return in.ok() ? missing(where + ".StatisticValues." + member) : in.error();
    }
    if (figure.count <= 0 || !is_value(figure.count) || !is_value(figure.sum) || !is_value(figure.least) ||
        !is_value(figure.most) || figure.least > figure.most)
      return invalid(where + ".StatisticValues: SampleCount must be above 0 and Minimum not above Maximum.");
    return std::vector<Figure>{figure};
  }
  if (!values->is_array() || values->empty() || values->size() > kMaxValues)
    return invalid(where + ".Values must have from 1 to 150 numbers.");
  if (counts != nullptr && (!counts->is_array() || counts->size() != values->size()))
    return invalid(where + ".Counts must have as many numbers as Values.");
  std::vector<Figure> out;
  for (std::size_t i = 0; i < values->size(); ++i) {
    const json& one = (*values)[i];
    const json times = counts == nullptr ? json(1) : (*counts)[i];
    if (!one.is_number() || !times.is_number() || !is_value(one.get<double>()) ||
        !is_value(times.get<double>()) || times.get<double>() <= 0)
      return invalid(where + ".Values and Counts must be numbers, Counts above 0.");
    out.push_back(Figure::of(one.get<double>(), times.get<double>()));
  }
  return out;
}

Result<Datum> datum_in(const FigureContext& at, In in, const std::string& space, const std::string& where) {
  Datum out;
  out.name.metric_namespace = space;
  out.name.metric = in.string_or("MetricName", "");
  const auto time = in.time("Timestamp");
  const auto resolution = in.integer<int>("StorageResolution");
  if (!in.ok()) return in.error();
  if (out.name.metric.empty()) return missing(where + ".MetricName");
  if (out.name.metric.size() > kMaxNameBytes) return invalid(where + ".MetricName may have 255 characters.");
  if (resolution && *resolution != 1 && *resolution != 60)
    return invalid(where + ".StorageResolution must be 1 or 60.");
  const auto dimensions = dimensions_in(in);
  if (!dimensions) return dimensions.error();
  for (const auto& each : *dimensions) out.name.dimensions.emplace_back(each.name, each.value);
  auto unit = unit_in(in);
  if (!unit) return unit.error();
  out.unit = *std::move(unit);
  out.at = time ? shared::whole_seconds(*time) : at.now;
  if (out.at > at.now + metrics::kAhead) return invalid(where + ".Timestamp is more than two hours ahead.");
  if (out.at < at.now - metrics::kKept)
    return invalid(where + ".Timestamp is more than two days ago: figures are kept for so long here.");
  auto figures = figures_in(in, where);
  if (!figures) return figures.error();
  out.figures = *std::move(figures);
  return out;
}

Answer put_metric_data(FigureContext& at, In in) {
  const auto space = required(in, "Namespace");
  if (!space) return space.error();
  if (space->size() > kMaxNameBytes) return invalid("Namespace may have 255 characters.");
  if (space->starts_with("AWS/"))
    return invalid("The value AWS/ for parameter Namespace is invalid: only AWS itself puts figures there.");
  if (in.has("EntityMetricData")) return invalid("EntityMetricData is not offered: give MetricData.");
  const auto list = in.children("MetricData");
  if (!in.ok()) return in.error();
  if (list.empty()) return missing("MetricData");
  if (list.size() > kMaxData) return invalid("MetricData may have 1000 elements.");
  std::vector<Datum> data;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto datum = datum_in(at, list[i], *space, "MetricData.member." + std::to_string(i + 1));
    if (!datum) return datum.error();
    data.push_back(*std::move(datum));
  }
  for (const Datum& datum : data) {
    for (const Figure& figure : datum.figures) {
      if (auto ok = at.store.add(datum.name, datum.unit, figure, datum.at); !ok) return ok.error();
    }
  }
  return json();
}

// ---- Reading ----

struct Range {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
Result<Range> range_in(In in) {
  const auto start = in.time("StartTime");
  const auto end = in.time("EndTime");
  if (!in.ok()) return in.error();
  if (!start) return missing("StartTime");
  if (!end) return missing("EndTime");
  if (*start >= *end) return invalid("The parameter StartTime must be less than the parameter EndTime.");
  return Range{shared::whole_seconds(*start), (shared::epoch_millis(*end) + 999) / 1'000};
}

std::vector<metrics::Point> points_of(const metrics::Store& store, const model::MetricQuery& query,
                                      const Range& range) {
  const auto name = alarms::name_of(query);
  const metrics::Series* series = store.find(name);
  if (series == nullptr || (!query.unit.empty() && query.unit != series->unit)) return {};
  // A period that the beginning falls into counts.
  return store.read(name, range.from - range.from % query.period, range.to, query.period);
}

Answer get_metric_statistics(FigureContext& at, In in) {
  model::MetricQuery query;
  const auto space = required(in, "Namespace");
  if (!space) return space.error();
  const auto name = required(in, "MetricName");
  if (!name) return name.error();
  const auto range = range_in(in);
  if (!range) return range.error();
  const auto period = in.integer<int>("Period");
  const auto statistics = in.strings_or_empty("Statistics");
  if (!in.ok()) return in.error();
  if (!period) return missing("Period");
  if (in.has("ExtendedStatistics")) return invalid("ExtendedStatistics: " + std::string(kNoPercentiles));
  if (statistics.empty()) return missing("Statistics");
  for (const auto& each : statistics) {
    if (!metrics::is_statistic(each))
      return invalid("Statistics: '" + shared::shortened(each, kShownBytes) +
                     "' is none of Average, Minimum, Maximum, Sum, SampleCount.");
  }
  if (!is_period(*period, true))
    return invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
  if (static_cast<std::size_t>((range->to - range->from) / *period) > kMaxPoints)
    return combination("You have requested up to " + std::to_string((range->to - range->from) / *period) +
                       " datapoints, which exceeds the limit of 1,440. You may reduce the datapoints "
                       "requested by increasing Period, or decreasing the time range.");
  auto dimensions = dimensions_in(in);
  if (!dimensions) return dimensions.error();
  auto unit = unit_in(in);
  if (!unit) return unit.error();
  query.metric_namespace = *space;
  query.name = *name;
  query.dimensions = *std::move(dimensions);
  query.unit = *std::move(unit);
  query.period = *period;
  json out{{"Label", *name}, {"Datapoints", json::array()}};
  const metrics::Series* series = at.store.find(alarms::name_of(query));
  for (const auto& point : points_of(at.store, query, *range)) {
    json each{{"Timestamp", static_cast<double>(point.at)}, {"Unit", series->unit}};
    for (const auto& word : statistics) each[word] = *metrics::statistic(point.figure, word);
    out["Datapoints"].push_back(std::move(each));
  }
  return out;
}

Answer get_metric_data(FigureContext& at, In in) {
  const auto range = range_in(in);
  if (!range) return range.error();
  const auto queries = in.children("MetricDataQueries");
  const auto order = in.string_or("ScanBy", "TimestampDescending");
  const auto most =
      in.integer<std::int64_t>("MaxDatapoints", 1, static_cast<std::int64_t>(kMaxPointsOfQueries));
  if (!in.ok()) return in.error();
  if (in.has("NextToken")) return bad_token();
  if (queries.empty()) return missing("MetricDataQueries");
  if (queries.size() > kMaxQueries) return invalid("MetricDataQueries may have 500 elements.");
  json out{{"MetricDataResults", json::array()}, {"Messages", json::array()}};
  std::size_t left = static_cast<std::size_t>(most.value_or(kMaxPointsOfQueries));
  for (const auto& each : queries) {
    const std::string id = each.required_string("Id");
    const auto label = each.string("Label");
    if (!in.ok()) return in.error();
    if (id.empty() || id[0] < 'a' || id[0] > 'z')
      return invalid("MetricDataQueries: the Id '" + shared::shortened(id, kShownBytes) +
                     "' must begin with a lower-case letter.");
    if (each.has("Expression")) return invalid("MetricDataQueries: metric math (Expression) is not offered.");
    const auto stat = each.required_child("MetricStat");
    if (!stat) return in.error();
    const auto query = metric_stat_in(*stat);
    if (!query) return query.error();
    if (!each.boolean_or("ReturnData", true)) continue;
    auto points = points_of(at.store, *query, *range);
    if (order != "TimestampAscending") std::reverse(points.begin(), points.end());
    const bool whole = points.size() <= left;
    points.resize(std::min(points.size(), left));
    left -= points.size();
    json times = json::array();
    json values = json::array();
    for (const auto& point : points) {
      times.push_back(static_cast<double>(point.at));
      values.push_back(*metrics::statistic(point.figure, query->statistic));
    }
    out["MetricDataResults"].push_back({{"Id", id},
                                        {"Label", label.value_or(query->name)},
                                        {"Timestamps", std::move(times)},
                                        {"Values", std::move(values)},
                                        {"StatusCode", whole ? "Complete" : "PartialData"}});
  }
  return out;
}

Answer list_metrics(FigureContext& at, In in) {
  const auto space = in.string("Namespace");
  const auto name = in.string("MetricName");
  const auto recently = in.string("RecentlyActive");
  const auto token = in.string("NextToken");
  struct Filter {
    std::string name;
    std::optional<std::string> value;
  };
  std::vector<Filter> filters;
  for (const auto& each : in.children("Dimensions"))
    filters.push_back({each.required_string("Name"), each.string("Value")});
  if (!in.ok()) return in.error();
  if (recently && *recently != "PT3H") return invalid("RecentlyActive is PT3H or absent.");
  std::string after;
  if (token) {
    auto place = shared::crypto::base64_decode(*token);
    if (!place || place->empty()) return bad_token();
    after = *std::move(place);
  }
  json out{{"Metrics", json::array()}};
  std::string last;
  const auto& table = at.store.series();
  for (auto it = table.upper_bound(after); it != table.end(); ++it) {
    const auto& [key, series] = *it;
    if (space && series.name.metric_namespace != *space) continue;
    if (name && series.name.metric != *name) continue;
    if (recently && series.last + metrics::kActive < at.now) continue;
    const bool fits = std::all_of(
        filters.begin(), filters.end(), [&, &dimensions = series.name.dimensions](const Filter& filter) {
          return std::any_of(dimensions.begin(), dimensions.end(), [&](const auto& dimension) {
            return dimension.first == filter.name && (!filter.value || *filter.value == dimension.second);
          });
        });
    if (!fits) continue;
    if (out["Metrics"].size() == kMaxListed) {
      out["NextToken"] = shared::crypto::base64_encode(last);
      break;
    }
    json each{{"Namespace", series.name.metric_namespace},
              {"MetricName", series.name.metric},
              {"Dimensions", json::array()}};
    for (const auto& [dimension, value] : series.name.dimensions)
      each["Dimensions"].push_back({{"Name", dimension}, {"Value", value}});
    out["Metrics"].push_back(std::move(each));
    last = key;
  }
  return out;
}

constexpr auto kFigureOperations = std::to_array<FigureOperation>({
    {"GetMetricData", get_metric_data},
    {"GetMetricStatistics", get_metric_statistics},
    {"ListMetrics", list_metrics},
    {"PutMetricData", put_metric_data},
});

}  // namespace

std::span<const FigureOperation> figure_operations() { return kFigureOperations; }

}  // namespace agent::api::cloudwatch
