#include "agent/control/elb/figures.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/control/elb/target_health.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control {

using metrics::Figure;

namespace {

constexpr const char* kNamespace = "AWS/ApplicationELB";
constexpr double kMicros = 1e6;
// Names that a balancer may tell.
constexpr std::array<std::string_view, 20> kCounts{"ActiveConnectionCount",
                                                   "ClientTLSNegotiationErrorCount",
                                                   "HTTPCode_ELB_4XX_Count",
                                                   "HTTPCode_ELB_500_Count",
                                                   "HTTPCode_ELB_502_Count",
                                                   "HTTPCode_ELB_503_Count",
                                                   "HTTPCode_ELB_504_Count",
                                                   "HTTPCode_ELB_5XX_Count",
                                                   "HTTPCode_Target_2XX_Count",
                                                   "HTTPCode_Target_3XX_Count",
                                                   "HTTPCode_Target_4XX_Count",
                                                   "HTTPCode_Target_5XX_Count",
                                                   "HTTP_Fixed_Response_Count",
                                                   "HTTP_Redirect_Count",
                                                   lb::kHeldRequests,
                                                   "NewConnectionCount",
                                                   "ProcessedBytes",
                                                   "RejectedConnectionCount",
                                                   "RequestCount",
                                                   "RequestCountPerTarget"};

struct Sink {
  metrics::Store& store;
  std::int64_t now;
  void add(const metrics::Dimensions& dimensions, std::string_view metric, std::string_view unit,
           const Figure& figure) const {
    (void)store.add({kNamespace, std::string(metric), dimensions}, unit, figure, now);  // bounded: see there
  }
};

std::uint64_t count_of(const lb::Counted& counted, const char* name) {
  const auto found = counted.counts.find(name);
  return found == counted.counts.end() ? 0 : found->second;
}

void add_counts(const Sink& sink, const metrics::Dimensions& dimensions, const lb::Counted& counted) {
  for (const auto& [name, count] : counted.counts) {
    if (name == "RequestCount" || std::find(kCounts.begin(), kCounts.end(), name) == kCounts.end()) continue;
    sink.add(dimensions, name, name == "ProcessedBytes" ? "Bytes" : "Count",
             Figure::of(static_cast<double>(count)));
  }
  // No requests are a figure too.
  sink.add(dimensions, "RequestCount", "Count",
           Figure::of(static_cast<double>(count_of(counted, "RequestCount"))));
  const std::uint64_t responses = count_of(counted, lb::kResponses);
  if (responses == 0) return;
  const double average =
      static_cast<double>(count_of(counted, lb::kResponseMicros)) / kMicros / static_cast<double>(responses);
  sink.add(dimensions, "TargetResponseTime", "Seconds", Figure::of(average, static_cast<double>(responses)));
}

void add_group(const Sink& sink, const State& state, const model::TargetGroup& group,
               const lb::Counted& counted) {
  const auto balancers = load_balancers_of(state, counted.id);
  const model::LoadBalancer* balancer =
      balancers.empty() ? nullptr : state.load_balancers.find(balancers.front());
  if (balancer == nullptr || !balancer->full_name.starts_with("app/")) return;
  const metrics::Dimensions dimensions{{"LoadBalancer", balancer->full_name},
                                       {"TargetGroup", group.full_name}};
  add_counts(sink, dimensions, counted);
  if (const auto held = count_of(counted, lb::kHeldRequests); held != 0)
    sink.add({{"TargetGroup", group.full_name}}, lb::kHeldRequests, "Count",
             Figure::of(static_cast<double>(held)));
  double healthy = 0;
  double unhealthy = 0;
  for (const model::RegisteredTarget* target : targets_of(state, counted.id)) {
    const lb::Health health = health_of(state, *target).state;
    if (health == lb::Health::kHealthy) ++healthy;
    if (health == lb::Health::kUnhealthy) ++unhealthy;
  }
  sink.add(dimensions, "HealthyHostCount", "Count", Figure::of(healthy));
  sink.add(dimensions, "UnHealthyHostCount", "Count", Figure::of(unhealthy));
  // Of the healthy ones; when there is none, of those that get the requests then.
  const double targets = healthy > 0 ? healthy : unhealthy;
  if (targets == 0) return;
  const auto figure = Figure::of(static_cast<double>(count_of(counted, "RequestCount")) / targets);
  sink.add(dimensions, "RequestCountPerTarget", "None", figure);
  sink.add({{"TargetGroup", group.full_name}}, "RequestCountPerTarget", "None", figure);
}

}  // namespace

void take_figures(Step& step, const lb::Figures& figures) {
  const Sink sink{*rows(step).live.metrics, shared::whole_seconds(step.now)};
  for (const lb::Counted& counted : figures.load_balancers) {
    if (counted.id.starts_with("app/")) add_counts(sink, {{"LoadBalancer", counted.id}}, counted);
  }
  for (const lb::Counted& counted : figures.target_groups) {
    if (const auto* group = step.state.target_groups.find(counted.id))
      add_group(sink, step.state, *group, counted);
  }
}

}  // namespace agent::control
