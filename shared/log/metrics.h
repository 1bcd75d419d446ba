// Counters, gauges and histograms, and the registry that shows them. A component asks a Registry passed in
// for its metrics once and keeps the references; updating is one atomic operation. Names end in _total
// (counters), _seconds, _bytes or what they count; labels are fixed here and must have few values. Thread:
// any. Lifetime: metrics live as long as their Registry.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shared/log/exposition.h"

namespace shared::log {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

class Histogram {
 public:
  // Upper bounds of the buckets, ascending, without the infinite one.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  std::vector<std::uint64_t> counts() const;  // per bucket, not cumulative; one more than bounds
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_ = 0;
};

// Milliseconds to ten seconds: what answering a request takes.
std::vector<double> request_seconds_bounds();

class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The same name and labels give the same metric. One name has one type, one help text and, for a histogram,
  // one set of bounds; anything else is an error of the program.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       Labels labels = {});
  // For values that live elsewhere, such as per-worker counters added up when asked: called on every
  // exposition, after the registry's own families, on the reading thread.
  void add_collector(std::function<void(Exposition&)> collect);

  std::string exposition() const;  // Prometheus text, families by name

 private:
  enum class Type { kCounter, kGauge, kHistogram };
  struct Series {
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    Type type;
    std::string help;
    std::map<Labels, Series> series;
  };
  Series& series(std::string_view name, std::string_view help, Type type, Labels labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::vector<std::function<void(Exposition&)>> collectors_;
};

}  // namespace shared::log
