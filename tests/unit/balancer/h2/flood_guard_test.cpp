#include "balancer/h2/flood_guard.h"

#include <gtest/gtest.h>

namespace balancer::h2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr shared::SteadyTime kStart{std::chrono::hours(1)};

TEST(FloodGuard, TakesABurstAtOnceAndNotOneMore) {
  FloodGuard guard;
  for (int i = 0; i < static_cast<int>(kControlBurst); ++i) ASSERT_TRUE(guard.control_frame(kStart)) << i;
  EXPECT_FALSE(guard.control_frame(kStart));
  for (int i = 0; i < static_cast<int>(kResetBurst); ++i) ASSERT_TRUE(guard.reset(kStart)) << i;
  EXPECT_FALSE(guard.reset(kStart)) << "resets are counted beside the others";
}

TEST(FloodGuard, ForgetsWithTimeSoThatAYearOfResetsIsNoFlood) {
  FloodGuard guard;
  shared::SteadyTime now = kStart;
  for (int i = 0; i < 1'000'000; ++i, now += milliseconds(31)) ASSERT_TRUE(guard.reset(now)) << i;
}

TEST(FloodGuard, FindsAFloodThatIsOnlyALittleFasterThanItForgets) {
  FloodGuard guard;
  shared::SteadyTime now = kStart;
  int taken = 0;
  for (; guard.reset(now) && taken < 1'000'000; ++taken) now += milliseconds(25);  // 40 a second
  EXPECT_GT(taken, 1'000);
  EXPECT_LT(taken, 10'000);
}

TEST(FloodGuard, LeaksAsMuchAsItSaysAndNoFurtherThanEmpty) {
  LeakyBucket bucket(10, 2);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(bucket.take(kStart));
  EXPECT_TRUE(bucket.take(kStart + seconds(1), 2));
  EXPECT_FALSE(bucket.take(kStart + seconds(1)));
  EXPECT_TRUE(bucket.take(kStart + std::chrono::hours(1000), 10));
  EXPECT_FALSE(bucket.take(kStart + std::chrono::hours(1000)));
}

TEST(FloodGuard, LetsAClientAnswerEachDataFrameForeverAndSavesUpALimitedNumberOfAnswers) {
  FloodGuard guard;
  for (int i = 0; i < 1'000'000; ++i) {
    guard.sent_data();
    for (int j = 0; j < kExplainedPerData; ++j) ASSERT_TRUE(guard.explainable_frame(kStart));
  }
  for (int i = 0; i < 1'000'000; ++i) guard.sent_data();
  int taken = 0;
  while (guard.explainable_frame(kStart)) ++taken;
  EXPECT_EQ(taken, kMaxExplained + static_cast<int>(kControlBurst));
}

}  // namespace
}  // namespace balancer::h2
