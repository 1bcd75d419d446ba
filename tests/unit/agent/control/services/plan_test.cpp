#include "agent/control/services/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "shared/env/random.h"

namespace agent::control {
namespace {

// Tasks one by one, as the counts of kinds come about. Among equals the lowest order goes first.
struct TestTask {
  PlanPhase phase = PlanPhase::kPending;
  PlanHealth health = PlanHealth::kUnknown;
  PlanAge age = PlanAge::kCurrent;
  int order = 0;
  bool guarded = false;
};
struct TestFacts {
  int desired = 0;
  int minimum_percent = 100;
  int maximum_percent = 200;
  Starting starting = Starting::kAllowed;
  std::vector<TestTask> tasks;
};
struct TestStop {
  std::size_t task = 0;
  StopCause cause = StopCause::kSurplus;
  bool operator==(const TestStop&) const = default;
};
struct TestPlan {
  int start = 0;
  std::vector<TestStop> stop;
  Progress progress = Progress::kMoving;
};

std::size_t kind_of(const TestTask& task) {
  return control::kind_of({task.phase, task.health, task.age, task.guarded});
}

TestPlan planned(const TestFacts& all) {
  PlanFacts facts{all.desired, all.minimum_percent, all.maximum_percent, all.starting, {}};
  for (const TestTask& each : all.tasks) ++facts.tasks[kind_of(each)];
  const ServicePlan plan = plan_service(facts);
  TestPlan out{plan.start, {}, plan.progress};
  std::vector<bool> taken(all.tasks.size(), false);
  for (const PlannedStop& each : plan.stop) {
    for (int i = 0; i < each.count; ++i) {
      std::size_t first = all.tasks.size();
      for (std::size_t k = 0; k < all.tasks.size(); ++k) {
        const bool candidate = !taken[k] && each.kinds[kind_of(all.tasks[k])];
        if (candidate && (first == all.tasks.size() || all.tasks[k].order < all.tasks[first].order))
          first = k;
      }
      if (first == all.tasks.size()) {
        ADD_FAILURE() << "more stops than tasks of their kinds";
        return out;
      }
      taken[first] = true;
      out.stop.push_back({first, each.cause});
    }
  }
  return out;
}

TestTask task(PlanPhase phase, PlanHealth health, PlanAge age, int order = 0) {
  return {phase, health, age, order};
}
TestTask healthy(PlanAge age = PlanAge::kCurrent) {
  return task(PlanPhase::kRunning, PlanHealth::kHealthy, age);
}
TestTask young(PlanAge age = PlanAge::kCurrent) {
  return task(PlanPhase::kRunning, PlanHealth::kUnknown, age);
}
TestTask sick(PlanAge age = PlanAge::kCurrent) {
  return task(PlanPhase::kRunning, PlanHealth::kUnhealthy, age);
}
TestTask pending(PlanAge age = PlanAge::kCurrent) {
  return task(PlanPhase::kPending, PlanHealth::kUnknown, age);
}
TestTask stopping() { return task(PlanPhase::kStopping, PlanHealth::kUnknown, PlanAge::kOutdated); }

TestFacts facts(int desired, int minimum, int maximum, std::vector<TestTask> tasks) {
  TestFacts all;
  all.desired = desired;
  all.minimum_percent = minimum;
  all.maximum_percent = maximum;
  all.tasks = std::move(tasks);
  return all;
}
std::vector<TestTask> many(int n, const TestTask& one) {
  return std::vector<TestTask>(static_cast<std::size_t>(n), one);
}

TEST(ServicePlan, TheLargestNumbersThatTheApiTakesDoNotOverflow) {
  constexpr int kMost = std::numeric_limits<int>::max();
  EXPECT_EQ(minimum_healthy(kMost, 200), kMost);
  EXPECT_EQ(maximum_running(kMost, 200), kMost);
  EXPECT_EQ(maximum_running(kMost, kMost), kMost);
  EXPECT_EQ(planned(facts(kMost, 100, 200, many(2, healthy()))).start, kMost - 2);
}

// The first move of a rollout over healthy old tasks, as section "rolling update" of ECS's documentation has
// it.
TEST(ServicePlan, FirstMoveOfARolloutFollowsThePercentages) {
  struct Row {
    int desired, minimum, maximum, min, max, start, stop;
    Progress progress;
  };
  const Row rows[] = {
      {4, 50, 200, 2, 8, 4, 0, Progress::kMoving},  // room for all: starts first, keeps capacity
      {4, 100, 200, 4, 8, 4, 0, Progress::kMoving}, {1, 100, 200, 1, 2, 1, 0, Progress::kMoving},
      {2, 75, 100, 2, 2, 0, 0, Progress::kStuck},   {3, 100, 125, 3, 3, 0, 0, Progress::kStuck},
      {1, 0, 100, 0, 1, 0, 1, Progress::kMoving},   {10, 90, 110, 9, 11, 1, 1, Progress::kMoving},
      {4, 50, 100, 2, 4, 0, 2, Progress::kMoving},  {0, 100, 200, 0, 0, 0, 0, Progress::kSteady},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::to_string(row.desired) + " " + std::to_string(row.minimum) + "/" +
                 std::to_string(row.maximum));
    EXPECT_EQ(minimum_healthy(row.desired, row.minimum), row.min);
    EXPECT_EQ(maximum_running(row.desired, row.maximum), row.max);
    const TestPlan plan =
        planned(facts(row.desired, row.minimum, row.maximum, many(row.desired, healthy(PlanAge::kOutdated))));
    EXPECT_EQ(plan.start, row.start);
    EXPECT_EQ(static_cast<int>(plan.stop.size()), row.stop);
    EXPECT_EQ(plan.progress, row.progress);
  }
}

TEST(ServicePlan, OldTasksGoOneByOneAsNewOnesBecomeHealthy) {
  auto tasks = many(4, healthy(PlanAge::kOutdated));
  tasks.push_back(healthy());
  tasks.push_back(young());
  tasks.push_back(pending());
  tasks.push_back(pending());
  const TestPlan plan = planned(facts(4, 100, 200, tasks));
  EXPECT_EQ(plan.start, 0);
  ASSERT_EQ(plan.stop.size(), 1u);
  EXPECT_EQ(plan.stop[0].cause, StopCause::kOutdated);
  EXPECT_LT(plan.stop[0].task, 4u);
}

TEST(ServicePlan, ProtectedTasksAreStoppedOnlyWhenTheyAreUnhealthy) {
  const auto guarded = [](TestTask one) {
    one.guarded = true;
    return one;
  };
  // Scale-in.
  std::vector<TestTask> tasks = {guarded(healthy()), healthy(), guarded(pending()), guarded(young())};
  TestPlan plan = planned(facts(0, 100, 200, tasks));
  EXPECT_EQ(plan.stop, (std::vector<TestStop>{{1, StopCause::kSurplus}}));
  tasks.erase(tasks.begin() + 1);
  plan = planned(facts(1, 100, 200, tasks));
  EXPECT_TRUE(plan.stop.empty());
  EXPECT_EQ(plan.progress, Progress::kGuarded);
  EXPECT_EQ(planned(facts(3, 100, 200, tasks)).progress, Progress::kMoving);
  // A rollout that is done but for them.
  tasks = {guarded(healthy(PlanAge::kOutdated)), healthy(PlanAge::kOutdated),       healthy(), healthy(),
           guarded(pending(PlanAge::kOutdated)), guarded(young(PlanAge::kOutdated))};
  plan = planned(facts(2, 100, 200, tasks));
  EXPECT_EQ(plan.stop, (std::vector<TestStop>{{1, StopCause::kOutdated}}));
  EXPECT_EQ(plan.start, 0);
  // Replacing what is unhealthy.
  tasks = {guarded(sick()), healthy(), healthy()};
  EXPECT_EQ(planned(facts(2, 100, 200, tasks)).stop, (std::vector<TestStop>{{0, StopCause::kUnhealthy}}));
}

TEST(ServicePlan, OldTasksThatNeverCameUpGoAtOnce) {
  auto tasks = many(2, healthy(PlanAge::kOutdated));
  tasks.push_back(pending(PlanAge::kOutdated));
  const TestPlan plan = planned(facts(2, 100, 100, tasks));
  ASSERT_EQ(plan.stop.size(), 1u);
  EXPECT_EQ(plan.stop[0].task, 2u);
}

TEST(ServicePlan, StopsFirstWhenNoInstanceHasRoomEvenIfThePercentagesWouldAllowStarting) {
  TestFacts blocked = facts(4, 50, 200, many(4, healthy(PlanAge::kOutdated)));
  blocked.starting = Starting::kBlocked;
  EXPECT_EQ(planned(blocked).stop.size(), 2u);
  blocked.starting = Starting::kForbidden;  // nothing would replace them
  EXPECT_TRUE(planned(blocked).stop.empty());
}

TEST(ServicePlan, ReplacesUnhealthyTasksStartFirstWithRoom) {
  auto tasks = many(3, healthy());
  tasks.push_back(sick());
  TestPlan plan = planned(facts(4, 100, 200, tasks));
  EXPECT_EQ(plan.start, 1);
  EXPECT_TRUE(plan.stop.empty());
  tasks.push_back(pending());
  plan = planned(facts(4, 100, 200, tasks));
  EXPECT_EQ(plan.start, 0);
  EXPECT_TRUE(plan.stop.empty());
  tasks.back() = healthy();
  plan = planned(facts(4, 100, 200, tasks));
  EXPECT_EQ(plan.stop, (std::vector<TestStop>{{3, StopCause::kUnhealthy}}));
}

TEST(ServicePlan, ReplacesUnhealthyTasksOneByOneWithoutRoom) {
  TestPlan plan = planned(facts(4, 100, 100, many(4, sick())));
  EXPECT_EQ(plan.start, 0);
  EXPECT_EQ(plan.stop.size(), 1u);
  auto tasks = many(3, sick());
  tasks.push_back(stopping());
  plan = planned(facts(4, 100, 100, tasks));
  EXPECT_EQ(plan.start, 1);
  EXPECT_TRUE(plan.stop.empty());
}

TEST(ServicePlan, ShrinksFromTheLeastUsefulTaskOn) {
  std::vector<TestTask> tasks = {healthy(), sick(), pending(), young(), healthy()};
  tasks[0].order = 2;
  tasks[4].order = 1;
  const TestPlan plan = planned(facts(1, 100, 200, tasks));
  std::vector<std::size_t> order;
  for (const TestStop& each : plan.stop) order.push_back(each.task);
  EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 3, 4}));
  EXPECT_EQ(planned(facts(0, 100, 200, tasks)).stop.size(), 5u);
}

