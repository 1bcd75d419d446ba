#include "balancer/admin/metrics.h"

#include <array>
#include <functional>
#include <map>
#include <string_view>
#include <tuple>

#include "shared/lbconfig/feed.h"
#include "shared/log/exposition.h"

namespace balancer::admin {

using proxy::Counter;
using proxy::ListenerStats;
using proxy::TrafficCounters;
using shared::log::Exposition;
using shared::log::Labels;

namespace {

std::uint64_t sum(const ListenerStats& stats,
                  const std::function<const Counter&(const TrafficCounters&)>& pick) {
  std::uint64_t total = 0;
  for (std::size_t w = 0; w < stats.workers; ++w) total += pick(stats.per_worker[w]).get();
  return total;
}

Labels labels_of(const ListenerStats& stats) {
  return {{"load_balancer", stats.load_balancer}, {"listener", stats.id}};
}

Labels with(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

struct SimpleFamily {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  Counter TrafficCounters::*member;
};

constexpr std::array kSimple = {
    SimpleFamily{"berth_lb_requests_total", "counter", "Requests for which a target was chosen",
                 &TrafficCounters::requests},
    SimpleFamily{"berth_lb_requests_in_flight", "gauge", "Requests being served",
                 &TrafficCounters::in_flight},
    SimpleFamily{"berth_lb_client_connections_active", "gauge", "Open connections of clients",
                 &TrafficCounters::connections_active},
    SimpleFamily{"berth_lb_client_connections_total", "counter", "Connections accepted",
                 &TrafficCounters::connections_opened},
    SimpleFamily{"berth_lb_client_connections_rejected_total", "counter", "Connections refused at a limit",
                 &TrafficCounters::connections_rejected},
    SimpleFamily{"berth_lb_received_bytes_total", "counter", "Bytes from clients, heads and bodies",
                 &TrafficCounters::bytes_in},
    SimpleFamily{"berth_lb_sent_bytes_total", "counter", "Bytes to clients, heads and bodies",
                 &TrafficCounters::bytes_out},
    SimpleFamily{"berth_lb_fixed_responses_total", "counter", "Fixed responses",
                 &TrafficCounters::fixed_responses},
    SimpleFamily{"berth_lb_redirects_total", "counter", "Redirects", &TrafficCounters::redirects},
    SimpleFamily{"berth_lb_failopen_requests_total", "counter",
                 "Requests routed while too few targets were healthy", &TrafficCounters::failed_open},
    SimpleFamily{"berth_lb_retries_total", "counter", "Requests sent again to another connection or target",
                 &TrafficCounters::retries},
    SimpleFamily{"berth_lb_upgrades_total", "counter", "Connections upgraded to websocket",
                 &TrafficCounters::upgrades},
    SimpleFamily{"berth_lb_interim_responses_total", "counter",
                 "Interim (1xx) responses passed on to clients", &TrafficCounters::interim_responses},
    SimpleFamily{"berth_lb_interim_floods_total", "counter",
                 "Requests answered with 502 because their target sent interim responses too fast",
                 &TrafficCounters::interim_floods},
};

void write_simple(Exposition& out, const MetricsSources& s) {
  for (const SimpleFamily& family : kSimple) {
    out.family(family.name, family.type, family.help);
    for (const auto& [id, stats] : s.stats.all()) {
      out.sample(
          family.name, labels_of(*stats),
          sum(*stats, [&family](const TrafficCounters& c) -> const Counter& { return c.*family.member; }));
    }
  }
}

void write_codes(Exposition& out, const MetricsSources& s) {
  constexpr std::string_view kTarget = "berth_lb_target_responses_total";
  out.family(kTarget, "counter", "Responses of targets by status class");
  for (const auto& [id, stats] : s.stats.all()) {
    for (std::size_t k = 1; k < 6; ++k) {
      out.sample(
          kTarget, with(labels_of(*stats), "class", std::to_string(k) + "xx"),
          sum(*stats, [k](const TrafficCounters& c) -> const Counter& { return c.target_classes[k]; }));
    }
  }
  constexpr std::string_view kOwn = "berth_lb_elb_responses_total";
  out.family(kOwn, "counter", "Answers made by the balancer itself by code");
  for (const auto& [id, stats] : s.stats.all()) {
    for (std::size_t k = 0; k <= proxy::kOwnCodes.size(); ++k) {
      const std::string code = k < proxy::kOwnCodes.size() ? std::to_string(proxy::kOwnCodes[k]) : "other";
      out.sample(kOwn, with(labels_of(*stats), "code", code),
                 sum(*stats, [k](const TrafficCounters& c) -> const Counter& { return c.own_codes[k]; }));
    }
  }
  constexpr std::string_view kDesync = "berth_lb_desync_total";
  out.family(kDesync, "counter", "Requests that do not comply with RFC 9112 by tier");
  for (const auto& [id, stats] : s.stats.all()) {
    const auto tier = [&](const char* word, Counter TrafficCounters::*member) {
      out.sample(kDesync, with(labels_of(*stats), "tier", word),
                 sum(*stats, [member](const TrafficCounters& c) -> const Counter& { return c.*member; }));
    };
    tier("acceptable", &TrafficCounters::desync_acceptable);
    tier("ambiguous", &TrafficCounters::desync_ambiguous);
    tier("severe", &TrafficCounters::desync_severe);
  }
}

void write_latency(Exposition& out, const MetricsSources& s) {
  constexpr std::string_view kName = "berth_lb_target_response_seconds";
  out.family(kName, "histogram", "From dispatch of a request to the head of the target's response");
  for (const auto& [id, stats] : s.stats.all()) {
    std::uint64_t total = 0;
    const Labels labels = labels_of(*stats);
    for (std::size_t k = 0; k <= proxy::kLatencyBoundsMicros.size(); ++k) {
      total += sum(*stats, [k](const TrafficCounters& c) -> const Counter& { return c.target_latency[k]; });
      const std::string bound =
          k < proxy::kLatencyBoundsMicros.size()
              ? shared::log::exposition_number(static_cast<double>(proxy::kLatencyBoundsMicros[k]) / 1e6)
              : "+Inf";
      out.sample("berth_lb_target_response_seconds_bucket", with(labels, "le", bound), total);
    }
    const std::uint64_t micros =
        sum(*stats, [](const TrafficCounters& c) -> const Counter& { return c.target_latency_micros; });
    out.sample("berth_lb_target_response_seconds_sum", labels, static_cast<double>(micros) / 1e6);
    out.sample("berth_lb_target_response_seconds_count", labels, total);
  }
}

void write_targets(Exposition& out, const MetricsSources& s) {
  const auto total = [&s](Counter proxy::TargetCounters::*member) {
    std::uint64_t value = 0;
    for (std::size_t w = 0; w < s.fleet.size(); ++w) value += (s.fleet.target_counters(w).*member).get();
    return value;
  };
  const auto single = [&out](std::string_view name, std::string_view type, std::string_view help,
                             std::uint64_t value) {
    out.family(name, type, help);
    out.sample(name, {}, value);
  };
  single("berth_lb_target_connections_active", "gauge", "Open connections to targets, idle ones too",
         total(&proxy::TargetCounters::connections_active));
  single("berth_lb_target_connections_total", "counter", "Connections opened to targets",
         total(&proxy::TargetCounters::connections_opened));
  single("berth_lb_target_connections_reused_total", "counter", "Requests sent on a kept connection",
         total(&proxy::TargetCounters::connections_reused));
  single("berth_lb_target_connect_errors_total", "counter", "Failed attempts to connect to targets",
         total(&proxy::TargetCounters::connect_errors));
  single("berth_lb_config_version", "gauge", "Configuration version in force on every worker",
         s.config_version);
  if (s.control_configured) {
    single("berth_lb_control_connected", "gauge", "1 while the control feed is up",
           s.control_connected ? 1 : 0);
    single("berth_lb_control_version", "gauge", "Newest configuration version heard of", s.control_version);
  }
  single("berth_lb_access_log_dropped_bytes_total", "counter", "Access log lines lost to a slow or full disk",
         s.dropped_log_bytes);

  std::map<std::pair<std::string, std::string>, std::uint64_t> states;
  std::map<std::string, std::uint64_t> in_flight;
  for (const auto& group : s.board.groups()) {
    for (const char* state : {"initial", "healthy", "unhealthy", "draining", "unused", "unavailable"})
      states[{group->id, state}] = 0;
    in_flight[group->id] = 0;
  }
  for (const auto& report : s.board.all_targets()) {
    ++states[{report.target_group, shared::lbconfig::to_string(report.health)}];
    in_flight[report.target_group] += report.in_flight;
  }
  out.family("berth_lb_targets", "gauge", "Targets by health state");
  for (const auto& [key, count] : states)
    out.sample("berth_lb_targets", {{"target_group", key.first}, {"state", key.second}}, count);
  out.family("berth_lb_target_group_in_flight", "gauge",
             "Requests and upgraded connections open towards targets");
  for (const auto& [group, count] : in_flight)
    out.sample("berth_lb_target_group_in_flight", {{"target_group", group}}, count);
}

}  // namespace

std::string metrics_text(const MetricsSources& sources) {
  Exposition out;
  write_simple(out, sources);
  write_codes(out, sources);
  write_latency(out, sources);
  write_targets(out, sources);
  return out.text();
}

}  // namespace balancer::admin
