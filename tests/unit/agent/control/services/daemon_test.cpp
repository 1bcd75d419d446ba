// DAEMON services on hosts that come, drain and go.
#include <gmock/gmock.h>

#include "agent/control/cluster/attributes.h"
#include "agent/control/cluster/instances.h"
#include "agent/control/services/requests.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { definition = world.define("log"); }

  std::string create(std::vector<model::PlacementConstraint> constraints = {}, int minimum = 0) {
    auto wanted = world.service("log", definition, 0);
    wanted.load_balancers.clear();
    wanted.scheduling = model::SchedulingStrategy::kDaemon;
    wanted.configuration.maximum_percent = 100;
    wanted.configuration.minimum_healthy_percent = minimum;
    wanted.placement_constraints = std::move(constraints);
    return world.create(wanted);
  }
  bool steady() {
    return world.until([&] { return world.stable(key); });
  }
  int desired() const { return world.service_row(key).desired_count; }
  int live_on(const FakeAgent& agent, const std::string& service = "log") const {
    int live = 0;
    for (const model::Task* each : world.live_tasks()) {
      live += each->container_instance_arn == agent.arn && each->service == service ? 1 : 0;
    }
    return live;
  }
  void set_status(const FakeAgent& agent, model::InstanceStatus status) {
    const std::string instance = world.named(agent).key;
    EXPECT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
      set_instance_status(step, instance, status);
      return {};
    }));
  }

  World world;
  std::string definition;
  std::string key;
};

TEST_F(DaemonTest, RunsOnceOnEachHostAndOnEachThatJoins) {
  FakeAgent& first = world.add_agent();
  FakeAgent& second = world.add_agent();
  key = create();
  EXPECT_TRUE(steady());
  EXPECT_EQ(desired(), 2);
  EXPECT_EQ(live_on(first), 1);
  EXPECT_EQ(live_on(second), 1);
  FakeAgent& third = world.add_agent();
  EXPECT_EQ(desired(), 3);
  EXPECT_TRUE(steady());
  EXPECT_EQ(live_on(third), 1);
  EXPECT_EQ(world.live_tasks().size(), 3u);
}

TEST_F(DaemonTest, ADaemonThatEndsComesBackOnItsHost) {
  FakeAgent& agent = world.add_agent();
  key = create();
  EXPECT_TRUE(steady());
  const std::string before = world.live_tasks().front()->arn;
  agent.report(before, "STOPPED", 1);
  EXPECT_TRUE(steady());
  EXPECT_EQ(live_on(agent), 1);
  EXPECT_NE(world.live_tasks().front()->arn, before);
}

TEST_F(DaemonTest, IsFirstOnANewHostWhoeverElseWaitsForRoom) {
  world.define("big");
  const std::string waiting =
      world.create(world.service("big", world.define("big", R"("cpu": 4000, "memory": 1)"), 1));
  key = create();  // 256 of cpu
  FakeAgent& agent = world.add_agent(4096, 4096);
  EXPECT_TRUE(steady());
  EXPECT_EQ(live_on(agent, "log"), 1);
  EXPECT_EQ(live_on(agent, "big"), 0) << "there is no room for both";
  EXPECT_THAT(world.events(waiting), Contains(HasSubstr("has insufficient CPU units available")));
}

TEST_F(DaemonTest, LeavesADrainingHostAfterAllOthers) {
  FakeAgent& agent = world.add_agent();
  key = create();
  EXPECT_TRUE(steady());
  const std::string other = world.create(world.service("web", world.define("web"), 1));
  EXPECT_TRUE(world.until([&] { return world.stable(other); }));
  FakeAgent& refuge = world.add_agent();
  set_status(agent, model::InstanceStatus::kDraining);
  EXPECT_TRUE(world.until([&] { return live_on(agent, "log") == 0; }));
  ASSERT_EQ(agent.stop_order.size(), 2u);
  EXPECT_EQ(find_task_by_arn(world.state(), agent.stop_order[0])->service, "web");
  EXPECT_EQ(find_task_by_arn(world.state(), agent.stop_order[1])->service, "log");
  EXPECT_EQ(find_task_by_arn(world.state(), agent.stop_order[0])->last_status, model::TaskStatus::kStopped);
  EXPECT_EQ(desired(), 1);
  EXPECT_EQ(live_on(refuge), 1);
  set_status(agent, model::InstanceStatus::kActive);
  EXPECT_TRUE(steady());
  EXPECT_EQ(live_on(agent), 1);
}

TEST_F(DaemonTest, OnlyHostsThatItsConstraintsAllowCount) {
  FakeAgent& agent = world.add_agent();
  FakeAgent& other = world.add_agent();  // its zone is z1
  key = create({{model::ConstraintType::kMemberOf, "attribute:ecs.availability-zone == z1"}});
  EXPECT_TRUE(steady());
  EXPECT_EQ(desired(), 1);
  EXPECT_EQ(live_on(agent), 0);
  EXPECT_EQ(live_on(other), 1);
  UpdateService anywhere;
  anywhere.placement_constraints.emplace();
  EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, anywhere); }));
  EXPECT_TRUE(steady());
  EXPECT_EQ(desired(), 2);
  EXPECT_EQ(live_on(agent), 1);
}

TEST_F(DaemonTest, AnAttributeThatComesAndGoesTakesItsHostAlong) {
  FakeAgent& agent = world.add_agent();
  key = create({{model::ConstraintType::kMemberOf, "attribute:disk exists"}});
  EXPECT_EQ(desired(), 0);
  const std::string instance = world.named(agent).key;
  EXPECT_TRUE(world.submit([&](Step& step) { return put_attribute(step, instance, {"disk", "ssd"}); }));
  EXPECT_TRUE(steady());
  EXPECT_EQ(live_on(agent), 1);
  EXPECT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    auto gone = delete_attribute(step, instance, {"disk", ""});
    return gone ? shared::Result<void>() : gone.error();
  }));
  EXPECT_TRUE(world.until([&] { return live_on(agent) == 0; }));
  EXPECT_EQ(desired(), 0);
}

TEST_F(DaemonTest, AnUpdateGoesHostByHostWithAMinimum) {
  for (int i = 0; i < 3; ++i) world.add_agent();
  key = create({}, 60);  // two of three stay
  EXPECT_TRUE(steady());
  UpdateService change;
  change.force_new_deployment = true;
  EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, change); }));
  std::size_t told = 0;
  for (const auto& agent : world.agents) told += agent->stop_order.size();
  EXPECT_EQ(told, 1u) << "the next one goes when its replacement is healthy";
  EXPECT_TRUE(world.until([&] { return world.stable(key); }, std::chrono::minutes(10)));
  for (const auto& agent : world.agents) EXPECT_EQ(live_on(*agent), 1);
}

TEST_F(DaemonTest, SaysWhyAHostHasNone) {
  world.add_agent(100, 4096);
  key = create();
  EXPECT_EQ(desired(), 1);
  EXPECT_THAT(world.events(key), Contains(HasSubstr("has insufficient CPU units available")));
  EXPECT_FALSE(world.stable(key));
}

TEST_F(DaemonTest, IsDeletedWithoutForceAndEverywhere) {
  for (int i = 0; i < 2; ++i) world.add_agent();
  key = create();
  EXPECT_TRUE(steady());
  EXPECT_TRUE(world.submit([&](Step& step) { return delete_service(step, key, ForceDelete::kNo); }));
  EXPECT_TRUE(world.until([&] { return world.service_row(key).status == model::ServiceStatus::kInactive; }));
  EXPECT_TRUE(world.live_tasks().empty());
}

}  // namespace
}  // namespace agent::control::test
