// One task on each host, as counts and choices.
#include "agent/control/services/daemon_plan.h"

#include <gtest/gtest.h>

#include <list>

namespace agent::control {
namespace {

constexpr PlanTask kFine{PlanPhase::kRunning, PlanHealth::kHealthy, PlanAge::kCurrent};
constexpr PlanTask kAged{PlanPhase::kRunning, PlanHealth::kHealthy, PlanAge::kOutdated};
constexpr PlanTask kIll{PlanPhase::kRunning, PlanHealth::kUnhealthy, PlanAge::kCurrent};
constexpr PlanTask kFresh{PlanPhase::kPending, PlanHealth::kUnknown, PlanAge::kCurrent};
constexpr PlanTask kOldNew{PlanPhase::kPending, PlanHealth::kUnknown, PlanAge::kOutdated};
constexpr PlanTask kOldYoung{PlanPhase::kRunning, PlanHealth::kUnknown, PlanAge::kOutdated};
constexpr PlanTask kEnds{PlanPhase::kStopping, PlanHealth::kUnknown, PlanAge::kOutdated};

using Texts = std::vector<std::string>;

// Hosts are named a, b, c ...; their tasks a1, a2 ...
class Cluster {
 public:
  Cluster& host(DaemonStanding standing, const std::vector<PlanTask>& tasks, bool reachable = true) {
    const std::string name(1, static_cast<char>('a' + facts_.hosts.size()));
    names_.push_back(name);
    DaemonHost host{names_.back(), standing, reachable, {}};
    for (const PlanTask& each : tasks) {
      names_.push_back(name + std::to_string(host.tasks.size() + 1));
      host.tasks.push_back({names_.back(), each});
    }
    facts_.hosts.push_back(host);
    return *this;
  }
  Cluster& wanted(const std::vector<PlanTask>& tasks) { return host(DaemonStanding::kWanted, tasks); }
  Cluster& minimum(int percent) {
    facts_.minimum_percent = percent;
    return *this;
  }
  Cluster& starting(Starting how) {
    facts_.starting = how;
    return *this;
  }
  DaemonPlan plan() const { return plan_daemon(facts_); }

 private:
  // A plan names hosts and tasks by views, and outlives the cluster that it was made of.
  static inline std::list<std::string> names_;
  DaemonFacts facts_;
};

Texts starts(const DaemonPlan& plan) { return {plan.start.begin(), plan.start.end()}; }
Texts stops(const DaemonPlan& plan) {
  Texts out;
  for (const auto& [key, cause] : plan.stop) out.emplace_back(key);
  return out;
}

TEST(DaemonPlan, OneTaskOnEachHostThatWantsOneAndCanBeReached) {
  const auto plan = Cluster()
                        .wanted({})
                        .wanted({kFine})
                        .wanted({kFresh})
                        .wanted({kEnds})
                        .host(DaemonStanding::kWanted, {}, false)
                        .host(DaemonStanding::kUnwanted, {})
                        .plan();
  EXPECT_EQ(starts(plan), Texts{"a"})
      << "not beside a task that has yet to end, and not where nobody listens";
  EXPECT_EQ(plan.desired, 4);
  EXPECT_TRUE(plan.stop.empty());
}

TEST(DaemonPlan, AHostThatIsOutOfReachKeepsItsTaskAndCounts) {
  const auto plan = Cluster().host(DaemonStanding::kWanted, {kFine}, false).wanted({kFine}).plan();
  EXPECT_EQ(plan.desired, 2);
  EXPECT_TRUE(plan.start.empty() && plan.stop.empty());
  EXPECT_EQ(plan.progress, Progress::kSteady);
}

TEST(DaemonPlan, GoesLastFromAHostThatDrains) {
  auto plan = Cluster().host(DaemonStanding::kLeaving, {kAged}).wanted({kFine}).minimum(100).plan();
  EXPECT_TRUE(plan.stop.empty());
  EXPECT_EQ(plan.desired, 1);
  EXPECT_EQ(plan.progress, Progress::kMoving);
  plan = Cluster().host(DaemonStanding::kUnwanted, {kAged}).wanted({kFine}).minimum(100).plan();
  EXPECT_EQ(stops(plan), Texts{"a1"});
}

TEST(DaemonPlan, AnUpdateStopsFirstAsFarAsTheMinimumLetsIt) {
  Cluster all;
  all.wanted({kAged}).wanted({kAged}).wanted({kAged}).wanted({kAged});
  EXPECT_EQ(stops(all.plan()), (Texts{"a1", "b1", "c1", "d1"})) << "the default: all at once";
  EXPECT_EQ(stops(all.minimum(50).plan()), (Texts{"a1", "b1"}));
  EXPECT_EQ(stops(all.minimum(51).plan()), Texts{"a1"}) << "three of four have to stay";
  EXPECT_EQ(all.minimum(100).plan().progress, Progress::kStuck);
  EXPECT_TRUE(stops(all.minimum(0).starting(Starting::kForbidden).plan()).empty())
      << "nothing would come in their place";
  const auto later =
      Cluster().wanted({kEnds}).wanted({kFresh}).wanted({kAged}).wanted({kFine}).minimum(50).plan();
  EXPECT_TRUE(later.stop.empty());
  EXPECT_EQ(later.progress, Progress::kMoving);
}

TEST(DaemonPlan, WhatServesNobodyGoesWithoutWaiting) {
  EXPECT_EQ(stops(Cluster().wanted({kOldNew}).wanted({kAged}).minimum(100).plan()), Texts{"a1"});
  EXPECT_EQ(stops(Cluster().wanted({kOldYoung}).wanted({kFine}).minimum(50).plan()), Texts{"a1"});
  EXPECT_TRUE(stops(Cluster().wanted({kOldYoung}).wanted({kFine}).minimum(100).plan()).empty());
}

TEST(DaemonPlan, UnhealthyTasksAreReplacedOneByOneWithinTheMinimum) {
  EXPECT_EQ(stops(Cluster().wanted({kIll}).wanted({kIll}).wanted({kFine}).minimum(100).plan()), Texts{"a1"});
  EXPECT_TRUE(stops(Cluster().wanted({kIll}).wanted({kEnds}).wanted({kFine}).minimum(100).plan()).empty());
  EXPECT_EQ(stops(Cluster().wanted({kIll}).wanted({kIll}).minimum(0).plan()), (Texts{"a1", "b1"}));
}

TEST(DaemonPlan, OfTwoOnOneHostTheBetterStays) {
  EXPECT_EQ(stops(Cluster().wanted({kAged, kFine}).plan()), Texts{"a1"});
  EXPECT_EQ(stops(Cluster().wanted({kFine, kIll}).plan()), Texts{"a2"});
}

}  // namespace
}  // namespace agent::control
