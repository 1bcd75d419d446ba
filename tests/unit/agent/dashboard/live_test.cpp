// What is told of a whole control plane as it changes. The world plays agents and balancers.
#include "agent/dashboard/live.h"

#include <gmock/gmock.h>

#include "agent/control/tasks/changes.h"
#include "tests/unit/agent/control/world.h"
#include "tests/unit/agent/dashboard/page.h"

namespace agent::dashboard {
namespace {

using control::test::World;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

class LiveTest : public ::testing::Test {
 protected:
  Page& open(const std::string& query, const std::string& last_event_id = "") {
    pages_.push_back(std::make_unique<Page>());
    auto filter = filter_in(query);
    EXPECT_TRUE(filter);
    live_.watch(*filter, last_event_id, pages_.back()->reply());
    return *pages_.back();
  }
  // Until the page has seen all there is.
  void settle(Page& page) {
    for (int i = 0; i < 20; ++i) {
      world_.pass(kLookEvery);
      page.take();
    }
    EXPECT_TRUE(page.ready);
  }
  std::string service_behind_balancer(int count) {
    world_.add_agent();
    world_.add_balancer("b1");
    world_.add_target_group();
    const std::string definition = world_.define("web", R"("cpu": 256, "memory": 256)", 80);
    return world_.create(world_.service("web", definition, count));
  }

