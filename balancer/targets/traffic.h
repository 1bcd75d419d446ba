// Counters of the data path: one writer (a worker), read by any thread at any moment, never reset, lock-free.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace balancer::targets {

class Counter {
 public:
  // A plain add: the single writer needs no locked instruction.
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) { value_.store(get() - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// How long something took: counts by upper bounds in microseconds, a last bucket for the rest, and the sum.
struct LatencyHistogram {
  static constexpr std::array<std::int64_t, 15> kBoundsMicros = {
      1'000,   2'500,     5'000,     10'000,    25'000,     50'000,     100'000,   250'000,
      500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};
  static constexpr std::size_t kBuckets = kBoundsMicros.size() + 1;
  std::array<Counter, kBuckets> buckets;
  Counter sum_micros;

  void count(std::chrono::nanoseconds took) {
    const std::int64_t micros = took.count() / 1'000;
    std::size_t i = 0;
    while (i < kBoundsMicros.size() && micros > kBoundsMicros[i]) ++i;
    buckets[i].add();
    sum_micros.add(static_cast<std::uint64_t>(micros));
  }
};

// Of one target group in one worker.
struct alignas(64) GroupTraffic {
  std::array<Counter, 6> classes;  // by status / 100 of the targets' answers
  LatencyHistogram response;       // from the dispatch of a request to the head of its response
  Counter no_answer;               // requests of which no target gave any: refused, broken, too slow
};

}  // namespace balancer::targets
