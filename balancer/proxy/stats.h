// Counters of the data path: one writer (a worker), read by the admin thread at any moment, never reset.
// Names follow AWS/ApplicationELB's metrics; the admin module gives them their Prometheus names.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "shared/base/time.h"

namespace balancer::proxy {

class Counter {
 public:
  // A plain add: the single writer needs no locked instruction.
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) { value_.store(get() - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// The codes the balancer answers by itself; others are counted as kOther.
inline constexpr std::array<int, 15> kOwnCodes = {400, 405, 408, 413, 414, 417, 460, 463,
                                                  500, 501, 502, 503, 504, 505, 507};

// Upper bounds of the target response time histogram, in microseconds; a last bucket holds the rest.
inline constexpr std::array<std::int64_t, 15> kLatencyBoundsMicros = {
    1'000,   2'500,     5'000,     10'000,    25'000,     50'000,     100'000,   250'000,
    500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

// Of one listener in one worker.
struct alignas(64) TrafficCounters {
  Counter connections_opened;
  Counter connections_active;
  Counter connections_rejected;
  Counter requests;                       // a target was chosen for it
  Counter in_flight;                      // requests being served
  Counter bytes_in;                       // from clients, heads and bodies
  Counter bytes_out;                      // to clients
  std::array<Counter, 6> target_classes;  // by status / 100 of the target's answer
  std::array<Counter, kOwnCodes.size() + 1> own_codes;
  Counter fixed_responses;
  Counter redirects;
  Counter desync_acceptable;
  Counter desync_ambiguous;
  Counter desync_severe;
  Counter failed_open;
  Counter retries;
  Counter upgrades;
  Counter interim_responses;  // passed on to clients
  Counter interim_floods;     // requests given up because of them
  std::array<Counter, kLatencyBoundsMicros.size() + 1> target_latency;
  Counter target_latency_micros;

  void count_own(int status) {
    std::size_t i = 0;
    while (i < kOwnCodes.size() && kOwnCodes[i] != status) ++i;
    own_codes[i].add();
  }
  void count_latency(std::chrono::nanoseconds took) {
    const std::int64_t micros = took.count() / 1'000;
    std::size_t i = 0;
    while (i < kLatencyBoundsMicros.size() && micros > kLatencyBoundsMicros[i]) ++i;
    target_latency[i].add();
    target_latency_micros.add(static_cast<std::uint64_t>(micros));
  }
};

// Of one worker, towards targets.
struct alignas(64) TargetCounters {
  Counter connections_opened;
  Counter connections_active;
  Counter connections_reused;
  Counter connect_errors;
};

// A listener's counters in all workers; kept over configuration changes by the listener's id.
struct ListenerStats {
  ListenerStats(std::string listener_id, std::string lb, std::size_t worker_count)
      : id(std::move(listener_id)),
        load_balancer(std::move(lb)),
        workers(worker_count),
        per_worker(std::make_unique<TrafficCounters[]>(worker_count)) {}
  const std::string id;
  const std::string load_balancer;
  const std::size_t workers;
  const std::unique_ptr<TrafficCounters[]> per_worker;
};

}  // namespace balancer::proxy