  World world_;
  std::vector<std::unique_ptr<Page>> pages_;
  Live live_{*world_.engine, world_.executor, "epoch", "1.2.3"};
};

TEST_F(LiveTest, NobodyLooksAndNothingIsDone) {
  world_.add_agent();
  world_.pass(kLookEvery * 4);
  EXPECT_FALSE(world_.engine->news().listening());
}

TEST_F(LiveTest, TellsOfServicesTasksAndHosts) {
  world_.add_agent();
  const std::string key = world_.create(world_.service("web", world_.define("web"), 2));
  Page& page = open("kinds=info,service,task,host,cluster,block");
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  settle(page);
  const auto& service = page.one("service/default/web");
  EXPECT_EQ(service["running"], 2);
  EXPECT_EQ(service["desired"], 2);
  EXPECT_EQ(service["definition"], "web:1");
  const model::Task& task = *world_.live_tasks().front();
  EXPECT_EQ(page.one("task/" + control::key_of(task))["status"], "RUNNING");
  EXPECT_EQ(page.one("block/" + control::key_of(task))["cpu"], 256);
  EXPECT_EQ(page.one("info/")["version"], "1.2.3");
  const std::string host = world_.state().instances.rows().begin()->first;
  EXPECT_EQ(page.one("host/" + host)["usedCpu"], 512);
  EXPECT_EQ(page.one("cluster/default")["status"], "ACTIVE");
}

TEST_F(LiveTest, ATaskIsUnhealthyWithOneContainerThatIsWhileAnotherSaysNothing) {
  auto& agent = world_.add_agent();
  constexpr const char* kSilentAndFailing =
      R"("memory": 6}, {"name": "checked", "image": "app", "essential": true, "memory": 6,)"
      R"( "healthCheck": {"command": ["CMD", "false"]})";
  world_.create(world_.service("web", world_.define("web", kSilentAndFailing), 1));
  ASSERT_TRUE(world_.until([&] { return !world_.live_tasks().empty(); }));
  const model::Task& task = *world_.live_tasks().front();
  Page& page = open("kinds=task");
  settle(page);
  EXPECT_EQ(page.one("task/" + control::key_of(task))["health"], "UNKNOWN");
  ASSERT_TRUE(world_.submit([&](control::Step& step) {
    return control::apply_health(step, {agent.arn, task.arn, {{"checked", model::HealthStatus::kUnhealthy}}});
  }));
  settle(page);
  EXPECT_EQ(page.one("task/" + control::key_of(task))["health"], "UNHEALTHY");
}

TEST_F(LiveTest, OnlyWhatChangedIsToldAfterwards) {
  world_.add_agent();
  const std::string one = world_.create(world_.service("one", world_.define("one"), 1));
  world_.create(world_.service("two", world_.define("two"), 1));
  ASSERT_TRUE(world_.until([&] { return world_.stable(one); }));
  Page& page = open("kinds=service");
  settle(page);
  page.seen.clear();
  ASSERT_TRUE(world_.submit([](control::Step& step) -> shared::Result<void> {
    control::rows(step).services.edit("default/one", [](model::Service& row) { row.desired_count = 3; });
    return {};
  }));
  settle(page);
  EXPECT_THAT(page.seen, Contains(Key("service/default/one")));
  EXPECT_THAT(page.seen, Not(Contains(Key("service/default/two"))));
  EXPECT_EQ(page.begun_anew, 1);
}

TEST_F(LiveTest, AWatchedServiceTellsTheStepsOfItsPromise) {
  const std::string key = service_behind_balancer(1);
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  Page& page = open("watch=service:default/web");
  settle(page);
  const std::string task = control::key_of(*world_.live_tasks().front());
  EXPECT_TRUE(page.one("task/" + task)["times"].contains("inService"));
  EXPECT_EQ(page.one("health/default/web")["groups"][0]["targets"][0]["state"], "healthy");
  EXPECT_THAT(page.one("history/default/web")["events"][0]["text"].get<std::string>(),
              HasSubstr("steady state"));

  // The balancer has acknowledged, and holds a request.
  world_.balancers.front()->drains = false;
  ASSERT_TRUE(world_.submit([&](control::Step& step) -> shared::Result<void> {
    control::stop_task(step, task, {.code = "UserInitiated", .reason = "for a test"});
    return {};
  }));
  settle(page);
  const auto held = page.one("task/" + task)["times"];
  EXPECT_TRUE(held.contains("draining"));
  EXPECT_TRUE(held.contains("acknowledged"));
  EXPECT_FALSE(held.contains("stopping"));
  world_.balancers.front()->drains = true;
  ASSERT_TRUE(world_.until([&] { return world_.task(task).last_status == model::TaskStatus::kStopped; }));
  settle(page);
  const auto done = page.one("task/" + task)["times"];
  EXPECT_LE(done["draining"], done["acknowledged"]);
  EXPECT_LE(done["acknowledged"], done["stopping"]);
  EXPECT_LE(done["stopping"], done["stopped"]);
}

TEST_F(LiveTest, WhoComesBackIsToldWhatHappenedMeanwhile) {
  world_.add_agent();
  const std::string key = world_.create(world_.service("web", world_.define("web"), 1));
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  Page& first = open("kinds=service,cluster");
  settle(first);
  const std::string last = first.ids.back();
  first.leave();
  EXPECT_EQ(live_.streams(), 0U);
  ASSERT_TRUE(world_.submit([](control::Step& step) -> shared::Result<void> {
    control::rows(step).services.edit("default/web", [](model::Service& row) { row.desired_count = 2; });
    return {};
  }));
  Page& again = open("kinds=service,cluster", last);
  settle(again);
  EXPECT_EQ(again.begun_anew, 0);
  EXPECT_EQ(again.one("service/default/web")["desired"], 2);
  EXPECT_THAT(again.seen, Not(Contains(Key("cluster/default"))));
  Page& stranger = open("kinds=service", "other-0-3");
  settle(stranger);
  EXPECT_EQ(stranger.begun_anew, 1);
}

TEST_F(LiveTest, ASlowClientKeepsNothingWaitingButOneBatch) {
  world_.add_agent();
  world_.create(world_.service("web", world_.define("web"), 1));
  Page& page = open("kinds=service,task,event");
  settle(page);
  page.reads = false;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(world_.submit([&](control::Step& step) -> shared::Result<void> {
      control::rows(step).services.edit("default/web", [&](model::Service& row) { row.failed_starts = i; });
      return {};
    }));
    world_.pass(kLookEvery * 2);
  }
  const std::size_t waiting = page.stream.size();
  EXPECT_GT(waiting, 0U);
  EXPECT_EQ(page.take(), 1);
  page.reads = true;
  page.handlers.taken();
  EXPECT_EQ(page.take(), 1) << "what changed meanwhile comes at once, and only as it is now";
  EXPECT_EQ(page.one("service/default/web")["failedStarts"], 9);
}

TEST_F(LiveTest, WhatCannotBeSavedIsNotShown) {
  world_.add_agent();
  const std::string key = world_.create(world_.service("web", world_.define("web"), 1));
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  Page& page = open("kinds=service");
  settle(page);
  world_.store.fail_next_commits(1, shared::Error("io", "disk full"));
  std::optional<shared::Result<void>> done;
  world_.engine->submit(
      [](control::Step& step) -> shared::Result<void> {
        control::rows(step).services.edit("default/web", [](model::Service& row) { row.desired_count = 9; });
        return {};
      },
      [&](const shared::Result<void>& result) { done = result; });
  world_.pass(kLookEvery * 4);
  page.take();
  ASSERT_TRUE(done && !*done);
  EXPECT_EQ(page.one("service/default/web")["desired"], 1);
  settle(page);
  EXPECT_EQ(page.one("service/default/web")["desired"], 1);
}

TEST_F(LiveTest, NothingThatMayBeASecretIsTold) {
  world_.add_agent();
  const std::string definition = world_.define(
      "web",
      R"("cpu": 256, "memory": 256, "environment": [{"name": "PASSWORD", "value": "hunter2"}], "command": ["--key=hunter2"])");
  const std::string key = world_.create(world_.service("web", definition, 1));
  ASSERT_TRUE(world_.until([&] { return world_.stable(key); }));
  Page& page =
      open("kinds=info,cluster,host,service,task,block,event,lb,balancer,figures&watch=service:default/web");
  settle(page);
  EXPECT_GT(page.seen.size(), 5U);
  for (const auto& [id, thing] : page.seen) EXPECT_THAT(thing.dump(), Not(HasSubstr("hunter2"))) << id;
}

TEST_F(LiveTest, TheModelGoesWhenNobodyCameBack) {
  world_.add_agent();
  Page& page = open("kinds=host");
  settle(page);
  EXPECT_TRUE(world_.engine->news().listening());
  page.leave();
  world_.pass(kKeepFor / 2);
  EXPECT_TRUE(world_.engine->news().listening());
  world_.pass(kKeepFor * 2);
  EXPECT_FALSE(world_.engine->news().listening());
  Page& later = open("kinds=host", page.ids.back());
  settle(later);
  EXPECT_EQ(later.begun_anew, 1);
  EXPECT_EQ(later.seen.size(), 1U);
}

TEST_F(LiveTest, StreamsAreBounded) {
  for (std::size_t i = 0; i < kMostStreams; ++i) open("kinds=info");
  Page& page = open("kinds=info");
  EXPECT_EQ(page.answer->status, 503);
  EXPECT_TRUE(page.answer->headers.get("Retry-After"));
}

TEST(LiveFilter, NamesWhatIsWrong) {
  EXPECT_THAT(filter_in("kinds=service,nonsense").error().text(), HasSubstr("nonsense"));
  EXPECT_THAT(filter_in("kind=service").error().text(), HasSubstr("'kind'"));
  EXPECT_THAT(filter_in("watch=" + std::string(600, 'x')).error().text(), HasSubstr("watch"));
  std::string many;
  for (std::size_t i = 0; i <= kMostWatched; ++i) many += "&watch=service:" + std::to_string(i);
  EXPECT_FALSE(filter_in(many.substr(1)));
  EXPECT_TRUE(filter_in(""));
}

}  // namespace
}  // namespace agent::dashboard
