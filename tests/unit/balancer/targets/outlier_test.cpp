#include "balancer/targets/outlier.h"

#include <gtest/gtest.h>

#include "balancer/targets/selection.h"

namespace balancer::targets {
namespace {

using namespace std::chrono_literals;
using EjectionRule = shared::lbconfig::OutlierEjection;
using shared::Millis;

const EjectionRule kEjection{5, Millis(10'000), Millis(60'000), 20};
const shared::SteadyTime kEjectionNow(1h);

TEST(Outliers, AreOutTwiceAsLongEachTimeUpToALimit) {
  EjectionHistory history;
  shared::SteadyTime now = kEjectionNow;
  for (const int seconds : {10, 20, 40, 60, 60}) {
    const auto time = eject(kEjection, {10, 0, 9}, history, now);
    EXPECT_EQ(time, Millis(seconds * 1'000));
    now += *time + 1s;
  }
}

TEST(Outliers, AreForgivenOnceTheyHaveBeenBackForLong) {
  EjectionHistory history;
  EXPECT_EQ(eject(kEjection, {10, 0, 9}, history, kEjectionNow), Millis(10'000));
  EXPECT_EQ(eject(kEjection, {10, 0, 9}, history, kEjectionNow + 10s + 59s), Millis(20'000));
  EXPECT_EQ(eject(kEjection, {10, 0, 9}, history, kEjectionNow + 69s + 20s + 60s), Millis(10'000));
}

TEST(Outliers, AreNeverMoreThanTheirShareOfTheGroupButOneMayGo) {
  EjectionHistory history;
  EXPECT_TRUE(eject(kEjection, {10, 1, 8}, history, kEjectionNow));
  EXPECT_FALSE(eject(kEjection, {10, 2, 7}, history, kEjectionNow));
  EXPECT_TRUE(eject(kEjection, {2, 0, 1}, history, kEjectionNow)) << "a fifth of two is less than one";
  EXPECT_FALSE(eject(kEjection, {4, 1, 2}, history, kEjectionNow));
}

TEST(Outliers, AreNeverTheLastInRotation) {
  EjectionHistory history;
  EXPECT_FALSE(eject(kEjection, {10, 0, 0}, history, kEjectionNow));
  EXPECT_EQ(history.times, 0);
}

TEST(Rotation, LeavesOutWhoIsEjectedUnlessNobodyElseIsLeft) {
  using shared::lbconfig::Health;
  const auto in = [](std::vector<Candidate> candidates) {
    const Rotation rotation = rotation_of(SelectionOptions(), candidates);
    std::string out;
    for (const Candidate& each : candidates) out += rotation.has(each) ? 'y' : 'n';
    return out + (rotation.failed_open ? " open" : "");
  };
  const Candidate healthy{Health::kHealthy, std::nullopt, 1000, false};
  const Candidate ejected{Health::kHealthy, std::nullopt, 1000, true};
  const Candidate sick{Health::kUnhealthy, std::nullopt, 1000, false};
  EXPECT_EQ(in({healthy, ejected, sick}), "ynn");
  EXPECT_EQ(in({ejected, sick}), "yn") << "better one that fails at times than nobody";
  EXPECT_EQ(in({sick, sick}), "yy open");
  EXPECT_EQ(in({}), " open");
}

}  // namespace
}  // namespace balancer::targets
