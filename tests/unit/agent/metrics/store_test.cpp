#include "agent/metrics/store.h"

#include <gtest/gtest.h>

namespace agent::metrics {
namespace {

constexpr std::int64_t kNow = 1'796'000'040;  // begins a minute
const Name kCpu{"AWS/ECS", "CPUUtilization", {{"ServiceName", "web"}, {"ClusterName", "c"}}};

TEST(Figures, AreSummedInTheirPeriodAndReadInOrder) {
  Store store(kNow);
  ASSERT_TRUE(store.add(kCpu, "Percent", Figure::of(30), kNow + 61));
  ASSERT_TRUE(store.add(kCpu, "Percent", Figure::of(10), kNow + 1));
  ASSERT_TRUE(store.add(kCpu, "Percent", Figure::of(50), kNow + 59));
  const auto minutes = store.read(kCpu, kNow, kNow + 120, 60);
  ASSERT_EQ(minutes.size(), 2U);
  EXPECT_EQ(minutes[0].at, kNow);
  EXPECT_EQ(minutes[0].figure.average(), 30);
  EXPECT_EQ(minutes[0].figure.least, 10);
  EXPECT_EQ(minutes[0].figure.most, 50);
  EXPECT_EQ(minutes[0].figure.count, 2);
  EXPECT_EQ(minutes[1].figure.sum, 30);
  EXPECT_EQ(store.read(kCpu, kNow, kNow + 60, 10).size(), 2U);
  EXPECT_EQ(store.total(kCpu, kNow + 2, kNow + 62).sum, 80);
  EXPECT_TRUE(store.read({"AWS/ECS", "CPUUtilization", {}}, kNow, kNow + 120, 60).empty());
}

TEST(Figures, BelongToTheirDimensionsInAnyOrder) {
  Store store(kNow);
  const Name turned{"AWS/ECS", "CPUUtilization", {{"ClusterName", "c"}, {"ServiceName", "web"}}};
  ASSERT_TRUE(store.add(turned, "", Figure::of(1), kNow));
  ASSERT_NE(store.find(kCpu), nullptr);
  EXPECT_EQ(store.find(kCpu)->unit, "None");
}

TEST(Figures, AreKeptBySecondsForMinutesAndByFiveMinutesForDays) {
  Store store(kNow);
  for (std::int64_t second = 0; second < 6 * 3'600; second += 10)
    ASSERT_TRUE(store.add(kCpu, "Percent", Figure::of(1), kNow + second));
  const std::int64_t end = kNow + 6 * 3'600;
  EXPECT_EQ(store.read(kCpu, kNow, end, 10).size(), static_cast<std::size_t>(kSecondsKept / 10));
  EXPECT_EQ(store.read(kCpu, kNow, end, 60).size(), static_cast<std::size_t>(kMinutesKept / 60));
  double all = 0;
  for (const auto& each : store.read(kCpu, kNow - 300, end, 3'600)) all += each.figure.count;
  EXPECT_GE(all, 6 * 360 - 360);  // the first hour may have begun before
  EXPECT_LE(store.points(), static_cast<std::size_t>(kSecondsKept / 10 + kMinutesKept / 60 + 6 * 12 + 2));
}

TEST(Figures, OfTooManyMetricsAreRefusedUntilOthersAreSilent) {
  Store store(kNow);
  for (std::size_t i = 0; i < kMaxSeries; ++i)
    ASSERT_TRUE(store.add({"Own", "m" + std::to_string(i), {}}, "", Figure::of(1), kNow));
  const auto refused = store.add({"Own", "more", {}}, "", Figure::of(1), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "LimitExceeded");
  EXPECT_TRUE(store.add({"Own", "m1", {}}, "", Figure::of(1), kNow + 1));
  EXPECT_TRUE(store.add({"Own", "more", {}}, "", Figure::of(1), kNow + kActive + 61));
  EXPECT_EQ(store.series().size(), 1U);
}

}  // namespace
}  // namespace agent::metrics
