// What becomes of service deployments as tasks come up, fail, and a caller stops them.
#include "agent/control/services/history.h"

#include <gmock/gmock.h>

#include "agent/control/cluster/attributes.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/strategies.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using Status = model::ServiceDeploymentStatus;

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    agent = &world.add_agent();
    first = world.define("web");
    auto wanted = world.service("web", first, 2);
    wanted.configuration.circuit_breaker = true;
    wanted.configuration.circuit_breaker_rollback = true;
    key = world.create(wanted);
    EXPECT_TRUE(world.until([&] { return world.stable(key); }));
  }
  const model::ServiceDeployment& newest() const { return *deployments_of(world.state(), key).front(); }
  void deploy() {
    world.pass(shared::Millis(1'000));
    UpdateService change;
    change.task_definition_arn = world.define("web");
    EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, change); }));
  }
  // Whatever is started of the newest deployment fails to start.
  void fail_until(const std::function<bool()>& done) {
    world.obedient = false;
    EXPECT_TRUE(world.until(
        [&] {
          const std::string failing = world.service_row(key).deployments.front().id;
          for (const model::Task* each : world.live_tasks()) {
            if (each->deployment_id == failing && each->last_status < model::TaskStatus::kRunning)
              agent->report(each->arn, "STOPPED");
          }
          return done();
        },
        std::chrono::minutes(30)));
    world.obedient = true;
  }

  World world;
  FakeAgent* agent = nullptr;
  std::string first;
  std::string key;
};

TEST_F(HistoryTest, ACompletedDeploymentIsSuccessfulAndIsWhatLaterOnesReplace) {
  EXPECT_EQ(newest().status, Status::kSuccessful);
  EXPECT_TRUE(newest().finished_at);
  EXPECT_TRUE(newest().source_revisions.empty());
  const std::string before = newest().target_revision;
  EXPECT_EQ(world.service_row(key).last_completed_revision, before);
  deploy();
  EXPECT_EQ(newest().status, Status::kInProgress);
  EXPECT_EQ(newest().source_revisions, std::vector<std::string>{before});
  EXPECT_EQ(current_deployment(world.state(), key), &newest());
  EXPECT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(newest().status, Status::kSuccessful);
  EXPECT_EQ(current_deployment(world.state(), key), nullptr);
}

TEST_F(HistoryTest, TheBreakersRollbackIsPartOfTheDeploymentThatFailed) {
  const std::string before = newest().target_revision;
  deploy();
  fail_until([&] { return newest().status == Status::kRollbackInProgress; });
  ASSERT_TRUE(newest().rollback);
  EXPECT_EQ(newest().rollback->revision, before);
  EXPECT_TRUE(newest().breaker_triggered);
  EXPECT_EQ(newest().failed_tasks, 3);
  EXPECT_EQ(world.service_row(key).deployments.front().revision, before) << "the same revision once more";
  EXPECT_EQ(deployments_of(world.state(), key).size(), 2u);
  EXPECT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(newest().status, Status::kRollbackSuccessful);
  EXPECT_EQ(world.service_row(key).task_definition_arn, first);
}

TEST_F(HistoryTest, WithoutRollbackAFailedDeploymentIsStopped) {
  UpdateService change;
  change.configuration = world.service_row(key).configuration;
  change.configuration->circuit_breaker_rollback = false;
  EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, change); }));
  deploy();
  fail_until([&] { return newest().status != Status::kInProgress; });
  EXPECT_EQ(newest().status, Status::kStopped);
  EXPECT_TRUE(newest().stopped_at);
}

TEST_F(HistoryTest, ACallerRollsBackADeploymentThatNothingElseWouldStop) {
  world.obedient = false;
  deploy();
  const std::string stopped = key + "/" + newest().id;
  EXPECT_TRUE(
      world.submit([&](Step& step) { return stop_service_deployment(step, stopped, StopType::kRollback); }));
  EXPECT_EQ(newest().status, Status::kRollbackInProgress);
  EXPECT_FALSE(newest().breaker_triggered);
  EXPECT_EQ(world.service_row(key).task_definition_arn, first);
  const auto again =
      world.submit([&](Step& step) { return stop_service_deployment(step, stopped, StopType::kRollback); });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), "ConflictException");
  world.obedient = true;
  EXPECT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(newest().status, Status::kRollbackSuccessful);
}

