#include "balancer/feed/figures.h"

#include <array>

namespace balancer::feed {

namespace lb = shared::lbconfig;
using Counts = std::map<std::string, std::uint64_t>;

namespace {

constexpr std::array<const char*, 6> kTargetCodes{nullptr,
                                                  nullptr,
                                                  "HTTPCode_Target_2XX_Count",
                                                  "HTTPCode_Target_3XX_Count",
                                                  "HTTPCode_Target_4XX_Count",
                                                  "HTTPCode_Target_5XX_Count"};
constexpr const char* kActive = "ActiveConnectionCount";

void add_latency(Counts& counts, const targets::LatencyHistogram& latency) {
  for (const auto& bucket : latency.buckets) counts[lb::kResponses] += bucket.get();
  counts[lb::kResponseMicros] += latency.sum_micros.get();
}

void add_listener(Counts& counts, const proxy::TrafficCounters& worker) {
  for (const auto& method : worker.requests) counts["RequestCount"] += method.get();
  for (std::size_t i = 2; i < kTargetCodes.size(); ++i)
    counts[kTargetCodes[i]] += worker.target_classes[i].get();
  for (std::size_t i = 0; i < worker.own_codes.size(); ++i) {
    const std::uint64_t count = worker.own_codes[i].get();
    if (i == proxy::kOwnCodes.size() || count == 0) continue;
    const int code = proxy::kOwnCodes[i];
    counts[code < 500 ? "HTTPCode_ELB_4XX_Count" : "HTTPCode_ELB_5XX_Count"] += count;
    if (code == 500 || code == 502 || code == 503 || code == 504)
      counts["HTTPCode_ELB_" + std::to_string(code) + "_Count"] += count;
  }
  counts["HTTP_Fixed_Response_Count"] += worker.fixed_responses.get();
  counts["HTTP_Redirect_Count"] += worker.redirects.get();
  counts["NewConnectionCount"] += worker.connections_opened.get();
  counts["RejectedConnectionCount"] += worker.connections_rejected.get();
  counts["ProcessedBytes"] += worker.bytes_in.get() + worker.bytes_out.get();
  counts["ClientTLSNegotiationErrorCount"] += worker.tls_handshake_errors.get();
  counts[kActive] += worker.connections_active.get();
  add_latency(counts, worker.target_latency);
}

void add_group(Counts& counts, const targets::GroupTraffic& worker) {
  for (std::size_t i = 0; i < worker.classes.size(); ++i) {
    counts["RequestCount"] += worker.classes[i].get();
    if (kTargetCodes[i] != nullptr) counts[kTargetCodes[i]] += worker.classes[i].get();
  }
  counts["RequestCount"] += worker.no_answer.get();
  add_latency(counts, worker.response);
}

}  // namespace

lb::Figures FigureCounter::since_last(const proxy::StatsRegistry* listeners,
                                      const std::vector<std::shared_ptr<const targets::Group>>& groups,
                                      bool everything) {
  std::map<std::string, Counts> totals;
  if (listeners != nullptr) {
    for (const auto& [id, stats] : listeners->all()) {
      if (stats->load_balancer.empty()) continue;
      Counts& counts = totals["l" + stats->load_balancer];
      for (std::size_t i = 0; i < stats->workers; ++i) add_listener(counts, stats->per_worker[i]);
    }
  }
  for (const auto& group : groups) {
    Counts& counts = totals["g" + group->id];
    for (std::size_t i = 0; i < group->runtime->workers; ++i) add_group(counts, group->runtime->traffic[i]);
    counts[lb::kHeldRequests] += group->runtime->counters.held.load(std::memory_order_relaxed);
  }
  lb::Figures out;
  for (auto& [key, counts] : totals) {
    Counts& before = before_[key];
    lb::Counted counted{key.substr(1), {}};
    bool traffic = false;
    for (const auto& [name, total] : counts) {
      const std::uint64_t had = name == kActive ? 0 : before[name];
      // A counter of a group that was away and came back begins anew.
      const std::uint64_t more = total >= had ? total - had : total;
      if (more != 0) counted.counts[name] = more;
      traffic = traffic || (more != 0 && name != kActive);
    }
    before = std::move(counts);
    if (traffic || everything)
      (key[0] == 'l' ? out.load_balancers : out.target_groups).push_back(std::move(counted));
  }
  std::erase_if(before_, [&](const auto& each) { return !totals.contains(each.first); });
  return out;
}

}  // namespace balancer::feed