// An unhealthy task and its replacement are there, control was restarted, and no balancer has reported yet.
TEST(ServicePlan, ShrinksOnlyOnceItIsToldWhichTasksAreHealthy) {
  const TestTask awaited = task(PlanPhase::kRunning, PlanHealth::kAwaited, PlanAge::kCurrent);
  auto all = many(6, awaited);
  EXPECT_EQ(planned(facts(5, 100, 200, all)).stop, std::vector<TestStop>{});
  all[0] = all[1] = all[2] = all[3] = healthy();
  EXPECT_EQ(planned(facts(5, 100, 200, all)).stop, std::vector<TestStop>{});
  all[4] = healthy();
  EXPECT_EQ(planned(facts(5, 100, 200, all)).stop, (std::vector<TestStop>{{5, StopCause::kSurplus}}));
  all[4] = awaited;
  all[5] = sick();
  EXPECT_EQ(planned(facts(5, 100, 200, all)).stop, std::vector<TestStop>{});
  EXPECT_EQ(planned(facts(0, 100, 200, many(6, awaited))).stop.size(), 6u) << "nothing has to stay";
  EXPECT_EQ(planned(facts(5, 0, 200, many(6, awaited))).stop.size(), 1u);
  EXPECT_EQ(planned(facts(5, 100, 200, many(6, young()))).stop.size(), 1u) << "nobody will tell";
}

