#include "balancer/proxy/exchange/interim_budget.h"

#include <gtest/gtest.h>

#include "balancer/codec/head.h"

namespace balancer::proxy {
namespace {

using namespace std::chrono_literals;

constexpr shared::SteadyTime kStart{100h};
constexpr std::size_t kShort = 27;  // "HTTP/1.1 102 Processing\r\n\r\n"

TEST(InterimBudget, AJobThatReportsEveryFifteenSecondsMayRunForDays) {
  InterimBudget budget;
  shared::SteadyTime now = kStart;
  for (int i = 0; i < 3 * 24 * 240; ++i, now += 15s) ASSERT_TRUE(budget.take(kShort, now)) << i;
}

TEST(InterimBudget, AFloodEndsAfterItsBurst) {
  InterimBudget budget;
  int allowed = 0;
  while (allowed < 1000 && budget.take(kShort, kStart)) ++allowed;
  EXPECT_EQ(allowed, static_cast<int>(kInterimBurst / kInterimLeast));
}

TEST(InterimBudget, TheLargestHeadsFitTwiceAtOnce) {
  InterimBudget budget;
  EXPECT_TRUE(budget.take(codec::kMaxResponseHead, kStart));
  EXPECT_TRUE(budget.take(codec::kMaxResponseHead, kStart));
  EXPECT_FALSE(budget.take(kShort, kStart));
}

TEST(InterimBudget, WhatComesAtTheAllowedRateAfterABurstGoesOnAndALittleFasterEnds) {
  const auto lasts = [](std::chrono::microseconds pause) {
    InterimBudget budget;
    shared::SteadyTime now = kStart;
    for (std::size_t i = 0; i < kInterimBurst / kInterimLeast; ++i) EXPECT_TRUE(budget.take(kShort, now));
    for (int i = 0; i < 10'000; ++i) {
      now += pause;
      if (!budget.take(kShort, now)) return false;
    }
    return true;
  };
  constexpr std::chrono::microseconds kEach{1'000'000 * kInterimLeast / kInterimPerSecond};
  EXPECT_TRUE(lasts(kEach));
  EXPECT_FALSE(lasts(kEach - 1us));
}

TEST(InterimBudget, ALongPauseGivesBackTheWholeBurstAndNoMore) {
  InterimBudget budget;
  EXPECT_TRUE(budget.take(kInterimBurst, kStart));
  const shared::SteadyTime later = kStart + 24h * 365;
  EXPECT_TRUE(budget.take(kInterimBurst, later));
  EXPECT_FALSE(budget.take(kShort, later));
}

TEST(InterimBudget, TheNextExchangeBeginsAnew) {
  InterimBudget budget;
  EXPECT_FALSE(budget.take(kInterimBurst + 1, kStart));
  budget.reset();
  EXPECT_TRUE(budget.take(kInterimBurst, kStart));
}

}  // namespace
}  // namespace balancer::proxy
