#include "balancer/targets/health.h"

#include <gtest/gtest.h>

#include <array>

#include "balancer/targets/matcher.h"

namespace balancer::targets {
namespace {

using Kind = CheckOutcome::Kind;

constexpr std::array kStates = {Health::kInitial,  Health::kHealthy, Health::kUnhealthy,
                                Health::kDraining, Health::kUnused,  Health::kUnavailable};
constexpr std::array kEvents = {
    HealthEvent::kRose,       HealthEvent::kFell,      HealthEvent::kDeregistered, HealthEvent::kUnreferenced,
    HealthEvent::kReferenced, HealthEvent::kChecksOff, HealthEvent::kChecksOn};

shared::lbconfig::HealthCheck check() {
  shared::lbconfig::HealthCheck out;
  out.healthy_threshold = 3;
  out.unhealthy_threshold = 2;
  return out;
}

bool feed(HealthMachine& machine, Kind kind, int times, int code = 0) {
  bool changed = false;
  for (int i = 0; i < times; ++i) changed = machine.on_check({kind, code}, check());
  return changed;
}

TEST(HealthTable, EveryStateCanBeDeregisteredOnceAndNothingLeavesDraining) {
  for (const Health from : kStates) {
    for (const HealthEvent on : kEvents) {
      const auto to = next_health(from, on);
      EXPECT_TRUE(from != Health::kDraining || !to) << static_cast<int>(on);
      EXPECT_NE(to, std::optional(from)) << "an edge that goes nowhere";
      // Only a passed check makes a target routable, unless checks are off.
      EXPECT_TRUE(to != Health::kHealthy || on == HealthEvent::kRose);
    }
    const auto deregistered = next_health(from, HealthEvent::kDeregistered);
    EXPECT_TRUE(from == Health::kDraining || deregistered == Health::kDraining);
  }
}

TEST(HealthMachine, OneSuccessSufficesForANewTargetAndRecoveryTakesTheThreshold) {
  HealthMachine machine;
  EXPECT_EQ(machine.reason(), "Elb.RegistrationInProgress");
  EXPECT_EQ(machine.description(), "Target registration is in progress");
  feed(machine, Kind::kFailed, 1);
  EXPECT_EQ(machine.health(), Health::kInitial);
  EXPECT_EQ(machine.reason(), "Elb.InitialHealthChecking");
  EXPECT_EQ(machine.description(), "Initial health checks in progress");
  EXPECT_TRUE(feed(machine, Kind::kPassed, 1, 200));
  EXPECT_EQ(machine.health(), Health::kHealthy);
  EXPECT_EQ(machine.reason(), "");

  feed(machine, Kind::kWrongCode, 1, 503);
  EXPECT_EQ(machine.health(), Health::kHealthy) << "one failure is below the threshold";
  feed(machine, Kind::kPassed, 1, 200);
  feed(machine, Kind::kWrongCode, 1, 503);
  EXPECT_EQ(machine.health(), Health::kHealthy) << "failures must be in a row";
  EXPECT_TRUE(feed(machine, Kind::kWrongCode, 1, 503));
  EXPECT_EQ(machine.health(), Health::kUnhealthy);
  EXPECT_EQ(machine.reason(), "Target.ResponseCodeMismatch");
  EXPECT_EQ(machine.description(), "Health checks failed with these codes: [503]");

  feed(machine, Kind::kPassed, 2, 200);
  EXPECT_EQ(machine.health(), Health::kUnhealthy);
  EXPECT_TRUE(feed(machine, Kind::kPassed, 1, 200));
  EXPECT_EQ(machine.health(), Health::kHealthy);
}

TEST(HealthMachine, TheReasonFollowsTheKindOfTheLastFailure) {
  HealthMachine machine;
  EXPECT_TRUE(feed(machine, Kind::kFailed, 2));
  EXPECT_EQ(machine.reason(), "Target.FailedHealthChecks");
  EXPECT_EQ(machine.description(), "Health checks failed");
  EXPECT_TRUE(feed(machine, Kind::kTimeout, 1)) << "a new reason is news";
  EXPECT_EQ(machine.reason(), "Target.Timeout");
  EXPECT_EQ(machine.description(), "Request timed out");
  EXPECT_FALSE(feed(machine, Kind::kTimeout, 1)) << "the same again is not";
  feed(machine, Kind::kInternalError, 1);
  EXPECT_EQ(machine.reason(), "Elb.InternalError");
  EXPECT_EQ(machine.description(), "Health checks failed due to an internal error");
}

TEST(HealthMachine, ChecksDoNotMoveTargetsThatAreUnusedUnavailableOrDraining) {
  HealthMachine machine;
  machine.on_event(HealthEvent::kUnreferenced);
  EXPECT_EQ(machine.reason(), "Target.NotInUse");
  EXPECT_FALSE(feed(machine, Kind::kPassed, 5, 200));
  EXPECT_EQ(machine.health(), Health::kUnused);
  machine.on_event(HealthEvent::kReferenced);
  EXPECT_EQ(machine.health(), Health::kInitial);
  machine.on_event(HealthEvent::kChecksOff);
  EXPECT_EQ(machine.description(), "Health checks are disabled");
  EXPECT_FALSE(feed(machine, Kind::kFailed, 5));
  EXPECT_EQ(machine.health(), Health::kUnavailable);
  machine.on_event(HealthEvent::kDeregistered);
  EXPECT_EQ(machine.reason(), "Target.DeregistrationInProgress");
  EXPECT_FALSE(feed(machine, Kind::kPassed, 5, 200));
  EXPECT_EQ(machine.health(), Health::kDraining);
}

TEST(Matcher, TakesCodesListsAndRangesAndNamesWhatIsWrong) {
  const auto matcher = Matcher::parse("200,202-204, 301");
  ASSERT_TRUE(matcher);
  for (const int yes : {200, 202, 203, 204, 301}) EXPECT_TRUE(matcher->matches(yes)) << yes;
  for (const int no : {201, 205, 300, 302, 404}) EXPECT_FALSE(matcher->matches(no)) << no;
  for (const char* bad : {"", "abc", "200,", "300-200", "99", "600", "200-", "2000", "+200"}) {
    const auto parsed = Matcher::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().text().find("matcher '" + std::string(bad) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace balancer::targets