TEST(ServicePlan, SteadyMeansExactlyTheDesiredTasksAllHealthy) {
  EXPECT_EQ(planned(facts(2, 100, 200, many(2, healthy()))).progress, Progress::kSteady);
  EXPECT_EQ(planned(facts(2, 100, 200, many(2, young()))).progress, Progress::kMoving);
  auto with_leaving = many(2, healthy());
  with_leaving.push_back(stopping());
  EXPECT_EQ(planned(facts(2, 100, 200, with_leaving)).progress, Progress::kSteady);
}

TestFacts random_facts(shared::env::Random& random) {
  TestFacts all;
  all.desired = static_cast<int>(random.below(7));
  all.minimum_percent = static_cast<int>(random.below(101));
  all.maximum_percent = 100 + static_cast<int>(random.below(151));
  all.starting = static_cast<Starting>(random.below(3));
  const auto size = random.below(15);
  for (std::uint64_t i = 0; i < size; ++i) {
    all.tasks.push_back(task(static_cast<PlanPhase>(random.below(3)),
                             static_cast<PlanHealth>(random.below(4)), static_cast<PlanAge>(random.below(2)),
                             static_cast<int>(random.below(9))));
  }
  return all;
}

bool is_live(const TestTask& each) { return each.phase != PlanPhase::kStopping; }
bool is_healthy(const TestTask& each) {
  return each.phase == PlanPhase::kRunning && each.health == PlanHealth::kHealthy;
}

