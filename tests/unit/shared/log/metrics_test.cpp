#include "shared/log/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace shared::log {
namespace {

TEST(Registry, WritesFamiliesInOrderWithHelpAndEscapedLabels) {
  Registry registry;
  registry.gauge("pool_idle", "Idle connections.\nSecond line \\ here.").set(2.5);
  Counter& ok = registry.counter("requests_total", "Requests.", {{"listener", "web"}, {"result", "ok"}});
  registry.counter("requests_total", "Requests.", {{"listener", "a\"b\\c\nd"}, {"result", "bad"}});
  ok.add();
  ok.add(41);
  EXPECT_EQ(registry.exposition(),
            "# HELP pool_idle Idle connections.\\nSecond line \\\\ here.\n"
            "# TYPE pool_idle gauge\n"
            "pool_idle 2.5\n"
            "# HELP requests_total Requests.\n"
            "# TYPE requests_total counter\n"
            "requests_total{listener=\"a\\\"b\\\\c\\nd\",result=\"bad\"} 0\n"
            "requests_total{listener=\"web\",result=\"ok\"} 42\n");
}

TEST(Registry, HistogramBucketsAreCumulativeAndBoundsInclusive) {
  Registry registry;
  Histogram& h = registry.histogram("wait_seconds", "Wait.", {0.1, 1}, {{"queue", "q"}});
  for (const double value : {0.05, 0.1, 0.5, 3.0}) h.observe(value);
  EXPECT_EQ(registry.exposition(),
            "# HELP wait_seconds Wait.\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{queue=\"q\",le=\"0.1\"} 2\n"
            "wait_seconds_bucket{queue=\"q\",le=\"1\"} 3\n"
            "wait_seconds_bucket{queue=\"q\",le=\"+Inf\"} 4\n"
            "wait_seconds_sum{queue=\"q\"} 3.65\n"
            "wait_seconds_count{queue=\"q\"} 4\n");
}

TEST(Registry, GivesTheSameMetricForTheSameNameAndLabels) {
  Registry registry;
  registry.counter("a_total", "A.", {{"x", "1"}}).add();
  EXPECT_EQ(registry.counter("a_total", "A.", {{"x", "1"}}).value(), 1U);
  EXPECT_EQ(registry.counter("a_total", "A.", {{"x", "2"}}).value(), 0U);
  EXPECT_DEATH(registry.gauge("a_total", "A."), "two types");
  EXPECT_DEATH(registry.counter("a-b", "A."), "not a metric name");
}

TEST(Registry, CollectorsAddFamiliesWhenRead) {
  Registry registry;
  std::uint64_t value = 1;
  registry.add_collector([&](Exposition& out) {
    out.family("workers", "gauge", "Workers.");
    out.sample("workers", {}, value);
  });
  EXPECT_THAT(registry.exposition(), testing::HasSubstr("\nworkers 1\n"));
  value = 2;
  EXPECT_THAT(registry.exposition(), testing::HasSubstr("\nworkers 2\n"));
}

TEST(Registry, CountsFromManyThreadsWhileBeingRead) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&registry] {
        for (int i = 0; i < 2000; ++i) {
          registry.counter("n_total", "N.").add();
          registry.gauge("g", "G.").add(1);
        }
      });
    }
    for (int i = 0; i < 20; ++i) (void)registry.exposition();
  }
  EXPECT_EQ(registry.counter("n_total", "N.").value(), 8000U);
  EXPECT_EQ(registry.gauge("g", "G.").value(), 8000);
}

TEST(ExpositionNumber, WritesSpecialValues) {
  EXPECT_EQ(exposition_number(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(exposition_number(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(exposition_number(1e21), "1e+21");
}

}  // namespace
}  // namespace shared::log
