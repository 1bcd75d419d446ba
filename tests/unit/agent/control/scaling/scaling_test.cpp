// Scalable targets in the engine: what is asked of services, when, and what becomes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/alarms/alarms.h"
#include "agent/control/scaling/activities.h"
#include "agent/control/scaling/requests.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/neighbours.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::scaling {
namespace {

using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
const std::string kService = "default/web";
const metrics::Name kCpu{"AWS/ECS", "CPUUtilization", {{"ClusterName", "default"}, {"ServiceName", "web"}}};

class Scaling : public testing::Test {
 protected:
  Scaling() {
    world.add_agent();
    world.define("web");
    world.create(world.service("web", "web", 2));
    EXPECT_TRUE(world.until([&] { return world.stable(kService); }));
  }
  void target(int min, int max) {
    Register request;
    request.min_capacity = min;
    request.max_capacity = max;
    submit([&](Step& step) -> shared::Result<void> {
      auto done = register_target(step, kService, request);
      return done ? shared::Result<void>() : done.error();
    });
  }
  model::ScalingPolicy cpu_policy(double target) {
    model::ScalingPolicy policy;
    policy.name = "cpu/of the service";  // names may have slashes
    policy.tracks = true;
    policy.metric = {"AWS/ECS", "CPUUtilization", {{"ClusterName", "default"}, {"ServiceName", "web"}},
                     "Average", "Percent",        60};
    policy.target = target;
    return policy;
  }
  void put(const model::ScalingPolicy& policy) {
    submit([&](Step& step) -> shared::Result<void> {
      auto done = put_policy(step, kService, policy);
      return done ? shared::Result<void>() : done.error();
    });
  }
  void submit(const Engine::Apply& apply) {
    const auto done = world.submit(apply);
    EXPECT_TRUE(done) << (done ? "" : done.error().text());
  }
  // Each second each running task uses that share of its CPU.
  void run(double percent, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      for (int n = 0; n < world.counts(kService).running; ++n)
        EXPECT_TRUE(world.engine->metrics().add(kCpu, "Percent", metrics::Figure::of(percent), now()));
      for (auto& agent : world.agents) agent->obey();
      world.pass(shared::Millis(1'000));
    }
  }
  std::int64_t now() const { return shared::epoch_millis(world.executor.wall_now()) / 1'000; }
  int desired() const { return world.service_row(kService).desired_count; }
  std::string state_of(const std::string& part) const {
    for (const auto& [name, alarm] : world.state().neighbours().alarms.rows()) {
      if (name.find(part) != std::string::npos) return alarms::word(alarm.state);
    }
    return "none";
  }
  std::vector<std::string> causes() const {
    std::vector<std::string> out;
    for (const auto* each : activities_of(world.state(), kService)) out.push_back(each->cause);
    return out;
  }

  World world;
};

TEST_F(Scaling, ALoadStepIsAnsweredWithinFiveSecondsAndTheActivitySaysWhy) {
  target(1, 10);
  put(cpu_policy(50));
  run(40, 30);
  EXPECT_EQ(desired(), 2);
  EXPECT_EQ(state_of("AlarmHigh"), "OK");
  int seconds = 0;
  while (desired() == 2 && seconds < 30) {
    run(100, 1);
    ++seconds;
  }
  EXPECT_LE(seconds, 5);
  run(60, 3);
  EXPECT_GE(desired(), 3);
  EXPECT_LE(desired(), 4);
  EXPECT_EQ(state_of("AlarmHigh"), "ALARM");
  const auto* newest = activities_of(world.state(), kService).front();
  EXPECT_THAT(newest->cause, HasSubstr("monitor alarm TargetTracking-service/default/web-AlarmHigh-"));
  EXPECT_THAT(newest->cause, HasSubstr(" in state ALARM triggered policy cpu/of the service"));
  EXPECT_EQ(newest->description, "Setting desired count to " + std::to_string(desired()) + ".");
  run(50, 20);
  EXPECT_EQ(activities_of(world.state(), kService).front()->status, "Successful");
  EXPECT_EQ(activities_of(world.state(), kService).front()->message,
            "Successfully set desired count to " + std::to_string(desired()) +
                ". Change successfully fulfilled by ecs.");
  EXPECT_THAT(world.events(kService), testing::Contains(HasSubstr("has set its desired count to ")));
}

TEST_F(Scaling, ItShrinksAfterFifteenMinutesAndNotBelowItsMinimum) {
  target(1, 10);
  put(cpu_policy(50));
  run(4, 14 * 60);
  EXPECT_EQ(desired(), 2);
  run(4, 3 * 60);
  EXPECT_EQ(desired(), 1);
  EXPECT_EQ(state_of("AlarmLow"), "ALARM");
  run(0, 20 * 60);
  EXPECT_EQ(desired(), 1);
}

TEST_F(Scaling, BoundsAreKeptAndMovedInside) {
  target(3, 3);
  EXPECT_EQ(desired(), 3);
  put(cpu_policy(50));
  run(100, 20);
  EXPECT_EQ(desired(), 3);
  EXPECT_EQ(activities_of(world.state(), kService).front()->not_scaled, "AlreadyAtMaxCapacity");
  run(100, 20);
  EXPECT_EQ(activities_of(world.state(), kService).size(), 2U) << "said once";
  target(0, 1);
  EXPECT_EQ(desired(), 1);
  EXPECT_THAT(causes(), testing::Contains("maximum capacity was set to 1"));
}

TEST_F(Scaling, OfAServiceThatIsDeletedNothingStays) {
  target(1, 10);
  put(cpu_policy(50));
  model::ScheduledAction action;
  action.name = "night";
  action.schedule = "cron(0 22 * * ? *)";
  action.has_max = true;
  action.max_capacity = 1;
  submit([&](Step& step) { return put_scheduled_action(step, kService, action); });
  EXPECT_EQ(world.state().neighbours().alarms.size(), 2U);
  submit([&](Step& step) { return delete_service(step, kService, ForceDelete::kYes); });
  const Neighbours& tables = world.state().neighbours();
  EXPECT_EQ(tables.scalable_targets.size() + tables.scaling_policies.size() +
                tables.scheduled_actions.size() + tables.alarms.size() + tables.alarm_events.size() +
                tables.scaling_activities.size(),
            0U);
}

TEST_F(Scaling, ScheduledActionsRewriteTheBoundsAlsoWhenControlWasAway) {
  target(1, 4);
  const auto at = std::chrono::floor<std::chrono::days>(world.executor.wall_now()) + std::chrono::hours(36);
  model::ScheduledAction action;
  action.name = "noon";
  action.schedule = "cron(0 12 * * ? *)";
  action.has_min = true;
  action.min_capacity = 3;
  submit([&](Step& step) { return put_scheduled_action(step, kService, action); });
  world.pass(std::chrono::duration_cast<shared::Millis>(at - world.executor.wall_now()) -
             shared::Millis(60'000));
  const int before = find_target(world.state(), kService)->min_capacity;
  world.crash_and_restart();
  world.pass(shared::Millis(120'000));
  EXPECT_EQ(find_target(world.state(), kService)->min_capacity, 3);
  EXPECT_EQ(desired(), 3);
  EXPECT_EQ(causes().back(), "minimum capacity was set to 3 by scheduled action noon");
  (void)before;
}

TEST_F(Scaling, WhatAPolicyDecidedSurvivesACrashAndMissingFiguresDecideNothing) {
  target(1, 10);
  put(cpu_policy(50));
  run(100, 10);
  const int grown = desired();
  EXPECT_GT(grown, 2);
  world.crash_and_restart();
  for (auto& agent : world.agents) agent->connect();
  world.pass(shared::Millis(30 * 60'000));
  EXPECT_EQ(desired(), grown);
  EXPECT_EQ(state_of("AlarmHigh"), "INSUFFICIENT_DATA");
}

TEST_F(Scaling, ARequestThatIsHeldWakesAServiceWithoutTasks) {
  world.add_target_group();
  submit([&](Step& step) -> shared::Result<void> {
    UpdateService update;
    update.desired_count = 0;
    return update_service(step, kService, update);
  });
  target(0, 10);
  run(0, 10);
  EXPECT_EQ(desired(), 0);
  const auto* group = world.state().target_groups.rows().empty()
                          ? nullptr
                          : &world.state().target_groups.rows().begin()->second;
  ASSERT_NE(group, nullptr);
  const auto tell = [&](const std::string& name) {
    (void)world.engine->metrics().add({"AWS/ApplicationELB", "HeldRequestCount", {{"TargetGroup", name}}},
                                      "Count", metrics::Figure::of(3), now());
  };
  tell("targetgroup/other/1");
  run(0, 10);
  EXPECT_EQ(desired(), 0) << "of another group";
  const std::string listening = world.define("web", R"("cpu": 10, "memory": 10)", 80);
  submit([&](Step& step) -> shared::Result<void> {
    UpdateService update;
    update.force_new_deployment = true;
    update.task_definition_arn = listening;
    update.load_balancers = {{group->arn, "main", 80}};
    return update_service(step, kService, update);
  });
  tell(group->full_name);
  run(0, 2);
  EXPECT_EQ(desired(), 1);
  EXPECT_THAT(causes().front(), HasSubstr("are held by a balancer until there is a target"));
  run(0, 30);
  EXPECT_EQ(desired(), 1) << "one, whatever waits: policies say how many more";
}

TEST_F(Scaling, SuspendedScalingDoesNothing) {
  target(1, 10);
  put(cpu_policy(50));
  Register suspend;
  suspend.scale_out_suspended = true;
  submit([&](Step& step) -> shared::Result<void> {
    auto done = register_target(step, kService, suspend);
    return done ? shared::Result<void>() : done.error();
  });
  run(100, 20);
  EXPECT_EQ(desired(), 2);
}

}  // namespace
}  // namespace agent::control::scaling