TEST(ServicePlan, NeverBreaksThePercentagesByItsOwnAction) {
  shared::env::SeededRandom random(7);
  for (int round = 0; round < 20'000; ++round) {
    const TestFacts all = random_facts(random);
    const TestPlan plan = planned(all);
    const int minimum = minimum_healthy(all.desired, all.minimum_percent);
    const int maximum = maximum_running(all.desired, all.maximum_percent);
    const auto healthy_before =
        static_cast<int>(std::count_if(all.tasks.begin(), all.tasks.end(), is_healthy));
    int live = static_cast<int>(std::count_if(all.tasks.begin(), all.tasks.end(), is_live));
    int healthy_after = healthy_before;
    std::vector<bool> seen(all.tasks.size(), false);
    for (const TestStop& each : plan.stop) {
      ASSERT_FALSE(seen[each.task]) << round;
      seen[each.task] = true;
      ASSERT_TRUE(is_live(all.tasks[each.task])) << round;
      --live;
      healthy_after -= is_healthy(all.tasks[each.task]) ? 1 : 0;
    }
    ASSERT_GE(healthy_after, std::min(minimum, healthy_before)) << round;
    if (plan.start > 0) {
      ASSERT_LE(live + plan.start, maximum) << round;
      ASSERT_EQ(static_cast<int>(all.starting) == static_cast<int>(Starting::kForbidden), false) << round;
    }
  }
}

// Played to the end with tasks that come up and become healthy, every start ends steady or is stuck by its
// own percentages.
TEST(ServicePlan, ReachesTheSteadyStateFromAnywhere) {
  shared::env::SeededRandom random(11);
  for (int round = 0; round < 2'000; ++round) {
    TestFacts all = random_facts(random);
    all.starting = Starting::kAllowed;
    Progress progress = Progress::kMoving;
    for (int turn = 0; turn < 200 && progress == Progress::kMoving; ++turn) {
      const TestPlan plan = planned(all);
      progress = plan.progress;
      for (const TestStop& each : plan.stop) all.tasks[each.task].phase = PlanPhase::kStopping;
      for (int i = 0; i < plan.start; ++i) all.tasks.push_back(pending());
      if (plan.start > 0 || !plan.stop.empty()) continue;
      std::erase_if(all.tasks, [](const TestTask& each) { return each.phase == PlanPhase::kStopping; });
      for (TestTask& each : all.tasks) {
        if (each.phase == PlanPhase::kPending) {
          each.phase = PlanPhase::kRunning;
        } else if (each.health == PlanHealth::kUnknown || each.health == PlanHealth::kAwaited) {
          each.health = PlanHealth::kHealthy;
        }
      }
    }
    const int minimum = minimum_healthy(all.desired, all.minimum_percent);
    const int maximum = maximum_running(all.desired, all.maximum_percent);
    if (progress == Progress::kStuck) {
      EXPECT_GE(minimum, maximum) << round;
    } else {
      EXPECT_EQ(progress, Progress::kSteady) << round;
    }
  }
}

}  // namespace
}  // namespace agent::control
