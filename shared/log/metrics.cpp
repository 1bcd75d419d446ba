#include "shared/log/metrics.h"

#include <algorithm>

#include "shared/base/check.h"

namespace shared::log {
namespace {

void write_histogram(Exposition& out, const std::string& name, const Labels& labels,
                     const Histogram& histogram) {
  const std::vector<std::uint64_t> counts = histogram.counts();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    Labels bucket = labels;
    bucket.emplace_back("le",
                        i < histogram.bounds().size() ? exposition_number(histogram.bounds()[i]) : "+Inf");
    out.sample(name + "_bucket", bucket, total);
  }
  out.sample(name + "_sum", labels, histogram.sum());
  out.sample(name + "_count", labels, total);  // from the same counts, so that it equals the last bucket
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  BERTH_CHECK(std::is_sorted(bounds_.begin(), bounds_.end(), std::less_equal<double>()) || bounds_.size() < 2,
              "histogram bounds must ascend");
}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts;
  for (const auto& count : counts_) counts.push_back(count.load(std::memory_order_relaxed));
  return counts;
}

std::vector<double> request_seconds_bounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

Registry::Series& Registry::series(std::string_view name, std::string_view help, Type type, Labels labels) {
  BERTH_CHECK(is_metric_name(name), "not a metric name");
  for (const auto& [label, value] : labels) BERTH_CHECK(is_label_name(label), "not a label name");
  const auto [family, added] = families_.try_emplace(std::string(name), Family{type, std::string(help), {}});
  BERTH_CHECK(added || (family->second.type == type && family->second.help == help),
              "one metric name with two types or help texts");
  return family->second.series[std::move(labels)];
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& metric = series(name, help, Type::kCounter, std::move(labels)).counter;
  if (!metric) metric = std::make_unique<Counter>();
  return *metric;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& metric = series(name, help, Type::kGauge, std::move(labels)).gauge;
  if (!metric) metric = std::make_unique<Gauge>();
  return *metric;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                               Labels labels) {
  const std::lock_guard lock(mutex_);
  auto& metric = series(name, help, Type::kHistogram, std::move(labels)).histogram;
  if (!metric) metric = std::make_unique<Histogram>(std::move(bounds));
  return *metric;
}

void Registry::add_collector(std::function<void(Exposition&)> collect) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collect));
}

std::string Registry::exposition() const {
  static constexpr std::string_view kTypeWords[] = {"counter", "gauge", "histogram"};
  const std::lock_guard lock(mutex_);
  Exposition out;
  for (const auto& [name, family] : families_) {
    out.family(name, kTypeWords[static_cast<std::size_t>(family.type)], family.help);
    for (const auto& [labels, series] : family.series) {
      if (series.counter) out.sample(name, labels, series.counter->value());
      if (series.gauge) out.sample(name, labels, series.gauge->value());
      if (series.histogram) write_histogram(out, name, labels, *series.histogram);
    }
  }
  for (const auto& collect : collectors_) collect(out);
  return out.text();
}

}  // namespace shared::log
