#include "balancer/targets/retry_budget.h"

#include <gtest/gtest.h>

namespace balancer::targets {
namespace {

using namespace std::chrono_literals;
using BudgetRule = shared::lbconfig::RetryBudget;

int retried(RetryBudget& budget, const BudgetRule& rule, shared::SteadyTime now, int tries = 1'000) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += budget.take(rule, now) ? 1 : 0;
  return count;
}

TEST(RetryBudget, IsAShareOfTheRequestsOfTheLastTenSeconds) {
  RetryBudget budget;
  const shared::SteadyTime start(1h);
  for (int i = 0; i < 100; ++i) budget.count_request(start + i * 50ms);
  EXPECT_EQ(retried(budget, BudgetRule{20, 0}, start + 5s), 20);
  EXPECT_EQ(retried(budget, BudgetRule{20, 0}, start + 9s), 0) << "those of before still count";
  for (int i = 0; i < 50; ++i) budget.count_request(start + 14s);
  EXPECT_EQ(retried(budget, BudgetRule{20, 0}, start + 14s), 0)
      << "50 requests allow ten, and 20 were sent again";
  EXPECT_EQ(retried(budget, BudgetRule{20, 0}, start + 15s), 10) << "ten seconds later they are forgotten";
}

TEST(RetryBudget, HasAMinimumForGroupsWithFewRequests) {
  RetryBudget budget;
  EXPECT_EQ(retried(budget, BudgetRule{20, 3}, shared::SteadyTime(1h)), 30) << "of ten seconds";
  EXPECT_EQ(retried(budget, BudgetRule{20, 3}, shared::SteadyTime(1h + 10s)), 30);
}

TEST(RetryBudget, OfNothingAllowsNothing) {
  RetryBudget budget;
  for (int i = 0; i < 1'000; ++i) budget.count_request(shared::SteadyTime(1h));
  EXPECT_EQ(retried(budget, BudgetRule{0, 0}, shared::SteadyTime(1h)), 0);
}

}  // namespace
}  // namespace balancer::targets
