#include "balancer/proxy/client/rate_limiter.h"

#include <gtest/gtest.h>

namespace balancer::proxy {
namespace {

using namespace std::chrono_literals;
using ClientRate = shared::lbconfig::RateLimit;

constexpr shared::SteadyTime kRateStart{100h};

routing::SourceAddress source(const std::string& text) { return routing::parse_source(text).value(); }

// How many of `tries` requests at that moment may go on.
int passed(RateLimiter& limiter, const std::string& client, const ClientRate& rate, shared::SteadyTime now,
           int tries = 100) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.take(source(client), rate, now) == 0ns ? 1 : 0;
  return count;
}

TEST(RateLimiter, LetsABurstThroughAndThenTheRate) {
  RateLimiter limiter(1);
  const ClientRate rate{10, 1, 20, 0};
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart), 20);
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart + 1s), 10);
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart + 1s + 50ms), 0);
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart + 1s + 100ms), 1);
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart + 1h), 20) << "never more than a burst is saved up";
}

TEST(RateLimiter, SaysWhenItIsWorthTryingAgain) {
  RateLimiter limiter(1);
  const ClientRate rate{2, 60, 1, 0};
  EXPECT_EQ(limiter.take(source("192.0.2.1"), rate, kRateStart), 0ns);
  EXPECT_EQ(limiter.take(source("192.0.2.1"), rate, kRateStart), 30s);
  EXPECT_EQ(limiter.take(source("192.0.2.1"), rate, kRateStart + 10s), 20s);
  EXPECT_EQ(limiter.take(source("192.0.2.1"), rate, kRateStart + 30s), 0ns)
      << "who was refused has used nothing";
}

TEST(RateLimiter, CountsAnIPv4AddressAndASixtyFourOfIPv6) {
  RateLimiter limiter(1);
  const ClientRate rate{1, 1, 1, 0};
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart), 1);
  EXPECT_EQ(passed(limiter, "::ffff:192.0.2.1", rate, kRateStart), 0) << "the same address";
  EXPECT_EQ(passed(limiter, "192.0.2.2", rate, kRateStart), 1);
  EXPECT_EQ(passed(limiter, "2001:db8:0:1::1", rate, kRateStart), 1);
  EXPECT_EQ(passed(limiter, "2001:db8:0:1:ffff::2", rate, kRateStart), 0);
  EXPECT_EQ(passed(limiter, "2001:db8:0:2::1", rate, kRateStart), 1);
}

TEST(RateLimiter, AnotherRateHoldsAtOnceForWhoIsKnown) {
  RateLimiter limiter(1);
  EXPECT_EQ(passed(limiter, "192.0.2.1", ClientRate{1, 1, 10, 0}, kRateStart), 10);
  EXPECT_EQ(passed(limiter, "192.0.2.1", ClientRate{100, 1, 10, 0}, kRateStart + 10s), 10);
}

// Who asks from a million addresses pushes out the idle, not the one who is being held back.
TEST(RateLimiter, RemembersWhoIsHeldBackWhileManyOthersComeAndGo) {
  RateLimiter limiter(7);
  const ClientRate rate{1, 10, 3, 0};
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart), 3);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    routing::SourceAddress other = source("10.0.0.0");
    for (std::size_t byte = 0; byte < 3; ++byte)
      other.bytes[13 + byte] = static_cast<std::uint8_t>(i >> (8 * (2 - byte)));
    EXPECT_EQ(limiter.take(other, rate, kRateStart), 0ns);
  }
  EXPECT_EQ(passed(limiter, "192.0.2.1", rate, kRateStart + 1s), 0);
}

}  // namespace
}  // namespace balancer::proxy
