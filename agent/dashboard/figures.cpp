#include "agent/dashboard/figures.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/dashboard/json_parts.h"
#include "shared/json/reader.h"

namespace agent::dashboard {

using metrics::Figure;
using nlohmann::json;

namespace {

constexpr const char* kOfBalancers = "AWS/ApplicationELB";
constexpr const char* kOfServices = "AWS/ECS";
constexpr double kTenth = 10;
constexpr double kMillisOfSecond = 1'000;

// Seconds that are over: the present one is not whole.

double rounded(double value) { return std::round(value * kTenth) / kTenth; }

// The value of each point, from the oldest on.
template <class Value>
json line(const metrics::Store& store, const metrics::Name& name, std::int64_t until, Value value) {
  const std::int64_t end = until / kPointSeconds * kPointSeconds;
  const std::int64_t begin = end - std::int64_t{kPoints} * kPointSeconds;
  json out = json::array();
  for (int i = 0; i < kPoints; ++i) out.push_back(nullptr);
  for (const metrics::Point& each : store.read(name, begin, end, kPointSeconds)) {
    const auto at = (each.at - begin) / kPointSeconds;
    if (at >= 0 && at < kPoints) out[static_cast<std::size_t>(at)] = rounded(value(each.figure));
  }
  return out;
}

}  // namespace

json traffic_figures(const metrics::Store& store, const std::string& balancer_full_name,
                     const std::string& group_full_name, shared::WallTime now) {
  metrics::Dimensions dimensions{{"LoadBalancer", balancer_full_name}};
  if (!group_full_name.empty()) dimensions.emplace_back("TargetGroup", group_full_name);
  const std::int64_t until = shared::whole_seconds(now);
  const auto named = [&](const char* metric) { return metrics::Name{kOfBalancers, metric, dimensions}; };
  const auto rate = [&](const char* metric) {
    return rounded(store.total(named(metric), until - kRateSeconds, until).sum / kRateSeconds);
  };
  json out{{"requests", rate("RequestCount")},
           {"target2xx", rate("HTTPCode_Target_2XX_Count")},
           {"target3xx", rate("HTTPCode_Target_3XX_Count")},
           {"target4xx", rate("HTTPCode_Target_4XX_Count")},
           {"target5xx", rate("HTTPCode_Target_5XX_Count")}};
  if (group_full_name.empty()) {
    out["own4xx"] = rate("HTTPCode_ELB_4XX_Count");
    out["own5xx"] = rate("HTTPCode_ELB_5XX_Count");
    out["newConnections"] = rate("NewConnectionCount");
    out["bytes"] = rate("ProcessedBytes");
    out["connections"] = store.total(named("ActiveConnectionCount"), until - 2, until).most;
  }
  const Figure times = store.total(named("TargetResponseTime"), until - kRateSeconds, until);
  if (times.count > 0) {
    out["time"] = rounded(times.average() * kMillisOfSecond);
    out["timeMost"] = rounded(times.most * kMillisOfSecond);
  }
  out["line"] = line(store, named("RequestCount"), until,
                     [](const Figure& figure) { return figure.sum / kPointSeconds; });
  return out;
}

json service_figures(const control::State& state, const model::Service& service, shared::WallTime now) {
  const metrics::Store& store = *state.live.metrics;
  const metrics::Dimensions dimensions{{"ClusterName", service.cluster}, {"ServiceName", service.name}};
  const std::int64_t until = shared::whole_seconds(now);
  json out = json::object();
  const auto put = [&](const char* name, const char* metric) {
    const metrics::Name of{kOfServices, metric, dimensions};
    const Figure figure = store.total(of, until - kRateSeconds, until);
    if (figure.count > 0) out[name] = rounded(figure.average());
    out[std::string(name) + "Line"] =
        line(store, of, until, [](const Figure& each) { return each.average(); });
  };
  put("cpu", "CPUUtilization");
  put("memory", "MemoryUtilization");
  return out;
}

std::string describe_figures(const control::State& state, const model::LoadBalancer& balancer,
                             shared::WallTime now) {
  json out = thing("figures", balancer.arn);
  out["figures"] = traffic_figures(*state.live.metrics, balancer.full_name, "", now);
  return shared::json::to_text(out);
}

}  // namespace agent::dashboard
