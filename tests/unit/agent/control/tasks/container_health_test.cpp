// What container health checks mean for a service: nothing counts before they passed, the failed are
// replaced.
#include "agent/control/tasks/changes.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using model::HealthStatus;
using shared::Millis;

constexpr const char* kChecked =
    R"("cpu": 256, "memory": 256, "healthCheck": {"command": ["CMD", "true"], "interval": 5})";

class ContainerHealthTest : public testing::Test {
 protected:
  ContainerHealthTest() { agent = &world.add_agent(); }
  std::string create(const std::string& container, int grace_seconds = 0) {
    auto wanted = world.service("web", world.define("web", container), 1);
    wanted.health_check_grace_seconds = grace_seconds;
    const std::string key = world.create(wanted);
    EXPECT_TRUE(world.until([&] { return world.counts(key).running == 1; }));
    return key;
  }
  void health(const std::string& task, HealthStatus status) {
    const auto told = world.submit([&](Step& step) {
      return apply_health(step, {agent->arn, task, {{"main", status}, {"nobody", status}}});
    });
    EXPECT_TRUE(told) << (told ? "" : told.error().text());
    world.rest();
  }

  World world;
  FakeAgent* agent = nullptr;
};

TEST_F(ContainerHealthTest, DeploymentIsDoneOnlyWhenTheCheckPassed) {
  const std::string key = create(kChecked);
  world.pass(Millis(120'000));
  EXPECT_FALSE(world.stable(key)) << "running, and nobody said that it is healthy";
  health(world.live_tasks().front()->arn, HealthStatus::kHealthy);
  EXPECT_TRUE(world.until([&] { return world.stable(key); }));
}

TEST_F(ContainerHealthTest, TaskThatFailsItsCheckIsReplacedStartFirstAndNamed) {
  const std::string key = create(kChecked);
  const std::string bad = world.live_tasks().front()->arn;
  health(bad, HealthStatus::kHealthy);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  health(bad, HealthStatus::kUnhealthy);
  ASSERT_EQ(world.live_tasks().size(), 2u) << "the replacement comes first";
  ASSERT_TRUE(world.until([&] { return world.counts(key).running == 2; }));
  for (const model::Task* task : world.live_tasks()) {
    if (task->arn != bad) health(std::string(task->arn), HealthStatus::kHealthy);
  }
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  ASSERT_EQ(agent->stop_order, std::vector<std::string>{bad});
  const model::Task& task = world.task("default/" + bad.substr(bad.rfind('/') + 1));
  EXPECT_EQ(task.stop_code, "ServiceSchedulerInitiated");
  EXPECT_EQ(task.stopped_reason, "Task failed container health checks");
  const auto events = world.events(key);
  EXPECT_NE(std::find(events.begin(), events.end(),
                      "(service web) (task " + task.id + ") failed container health checks."),
            events.end());
}

TEST_F(ContainerHealthTest, GracePeriodForgivesAndInessentialContainersAndNoneCountNothing) {
  const std::string key = create(kChecked, 60);
  health(world.live_tasks().front()->arn, HealthStatus::kUnhealthy);
  world.pass(Millis(50'000));
  EXPECT_EQ(world.live_tasks().size(), 1u);
  world.pass(Millis(15'000));
  EXPECT_EQ(world.live_tasks().size(), 2u);
  World other;
  other.add_agent();
  const std::string unchecked = other.create(other.service(
      "web", other.define("web", R"("cpu": 256, "memory": 256, "healthCheck": {"command": ["NONE"]})"), 1));
  EXPECT_TRUE(other.until([&] { return other.stable(unchecked); })) << "NONE is no check";
}

TEST_F(ContainerHealthTest, RepeatedTelemetryWritesNothing) {
  const std::string key = create(kChecked);
  const std::string task = world.live_tasks().front()->arn;
  health(task, HealthStatus::kHealthy);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const std::size_t commits = world.store.commits();
  health(task, HealthStatus::kHealthy);
  health("arn:aws:ecs:us-east-1:000000000000:task/default/unknown", HealthStatus::kHealthy);
  EXPECT_EQ(world.store.commits(), commits);
}

}  // namespace
}  // namespace agent::control::test
