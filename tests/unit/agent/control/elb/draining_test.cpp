#include <gmock/gmock.h>

#include "shared/lbconfig/json.h"
#include "tests/unit/agent/control/elb/world.h"

namespace agent::control {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

// Two balancers that route by the current version.
World with_two_balancers() {
  World world;
  for (const char* id : {"b1", "b2"}) {
    world.hello(id, 0);
    world.ack(id, world.version());
  }
  return world;
}

TEST(Draining, EndsOnlyWhenEveryBalancerHasAcknowledgedAndDrained) {
  World world = with_two_balancers();
  const auto target = world.add();
  const auto before = world.version();
  world.drain(target);
  const auto at = world.version();
  ASSERT_GT(at, before);
  EXPECT_EQ(world.row(target)->drain_version, at);
  EXPECT_EQ(world.published_target(target)->state, lb::TargetState::kDraining);
  EXPECT_EQ(world.published_target(target)->drain_limit, seconds(30));

  world.ack("b1", at);
  world.report("b1", at, {world.says(target, lb::Health::kDraining, true)});
  ASSERT_NE(world.row(target), nullptr) << "b2 has said nothing";
  world.report("b2", before, {world.says(target, lb::Health::kDraining, true)});
  world.ack("b2", at);
  ASSERT_NE(world.row(target), nullptr) << "b2's report was about an older configuration";
  world.report("b2", at, {world.says(target, lb::Health::kDraining, false)});
  ASSERT_NE(world.row(target), nullptr) << "b2 has requests open";
  world.report("b2", at, {world.says(target, lb::Health::kDraining, true)});
  EXPECT_EQ(world.row(target), nullptr);
  EXPECT_EQ(world.published_target(target), nullptr);
}

TEST(Draining, ReportBeforeTheAcknowledgementDoesNotCount) {
  World world = with_two_balancers();
  const auto target = world.add();
  world.drain(target);
  for (const char* id : {"b1", "b2"}) {
    world.report(id, world.version(), {world.says(target, lb::Health::kDraining, true)});
  }
  ASSERT_NE(world.row(target), nullptr) << "both acknowledgements were lost";
  const auto at = world.version();
  world.ack("b1", at);
  world.ack("b2", at);
  EXPECT_EQ(world.row(target), nullptr);
}

TEST(Draining, ReportThatNoLongerKnowsTheTargetCountsAndAnOlderOneDoesNotUndoIt) {
  World world = with_two_balancers();
  const auto target = world.add();
  const auto before = world.version();
  world.drain(target);
  const auto at = world.version();
  world.ack("b1", at);
  world.report("b1", at, {});
  world.report("b1", before, {world.says(target, lb::Health::kHealthy)});  // overtaken
  world.ack("b2", at);
  world.report("b2", at, {});
  EXPECT_EQ(world.row(target), nullptr);
}

TEST(Draining, ABalancerThatIsAwayIsWaitedForUntilTheDelayHasPassed) {
  World world = with_two_balancers();
  const auto target = world.add();
  world.ack("b1", world.version());
  world.ack("b2", world.version());
  world.leave("b2");
  world.drain(target);
  world.ack("b1", world.version());
  world.report("b1", world.version(), {world.says(target, lb::Health::kDraining, true)});
  world.pass(seconds(29));
  ASSERT_NE(world.row(target), nullptr);
  EXPECT_EQ(world.wake, world.now + seconds(1));
  world.pass(seconds(1));
  EXPECT_EQ(world.row(target), nullptr);
}

TEST(Draining, AConnectedBalancerIsGivenTimeToAcknowledgeEvenWithoutADelay) {
  World world = with_two_balancers();
  world.set_delay(0);
  const auto target = world.add();
  world.drain(target);
  ASSERT_NE(world.row(target), nullptr) << "both still route to it";
  const auto at = world.version();
  world.ack("b1", at);
  ASSERT_NE(world.row(target), nullptr);
  world.ack("b2", at);
  EXPECT_EQ(world.row(target), nullptr) << "with a delay of 0 nothing in flight is waited for";

  const auto other = world.add();
  world.drain(other);
  world.pass(lb::kFeedSilence - shared::Millis(1));
  ASSERT_NE(world.row(other), nullptr);
  world.pass(shared::Millis(1));
  EXPECT_EQ(world.row(other), nullptr);
}

TEST(Draining, BalancerThatCameBackWithAnOlderSnapshotMustAcknowledgeAgain) {
  World world = with_two_balancers();
  const auto target = world.add();
  const auto before = world.version();
  world.drain(target);
  const auto at = world.version();
  world.ack("b1", at);
  world.report("b1", at, {world.says(target, lb::Health::kDraining, true)});
  world.leave("b1");
  world.hello("b1", before);
  world.ack("b2", at);
  world.report("b2", at, {});
  ASSERT_NE(world.row(target), nullptr) << "b1 routes to it again";
  world.ack("b1", at);
  world.report("b1", at, {world.says(target, lb::Health::kDraining, true)});
  EXPECT_EQ(world.row(target), nullptr);
}

TEST(Draining, SurvivesARestartOfControlAndStillWaitsForBalancersThatWereThere) {
  World world = with_two_balancers();
  const auto target = world.add();
  world.drain(target);
  const auto at = world.version();
  world.now += world.settings.forget_balancer_after * 2;  // b1 and b2 have been connected all that time
  world.state->targets.edit(target_key(world.group, target),
                            [&](auto& row) { row.draining_since = world.now; });
  world.restart_control();
  ASSERT_NE(world.row(target), nullptr);
  EXPECT_EQ(world.row(target)->drain_version, at);
  EXPECT_EQ(world.state->balancers.size(), 2U);
  world.hello("b1", at);
  world.report("b1", at, {world.says(target, lb::Health::kDraining, true)});
  ASSERT_NE(world.row(target), nullptr) << "b2 has not come back yet";
  world.hello("b2", at);
  world.report("b2", at, {world.says(target, lb::Health::kDraining, true)});
  EXPECT_EQ(world.row(target), nullptr);
}

TEST(Draining, WithoutAnyBalancerEndsAtOnceAndFreesTheTask) {
  World world;
  const std::string arn = "arn:aws:ecs:us-east-1:000000000000:task/default/t1";
  const auto target = world.add("mi-1", 8080, arn);
  model::Task task;
  task.arn = arn;
  task.targets = {{world.group, target}, {world.group, "another"}};
  world.state->tasks.put("default/t1", task);
  world.drain(target);
  EXPECT_EQ(world.row(target), nullptr);
  ASSERT_EQ(world.state->tasks.find("default/t1")->targets.size(), 1U);
  EXPECT_EQ(world.state->tasks.find("default/t1")->targets[0].registration, "another");
}

TEST(Draining, RegisteringAgainMeanwhileIsAnotherTarget) {
  World world = with_two_balancers();
  const auto old = world.add("mi-1", 8080, "arn:x:task/default/t1");
  EXPECT_EQ(world.add("mi-1", 8080, "arn:x:task/default/t1"), old) << "repeated while active: a no-op";
  world.drain(old);
  const auto fresh = world.add("mi-1", 8080, "arn:x:task/default/t2");
  ASSERT_NE(fresh, old);
  EXPECT_EQ(world.published_target(old)->state, lb::TargetState::kDraining);
  EXPECT_EQ(world.published_target(fresh)->state, lb::TargetState::kActive);
  EXPECT_TRUE(lb::validate(*world.state->published));
  for (const char* id : {"b1", "b2"}) {
    world.ack(id, world.version());
    world.report(id, world.version(),
                 {world.says(old, lb::Health::kDraining, true), world.says(fresh, lb::Health::kHealthy)});
  }
  EXPECT_EQ(world.row(old), nullptr);
  EXPECT_EQ(world.row(fresh)->task_arn, "arn:x:task/default/t2");
  EXPECT_EQ(world.health(fresh).state, lb::Health::kHealthy);
}

TEST(Draining, DroppedTargetLeavesTheConfigurationAtOnce) {
  World world = with_two_balancers();
  const auto target = world.add();
  const auto before = world.version();
  world.apply([&](Step& step) { drop_target(step, {world.group, target}); });
  EXPECT_EQ(world.row(target), nullptr);
  EXPECT_EQ(world.published_target(target), nullptr);
  EXPECT_GT(world.version(), before);
}

TEST(Draining, GroupTakenOutOfUseStaysKnownToBalancersUntilItsTargetsHaveDrained) {
  World world = with_two_balancers();
  const auto target = world.add();
  world.apply([&](Step& step) { EXPECT_TRUE(delete_listener(step, world.listener)); });
  ASSERT_NE(world.published_target(target), nullptr) << "requests to it may still be open";
  world.drain(target);
  EXPECT_EQ(world.published_target(target)->state, lb::TargetState::kDraining);
  EXPECT_TRUE(lb::validate(*world.state->published));
  for (const char* id : {"b1", "b2"}) {
    world.ack(id, world.version());
    world.report(id, world.version(), {world.says(target, lb::Health::kDraining, true)});
  }
  EXPECT_EQ(world.row(target), nullptr);
  EXPECT_TRUE(world.state->published->target_groups.empty());
}

TEST(Draining, GroupTakenOutOfUseStaysKnownToBalancersOverARestartOfControl) {
  World world = with_two_balancers();
  const auto target = world.add();
  world.apply([&](Step& step) { EXPECT_TRUE(delete_listener(step, world.listener)); });
  ASSERT_NE(world.published_target(target), nullptr);
  // What control publishes follows from the rows alone: nothing of it was only in its memory.
  world.state->published = std::make_shared<lb::Config>();
  const auto again = build_config(*world.state, world.settings);
  EXPECT_EQ(again->target_groups.size(), 1u);
}

TEST(Balancers, AreForgottenAfterLongAbsenceAndNotBefore) {
  World world = with_two_balancers();
  world.pass(world.settings.forget_balancer_after * 3);
  EXPECT_EQ(world.state->balancers.size(), 2U) << "connected ones never";
  world.leave("b1");
  world.pass(world.settings.forget_balancer_after - shared::Millis(1));
  ASSERT_EQ(world.state->balancers.size(), 2U);
  EXPECT_EQ(world.wake, world.now + shared::Millis(1));
  world.pass(shared::Millis(1));
  EXPECT_EQ(world.state->balancers.find("b1"), nullptr);
  EXPECT_NE(world.state->balancers.find("b2"), nullptr);
}

TEST(Publishing, OnlyRaisesTheVersionWhenSomethingChanged) {
  World world = with_two_balancers();
  const auto at = world.version();
  world.pass(seconds(5));
  world.apply([&](Step& step) {
    rows(step).load_balancers.edit(world.balancer, [](auto& row) { row.tags.push_back({"a", "b"}); });
  });
  EXPECT_EQ(world.version(), at);
  EXPECT_EQ(world.state->meta.find("meta")->config_version, at);
  world.apply([&](Step& step) {
    rows(step).load_balancers.edit(world.balancer,
                                   [](auto& row) { row.attributes["idle_timeout.timeout_seconds"] = "7"; });
  });
  EXPECT_EQ(world.version(), at + 1);
  EXPECT_EQ(world.state->published->listeners.at(0)->options.idle_timeout, seconds(7));
  world.restart_control();
  EXPECT_EQ(world.version(), at + 1);
}

TEST(Publishing, ContinuesAboveABalancerThatIsAhead) {
  World world;
  const std::uint64_t ahead = world.version() + 500;
  world.hello("b1", ahead);
  EXPECT_GT(world.version(), ahead);
  EXPECT_EQ(world.state->live.balancers.at("b1").acked_version, 0U);
}

TEST(Registering, RefusesWhatCannotBeReached) {
  World world;
  world.add_host("mi-3", "");
  world.apply([&](Step& step) {
    EXPECT_EQ(register_target(step, {world.group, "mi-9", 80, "", ""}).error().code(), "InvalidTarget");
    EXPECT_THAT(register_target(step, {world.group, "mi-3", 80, "", ""}).error().text(),
                HasSubstr("no address"));
    EXPECT_EQ(register_target(step, {"arn:none", "mi-1", 80, "", ""}).error().code(), "TargetGroupNotFound");
    auto request = World::new_group("ip");
    request.target_type = "ip";
    const auto ip = create_target_group(step, request).value();
    EXPECT_EQ(register_target(step, {ip, "web.example", 80, "", ""}).error().code(), "InvalidTarget");
    EXPECT_TRUE(register_target(step, {ip, "10.9.8.7", 0, "", ""}));
    EXPECT_EQ(targets_of(step.state, ip).at(0)->port, 80);
  });
}

}  // namespace
}  // namespace agent::control
