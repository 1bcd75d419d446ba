#include "shared/env/random.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace shared::env {
namespace {

TEST(SeededRandom, SameSeedGivesTheSameSequence) {
  SeededRandom a(7);
  SeededRandom b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(SeededRandom, BelowStaysInRangeAndReachesEveryValue) {
  SeededRandom random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(*seen.rbegin(), 6U);
}

TEST(SystemRandom, UuidIsVersionFour) {
  SystemRandom random;
  EXPECT_TRUE(std::regex_match(random.uuid(), std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
  EXPECT_EQ(random.decimal(19).size(), 19U);
  EXPECT_NE(random.decimal(19)[0], '0');
}

}  // namespace
}  // namespace shared::env
