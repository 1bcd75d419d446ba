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
    SimpleFamily{"berth_lb_tls_handshakes_total", "counter",
                 "TLS handshakes with clients that were completed", &TrafficCounters::tls_handshakes},
    SimpleFamily{"berth_lb_tls_resumed_total", "counter", "Of these, those that resumed a session",
                 &TrafficCounters::tls_resumed},
    SimpleFamily{"berth_lb_client_tls_negotiation_errors_total", "counter",
                 "TLS handshakes with clients that failed", &TrafficCounters::tls_handshake_errors},
    SimpleFamily{"berth_lb_interim_responses_total", "counter",
                 "Interim (1xx) responses passed on to clients", &TrafficCounters::interim_responses},
    SimpleFamily{"berth_lb_interim_floods_total", "counter",
                 "Requests answered with 502 because their target sent interim responses too fast",
                 &TrafficCounters::interim_floods},
    SimpleFamily{"berth_lb_flows_active", "gauge", "Clients of TCP and TLS listeners connected to a target",
                 &TrafficCounters::flows_active},
    SimpleFamily{"berth_lb_flows_total", "counter",
                 "Clients of TCP and TLS listeners that were connected to a target", &TrafficCounters::flows},
    SimpleFamily{"berth_lb_flows_refused_total", "counter",
                 "Clients of TCP and TLS listeners reset because no target could be connected to",
                 &TrafficCounters::flows_refused},
    SimpleFamily{"berth_lb_flows_idle_timeouts_total", "counter",
                 "Flows reset because nothing moved for the idle timeout", &TrafficCounters::flows_idled_out},
    SimpleFamily{"berth_lb_tcp_client_resets_total", "counter", "Flows that ended by a reset of the client",
                 &TrafficCounters::client_resets},
    SimpleFamily{"berth_lb_tcp_target_resets_total", "counter", "Flows that ended by a reset of the target",
                 &TrafficCounters::target_resets},
    SimpleFamily{"berth_lb_tcp_elb_resets_total", "counter",
                 "Connections of TCP and TLS listeners that the balancer reset",
                 &TrafficCounters::own_resets},
    SimpleFamily{
        "berth_lb_proxy_protocol_errors_total", "counter",
        "Connections closed because they did not begin with a valid header of the PROXY protocol in time",
        &TrafficCounters::proxy_header_errors},
    SimpleFamily{"berth_lb_rate_limited_total", "counter",
                 "Requests answered with 429 because their client sent too many",
                 &TrafficCounters::rate_limited},
    SimpleFamily{"berth_lb_maintenance_responses_total", "counter",
                 "Requests answered with 503 for the maintenance of a listener or target group",
                 &TrafficCounters::maintenance},
    SimpleFamily{"berth_lb_compressed_responses_total", "counter", "Responses compressed on their way",
                 &TrafficCounters::encoded_responses},
    SimpleFamily{"berth_lb_compression_input_bytes_total", "counter",
                 "Bytes of their bodies as targets sent them", &TrafficCounters::encoded_from_bytes},
    SimpleFamily{"berth_lb_compression_output_bytes_total", "counter",
                 "Bytes of their bodies as clients got them", &TrafficCounters::encoded_to_bytes},
    SimpleFamily{"berth_lb_compression_skipped_total", "counter",
                 "Responses that went as they are because too many were being compressed",
                 &TrafficCounters::encoders_missing},
    SimpleFamily{"berth_lb_jwt_validation_successes_total", "counter", "Requests whose token was valid",
                 &TrafficCounters::tokens_valid},
    SimpleFamily{"berth_lb_jwt_validation_failures_total", "counter",
                 "Requests answered because of their token or because its keys cannot be had",
                 &TrafficCounters::tokens_refused},
};

struct GroupFamily {
  std::string_view name;
  std::string_view help;
  std::atomic<std::uint64_t> targets::GroupCounters::*member;
};