TEST_F(HistoryTest, AnAbortedDeploymentStartsNothingMore) {
  world.obedient = false;
  deploy();
  const auto started = world.live_tasks().size();
  const std::string stopped = key + "/" + newest().id;
  EXPECT_TRUE(
      world.submit([&](Step& step) { return stop_service_deployment(step, stopped, StopType::kAbort); }));
  EXPECT_EQ(newest().status, Status::kStopped);
  for (const model::Task* each : world.live_tasks()) {
    if (each->last_status < model::TaskStatus::kRunning) agent->report(each->arn, "STOPPED");
  }
  world.pass(std::chrono::minutes(20));
  EXPECT_LT(world.live_tasks().size(), started);
  deploy();  // the next one is as free as ever
  world.obedient = true;
  EXPECT_TRUE(world.until([&] { return world.stable(key); }, std::chrono::minutes(10)));
}

TEST_F(HistoryTest, OutlivesARestartAndGoesWithItsService) {
  world.crash_and_restart();
  EXPECT_EQ(newest().status, Status::kSuccessful);
  EXPECT_TRUE(world.submit([&](Step& step) { return delete_service(step, key, ForceDelete::kYes); }));
  world.agents[0]->connect();
  EXPECT_TRUE(
      world.until([&] { return world.state().services.find(key) == nullptr; }, std::chrono::hours(3)));
  EXPECT_TRUE(world.state().service_deployments.rows().empty());
  EXPECT_TRUE(world.state().service_revisions.rows().empty());
}

TEST(Distribute, FillsTheBaseThenTheWeights) {
  using Names = std::vector<std::string>;
  const std::vector<model::StrategyItem> both{{"a", 1, 2}, {"b", 3, 0}};
  EXPECT_EQ(distribute(both, {}, 6), (Names{"a", "a", "b", "b", "a", "b"}));
  EXPECT_EQ(distribute(both, {{"a", 3}, {"b", 3}}, 2), (Names{"b", "b"})) << "by what is there already";
  EXPECT_EQ(distribute({{"a", 0, 1}, {"b", 1, 0}}, {}, 3), (Names{"a", "b", "b"}))
      << "no weight: its base, no more";
  EXPECT_EQ(distribute({{"a", 0, 0}}, {}, 3), Names{});
  std::map<std::string, int> counts;
  for (const std::string& each : distribute({{"a", 2, 0}, {"b", 5, 0}, {"c", 3, 0}}, {}, 1000))
    ++counts[each];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"a", 200}, {"b", 500}, {"c", 300}}));
}

TEST(ServicesByProvider, EachProviderGetsItsShareAndOneWithoutHostsIsWaitedFor) {
  World world;
  FakeAgent& one = world.add_agent();
  FakeAgent& two = world.add_agent();
  const auto join = [&](FakeAgent& agent, const char* provider) {
    const std::string instance = world.named(agent).key;
    EXPECT_TRUE(world.submit([&](Step& step) {
      return put_attribute(step, instance, {kProviderAttribute, provider});
    }));
  };
  join(one, "one");
  auto wanted = world.service("web", world.define("web"), 8);
  wanted.strategy = {{"one", 1, 2}, {"two", 1, 0}};
  const std::string key = world.create(wanted);
  const auto live_on = [&](const FakeAgent& agent) {
    const auto live = world.live_tasks();
    return std::count_if(live.begin(), live.end(),
                         [&](const auto* each) { return each->container_instance_arn == agent.arn; });
  };
  world.until([] { return false; }, std::chrono::minutes(2));
  EXPECT_EQ(live_on(one), 5);
  EXPECT_EQ(live_on(two), 0) << "it is of no provider";
  EXPECT_THAT(world.events(key),
              ::testing::Contains(::testing::HasSubstr("Reason: EMPTY CAPACITY PROVIDER")));
  join(two, "two");
  EXPECT_TRUE(world.until([&] { return world.stable(key); }, std::chrono::minutes(30)));
  EXPECT_EQ(live_on(one), 5);
  EXPECT_EQ(live_on(two), 3);
}

}  // namespace
}  // namespace agent::control::test
