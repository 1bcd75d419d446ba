// What control's page says of a control plane that the world plays.
#include <gmock/gmock.h>

#include "agent/admin/metrics.h"
#include "tests/unit/agent/control/world.h"

namespace agent::admin {
namespace {

using control::test::World;
using ::testing::HasSubstr;
using ::testing::Not;

class ControlMetricsTest : public ::testing::Test {
 protected:
  std::string page() {
    std::string text;
    EXPECT_TRUE(world_.submit([&](control::Step& step) -> shared::Result<void> {
      shared::log::Exposition out;
      write_control(out, step, *world_.engine, observer_);
      text = out.text();
      return {};
    }));
    return text;
  }
  std::uint64_t count(const shared::Durations& of) {
    std::uint64_t total = 0;
    for (const std::uint64_t each : of.counts) total += each;
    return total;
  }

  World world_;
  Observer observer_;
};

TEST_F(ControlMetricsTest, CountsServicesHostsAndSessions) {
  world_.add_agent(2048, 4096);
  world_.add_balancer("b1");
  world_.add_target_group();
  const std::string key =
      world_.create(world_.service("web", world_.define("web", R"("cpu": 512, "memory": 1024)", 80), 2));
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr(R"(berth_service_tasks{cluster="default",service="web",state="desired"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(berth_service_tasks{cluster="default",service="web",state="running"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(berth_service_targets{cluster="default",service="web",state="healthy"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(state="registered"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(state="reserved"} 2147483648)"));
  EXPECT_THAT(text, HasSubstr("berth_agent_sessions 1\n"));
  EXPECT_THAT(text, HasSubstr(R"(berth_balancer_connected{balancer="b1"} 1)"));
  world_.balancers.front()->disconnect();
  world_.agents.front()->disconnect();
  EXPECT_THAT(page(), HasSubstr(R"(berth_balancer_connected{balancer="b1"} 0)"));
  EXPECT_THAT(page(), HasSubstr("berth_agent_sessions 0\n"));
}

TEST_F(ControlMetricsTest, SaysWhichServiceFitsNowhereAndWhy) {
  world_.add_agent(256, 256);
  world_.create(world_.service("huge", world_.define("huge", R"("cpu": 256, "memory": 9999)"), 1));
  world_.pass(shared::Millis(1'000));
  EXPECT_THAT(
      page(),
      HasSubstr(R"(berth_service_unplaced{cluster="default",service="huge",reason="RESOURCE:MEMORY"} 1)"));
}

TEST_F(ControlMetricsTest, StartsAndStopsAreCountedOnceAndNotFromBefore) {
  world_.add_agent();
  world_.add_balancer("b1");
  world_.add_target_group();
  const std::string key =
      world_.create(world_.service("web", world_.define("web", R"("cpu": 256, "memory": 256)", 80), 1));
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  world_.pass(shared::Millis(5'000));
  page();
  EXPECT_EQ(count(observer_.healthy), 0U) << "that was over before anybody looked";
  const std::string task = control::key_of(*world_.live_tasks().front());
  ASSERT_TRUE(world_.submit([&](control::Step& step) -> shared::Result<void> {
    control::stop_task(step, task, {.code = "UserInitiated", .reason = "for a test"});
    return {};
  }));
  ASSERT_TRUE(world_.until(
      [&] { return world_.task(task).last_status == model::TaskStatus::kStopped && world_.stable(key); }));
  for (int i = 0; i < 3; ++i) page();
  EXPECT_EQ(count(observer_.start), 1U);
  EXPECT_EQ(count(observer_.healthy), 1U);
  EXPECT_EQ(count(observer_.acknowledge), 1U);
  EXPECT_EQ(count(observer_.drain), 1U);
  EXPECT_EQ(count(observer_.stop), 1U);
}

TEST_F(ControlMetricsTest, TurnsAndCommitsAreTimed) {
  world_.add_agent();
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("# TYPE berth_store_commit_seconds histogram"));
  EXPECT_THAT(text, Not(HasSubstr("berth_store_commit_seconds_count 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("berth_scheduler_decision_seconds_count 0\n")));
}

TEST(Durations, CountEachBelowItsBound) {
  shared::Durations durations;
  durations.add(std::chrono::milliseconds(1));
  durations.add(std::chrono::milliseconds(1));
  durations.add(std::chrono::hours(1));
  EXPECT_EQ(durations.counts[1], 2U);
  EXPECT_EQ(durations.counts.back(), 1U);
  EXPECT_DOUBLE_EQ(durations.sum, 3'600.002);
}

}  // namespace
}  // namespace agent::admin