constexpr std::array kOfGroups = {
    GroupFamily{"berth_lb_requests_queued_total", "Requests that waited for a target with room",
                &targets::GroupCounters::queued},
    GroupFamily{"berth_lb_request_queue_full_total",
                "Requests answered with 503 because as many waited as may",
                &targets::GroupCounters::queue_full},
    GroupFamily{"berth_lb_request_queue_timeouts_total",
                "Requests answered with 503 because no target had room in time",
                &targets::GroupCounters::queue_timeouts},
    GroupFamily{"berth_lb_requests_held_total", "Requests that found no target and waited for the first one",
                &targets::GroupCounters::held},
    GroupFamily{"berth_lb_hold_full_total", "Requests answered with 503 because as many were held as may be",
                &targets::GroupCounters::hold_full},
    GroupFamily{"berth_lb_hold_timeouts_total",
                "Requests answered with 503 because no target was healthy in time",
                &targets::GroupCounters::hold_timeouts},
    GroupFamily{"berth_lb_budget_retries_total", "Retries that were taken from a retry budget",
                &targets::GroupCounters::retries},
    GroupFamily{"berth_lb_budget_denied_retries_total", "Retries for which nothing of the budget was left",
                &targets::GroupCounters::retries_denied},
    GroupFamily{"berth_lb_ejections_total", "Targets ejected for failing again and again",
                &targets::GroupCounters::ejections},
    GroupFamily{"berth_lb_denied_ejections_total", "Targets that failed as often and could not be spared",
                &targets::GroupCounters::ejections_denied},
};

// Of groups that have such a setting, or had one.
bool is_guarded(const targets::Group& group) {
  const targets::GroupCounters& counters = group.runtime->counters;
  return group.has_gate() || group.retry_budget || group.outlier_ejection || counters.queued != 0 ||
         counters.held != 0 || counters.queue_full != 0 || counters.retries != 0 ||
         counters.retries_denied != 0 || counters.ejections != 0;
}

void write_guards(Exposition& out, const MetricsSources& s) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value_of) {
    out.family(name, type, help);
    for (const auto& group : s.board.groups()) {
      if (is_guarded(*group)) out.sample(name, {{"target_group", group->id}}, value_of(*group));
    }
  };
  for (const GroupFamily& family : kOfGroups) {
    each(family.name, "counter", family.help, [&family](const targets::Group& group) {
      return (group.runtime->counters.*family.member).load(std::memory_order_relaxed);
    });
  }
  each("berth_lb_requests_waiting", "gauge", "Requests that wait for a target with room",
       [](const targets::Group& group) { return std::uint64_t{group.runtime->gate.waiting()}; });
  each("berth_lb_targets_ejected", "gauge", "Targets that are ejected now", [](const targets::Group& group) {
    std::uint64_t count = 0;
    for (const auto& target : group.active) count += target->ejected ? 1U : 0U;
    return count;
  });
}

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

void write_requests(Exposition& out, const MetricsSources& s) {
  constexpr std::string_view kRequests = "berth_lb_requests_total";
  out.family(kRequests, "counter", "Requests for which a target was chosen, by method");
  for (const auto& [id, stats] : s.stats.all()) {
    for (std::size_t k = 0; k < proxy::kCountedMethods.size(); ++k) {
      out.sample(kRequests, with(labels_of(*stats), "method", std::string(proxy::kCountedMethods[k])),
                 sum(*stats, [k](const TrafficCounters& c) -> const Counter& { return c.requests[k]; }));
    }
  }
}

