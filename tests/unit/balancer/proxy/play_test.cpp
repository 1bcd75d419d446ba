// The promises of the proxy, played over memory from seeds. BERTH_PROXY_SEEDS=N plays N of each kind,
// BERTH_PROXY_FIRST=S begins at S.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/balancer/proxy/play.h"

namespace balancer::proxy::play {
namespace {

// Of each kind. With sanitizers a seed takes ten times as long, and a few with many small chunks take most of
// it.
#ifdef BERTH_DEBUG
constexpr std::uint64_t kSeeds = 30;
#else
constexpr std::uint64_t kSeeds = 110;
#endif

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

Outcome play_all(Faults faults) {
  const std::uint64_t first = setting("BERTH_PROXY_FIRST", 1);
  const std::uint64_t count = setting("BERTH_PROXY_SEEDS", kSeeds);
  Outcome sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = play(seed, faults);
    EXPECT_EQ(outcome.violation, "") << "BERTH_PROXY_FIRST=" << seed
                                     << " BERTH_PROXY_SEEDS=1: " << outcome.text();
    if (!outcome.violation.empty()) break;
    sum.answered += outcome.answered;
    sum.own_answers += outcome.own_answers;
    sum.broken += outcome.broken;
  }
  return sum;
}

TEST(ProxyPlay, EveryRequestGetsItsTargetsWholeAnswerHoweverItsBytesArrive) {
  const Outcome sum = play_all(Faults::kNone);
  EXPECT_EQ(sum.own_answers + sum.broken, 0U);
}

TEST(ProxyPlay, ATargetThatEndsIdleConnectionsCostsNoRequestThatMayBeRepeated) {
  play_all(Faults::kIdleTargets);
}

TEST(ProxyPlay, WhateverBreaksNobodyGetsAnothersBytesOrAPartForTheWholeAndNothingIsLeft) {
  play_all(Faults::kAll);
}

}  // namespace
}  // namespace balancer::proxy::play