// Those that there were: a series begins with its first answer.
void write_reasons(Exposition& out, const MetricsSources& s) {
  constexpr std::string_view kReasons = "berth_lb_own_responses_total";
  out.family(kReasons, "counter",
             "Answers that no rule asked for, made by the balancer itself, by code and reason");
  for (const auto& [id, stats] : s.stats.all()) {
    std::map<std::pair<int, std::string_view>, std::uint64_t> all;
    for (std::size_t w = 0; w < stats->workers; ++w) {
      const proxy::OwnReasons* reasons = stats->per_worker[w].own_reasons();
      if (reasons == nullptr) continue;
      reasons->each([&all](int status, std::string_view reason, std::uint64_t count) {
        all[{status, reason}] += count;
      });
    }
    for (const auto& [of, count] : all) {
      const std::string code = of.first != 0 ? std::to_string(of.first) : "other";
      out.sample(kReasons, with(with(labels_of(*stats), "code", code), "reason", std::string(of.second)),
                 count);
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

// Of all workers together.
class Histogram {
 public:
  void add(const targets::LatencyHistogram& part) {
    for (std::size_t k = 0; k < counts_.size(); ++k) counts_[k] += part.buckets[k].get();
    micros_ += part.sum_micros.get();
  }
  void write(Exposition& out, const std::string& name, const Labels& labels) const {
    constexpr auto& kBounds = targets::LatencyHistogram::kBoundsMicros;
    std::uint64_t total = 0;
    for (std::size_t k = 0; k < counts_.size(); ++k) {
      total += counts_[k];
      const std::string bound =
          k < kBounds.size() ? shared::log::exposition_number(static_cast<double>(kBounds[k]) / 1e6) : "+Inf";
      out.sample(name + "_bucket", with(labels, "le", bound), total);
    }
    out.sample(name + "_sum", labels, static_cast<double>(micros_) / 1e6);
    out.sample(name + "_count", labels, total);
  }

 private:
  std::array<std::uint64_t, targets::LatencyHistogram::kBuckets> counts_{};
  std::uint64_t micros_ = 0;
};

void write_latency(Exposition& out, const MetricsSources& s) {
  const auto family = [&](const std::string& name, std::string_view help,
                          targets::LatencyHistogram TrafficCounters::*member) {
    out.family(name, "histogram", help);
    for (const auto& [id, stats] : s.stats.all()) {
      Histogram all;
      for (std::size_t w = 0; w < stats->workers; ++w) all.add(stats->per_worker[w].*member);
      all.write(out, name, labels_of(*stats));
    }
  };
  family("berth_lb_request_seconds", "From the first byte of a request to the last one of its answer",
         &TrafficCounters::request_latency);
  family("berth_lb_target_response_seconds",
         "From dispatch of a request to the head of the target's response", &TrafficCounters::target_latency);
}

void write_groups(Exposition& out, const MetricsSources& s) {
  const std::string responses = "berth_lb_target_group_responses_total";
  out.family(responses, "counter",
             "Responses of the group's targets by status class; none: requests without one");
  for (const auto& group : s.board.groups()) {
    const targets::GroupRuntime& runtime = *group->runtime;
    const auto total = [&runtime](auto pick) {
      std::uint64_t sum = 0;
      for (std::size_t w = 0; w < runtime.workers; ++w) sum += pick(runtime.traffic[w]).get();
      return sum;
    };
    for (std::size_t k = 1; k < 6; ++k) {
      out.sample(responses, {{"target_group", group->id}, {"class", std::to_string(k) + "xx"}},
                 total([k](const targets::GroupTraffic& t) -> const Counter& { return t.classes[k]; }));
    }
    out.sample(responses, {{"target_group", group->id}, {"class", "none"}},
               total([](const targets::GroupTraffic& t) -> const Counter& { return t.no_answer; }));
  }
  const std::string seconds = "berth_lb_target_group_response_seconds";
  out.family(seconds, "histogram", "From dispatch of a request to the head of the response, by target group");
  for (const auto& group : s.board.groups()) {
    Histogram all;
    for (std::size_t w = 0; w < group->runtime->workers; ++w) all.add(group->runtime->traffic[w].response);
    all.write(out, seconds, {{"target_group", group->id}});
  }
  const std::string drains = "berth_lb_drain_seconds";
  out.family(drains, "histogram",
             "From the configuration in which a target drains to the end of its last request");
  for (const auto& [group, times] : s.board.drain_times()) {
    Histogram all;
    all.add(times);
    all.write(out, drains, {{"target_group", group}});
  }
  struct Standing {
    std::string_view name, help;
    bool (*holds)(const targets::TargetRuntime&);
  };
  constexpr Standing kStandings[] = {
      {"berth_lb_anomalous_targets", "Targets that stand out by their failures",
       [](const targets::TargetRuntime& t) { return t.anomalous.load(std::memory_order_relaxed); }},
      {"berth_lb_mitigated_targets", "Targets that get less than their share because of that",
       [](const targets::TargetRuntime& t) {
         return t.weight.load(std::memory_order_relaxed) < targets::Candidate().weight;
       }},
  };
  for (const Standing& standing : kStandings) {
    out.family(standing.name, "gauge", standing.help);
    for (const auto& group : s.board.groups()) {
      std::uint64_t count = 0;
      for (const auto& target : group->active) count += standing.holds(*target) ? 1U : 0U;
      out.sample(standing.name, {{"target_group", group->id}}, count);
    }
  }
}

// Behind a switch: as many series as there are targets, which come and go.
void write_each_target(Exposition& out, const MetricsSources& s) {
  struct Family {
    std::string_view name, type, help;
    std::uint64_t (*value)(const targets::TargetRuntime&);
  };
  constexpr Family kFamilies[] = {
      {"berth_lb_target_requests_total", "counter",
       "Requests that the target was chosen for, with their outcome known",
       [](const targets::TargetRuntime& t) { return t.outcomes().requests; }},
      {"berth_lb_target_failures_total", "counter", "Of these, 5xx answers and broken or refused connections",
       [](const targets::TargetRuntime& t) { return t.outcomes().failures; }},
      {"berth_lb_target_in_flight", "gauge", "Requests and upgraded connections open towards the target",
       [](const targets::TargetRuntime& t) { return t.in_flight(); }},
      {"berth_lb_target_healthy", "gauge", "1 while the target is healthy",
       [](const targets::TargetRuntime& t) -> std::uint64_t {
         return t.health.load(std::memory_order_acquire) == shared::lbconfig::Health::kHealthy ? 1 : 0;
       }},
      {"berth_lb_target_anomalous", "gauge", "1 while the target stands out by its failures",
       [](const targets::TargetRuntime& t) -> std::uint64_t {
         return t.anomalous.load(std::memory_order_relaxed) ? 1 : 0;
       }},
      {"berth_lb_target_weight", "gauge", "Share of the target; lower than others' while it is mitigated",
       [](const targets::TargetRuntime& t) -> std::uint64_t {
         return t.weight.load(std::memory_order_relaxed);
       }},
  };
  for (const Family& family : kFamilies) {
    out.family(family.name, family.type, family.help);
    for (const auto& group : s.board.groups()) {
      const auto sample = [&](const targets::TargetRuntime& target) {
        out.sample(family.name,
                   {{"target_group", group->id},
                    {"target", target.id + ":" + std::to_string(target.port)},
                    {"registration", target.key.registration}},
                   family.value(target));
      };
      for (const auto& target : group->active) sample(*target);
      for (const auto& draining : group->draining) sample(*draining.target);
    }
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
  single("berth_lb_access_log_dropped_lines_total", "counter", "The same in lines", s.dropped_log_lines);

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
  write_requests(out, sources);
  write_simple(out, sources);
  write_codes(out, sources);
  write_reasons(out, sources);
  write_latency(out, sources);
  write_targets(out, sources);
  write_guards(out, sources);
  write_groups(out, sources);
  if (sources.each_target) write_each_target(out, sources);
  return out.text();
}

}  // namespace balancer::admin
