// Rules and schedules, with a clock that is moved by hand and a RunTask that notes what it was asked for.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/control/events/events.h"
#include "agent/control/events/outside.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/neighbours.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using nlohmann::json;
using shared::Millis;
using shared::Result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kMinute{60'000};

class FakeOutside final : public events::Outside {
 public:
  Result<void> run_task(Step& step, const model::Invocation& invocation) override {
    ++asked;
    if (!answer.empty()) return fault(answer, "because");
    runs.push_back(invocation.started_by + " " + invocation.payload);
    (void)step;
    return {};
  }
  std::string task_detail(const State&, const model::Task& task) override {
    return json{{"lastStatus", task.last_status == model::TaskStatus::kRunning ? "RUNNING" : "OTHER"},
                {"version", task.version}}
        .dump();
  }
  std::string instance_detail(const State&, const model::ContainerInstance& instance) override {
    return json{{"status", instance.status == model::InstanceStatus::kActive ? "ACTIVE" : "OTHER"}}.dump();
  }
  void put_line(const std::string& arn, const std::string& stream, shared::WallTime,
                const std::string& line) override {
    (void)arn;
    lines.push_back(stream + " " + json::parse(line).value("detail-type", ""));
  }
  int asked = 0;
  std::string answer;  // code of an error
  std::vector<std::string> runs;
  std::vector<std::string> lines;
};

class Events : public testing::Test {
 public:
  Events() {
    world.engine->use(outside);
    world.outside = &outside;
  }
  template <class Do>
  Result<void> step(Do run) {
    return world.submit([&](Step& at) -> Result<void> {
      auto done = run(at);
      if (!done) return done.error();
      return {};
    });
  }
  static model::EventTarget task_target() {
    model::EventTarget target;
    target.id = "t";
    target.arn = "arn:aws:ecs:us-east-1:000000000000:cluster/default";
    target.ecs = R"({"TaskDefinitionArn":"job"})";
    target.input = R"({"n":1})";
    return target;
  }
  static model::EventTarget log_target() {
    model::EventTarget target;
    target.id = "l";
    target.arn = "arn:aws:logs:us-east-1:000000000000:log-group:/events";
    return target;
  }
  void rule(const std::string& name, const std::string& schedule, const std::string& pattern,
            const model::EventTarget& target) {
    model::EventRule row;
    row.name = name;
    row.schedule = schedule;
    row.pattern = pattern;
    ASSERT_TRUE(step([&](Step& at) { return events::put_rule(at, row); }));
    ASSERT_TRUE(step([&](Step& at) { return events::put_targets(at, name, {target}); }));
  }
  void schedule(const std::string& expression, const std::function<void(model::Schedule&)>& change = {}) {
    model::Schedule row;
    row.name = "job";
    row.group = "default";
    row.expression = expression;
    row.timezone = "UTC";
    row.target = task_target();
    if (change) change(row);
    const auto made = step([&](Step& at) { return events::create_schedule(at, row); });
    ASSERT_TRUE(made) << made.error().text();
  }
  // As long as a control that is down for this time.
  void down_for(Millis time) {
    world.engine.reset();
    world.executor.advance(time);
    world.crash_and_restart();
    world.pass(Millis(10));
  }
  const Neighbours& tables() const { return world.state().neighbours(); }

  FakeOutside outside;
  World world;
};

TEST_F(Events, ARateRunsOnceForEachOfItsTimes) {
  rule("each-minute", "rate(1 minute)", "", task_target());
  EXPECT_THAT(outside.runs, IsEmpty());
  for (int i = 1; i <= 3; ++i) {
    world.pass(kMinute);
    EXPECT_THAT(outside.runs, SizeIs(i));
  }
  EXPECT_EQ(outside.runs.front(), "events-rule/each-minute {\"n\":1}");
  ASSERT_TRUE(step([&](Step& at) { return events::enable_rule(at, "each-minute", false); }));
  world.pass(5 * kMinute);
  EXPECT_THAT(outside.runs, SizeIs(3));
}

TEST_F(Events, WhatWasMissedWhileControlWasDownIsMadeUpForOnce) {
  rule("each-minute", "rate(1 minute)", "", task_target());
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, SizeIs(1));
  down_for(10 * kMinute);
  EXPECT_THAT(outside.runs, SizeIs(2)) << "no storm of ten";
  down_for(Millis(1'000));
  EXPECT_THAT(outside.runs, SizeIs(2)) << "and none twice";
}

TEST_F(Events, ATimeIsNotHadTwiceWhenItsCommitIsLost) {
  rule("each-minute", "rate(1 minute)", "", task_target());
  world.commits.hold = true;
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, SizeIs(1));  // decided, and not durable
  world.commits.hold = false;
  outside.runs.clear();
  down_for(Millis(1'000));
  EXPECT_THAT(outside.runs, SizeIs(1)) << "what was taken back is done";
  down_for(Millis(1'000));
  EXPECT_THAT(outside.runs, SizeIs(1));
}

TEST_F(Events, ARunThatFindsNoRoomIsTriedAgainUntilItIsGivenUp) {
  model::EventTarget target = task_target();
  target.max_attempts = 3;
  rule("failures", "", R"({"source": ["berth.events"]})", log_target());
  rule("each-hour", "rate(1 hour)", "", target);
  outside.answer = events::kNoRoom;
  world.pass(60 * kMinute);
  EXPECT_EQ(outside.asked, 1);
  world.pass(Millis(10'000));
  EXPECT_EQ(outside.asked, 2);
  world.pass(Millis(20'000));
  world.pass(Millis(40'000));
  EXPECT_EQ(outside.asked, 4);
  world.pass(10 * kMinute);
  EXPECT_EQ(outside.asked, 4);
  EXPECT_EQ(tables().invocations.size(), 0U);
  EXPECT_THAT(outside.lines, ElementsAre("failures Invocation Failed"));
}

TEST_F(Events, ARunThatIsRefusedIsNotTriedAgain) {
  rule("each-minute", "rate(1 minute)", "", task_target());
  outside.answer = "AccessDeniedException";
  world.pass(kMinute);
  EXPECT_EQ(outside.asked, 1);
  EXPECT_EQ(tables().invocations.size(), 0U);
}

TEST_F(Events, AScheduleAtATimeRunsOnceAndGoesWhereThatIsAskedFor) {
  const auto now = shared::epoch_millis(world.executor.wall_now()) / 1'000;
  const std::time_t then = static_cast<std::time_t>(now + 90);
  std::array<char, 32> text{};
  std::tm parts{};
  ::gmtime_r(&then, &parts);
  std::strftime(text.data(), text.size(), "at(%Y-%m-%dT%H:%M:%S)", &parts);
  schedule(text.data(), [](model::Schedule& row) { row.delete_after = true; });
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, IsEmpty());
  EXPECT_EQ(tables().schedules.size(), 1U);
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, ElementsAre("chronos-schedule/job {\"n\":1}"));
  EXPECT_EQ(tables().schedules.size(), 0U);
}

TEST_F(Events, AScheduleWithARateBeginsAtOnceOrAtItsStartAndEnds) {
  schedule("rate(1 minute)");
  EXPECT_THAT(outside.runs, SizeIs(1));
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, SizeIs(2));
  ASSERT_TRUE(step([&](Step& at) { return events::delete_schedule(at, "default", "job"); }));
  outside.runs.clear();
  schedule("rate(1 minute)", [&](model::Schedule& row) {
    row.has_start = row.has_end = true;
    row.start_at = world.executor.wall_now() + 2 * kMinute;
    row.end_at = row.start_at + kMinute;
  });
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, IsEmpty());
  world.pass(kMinute);
  EXPECT_THAT(outside.runs, SizeIs(1));
  world.pass(5 * kMinute);
  EXPECT_THAT(outside.runs, SizeIs(2));
}

TEST_F(Events, AFlexibleWindowMovesTheRunIntoIt) {
  schedule("rate(1 day)", [](model::Schedule& row) { row.window_minutes = 15; });
  for (int i = 0; i < 15; ++i) world.pass(kMinute);
  EXPECT_THAT(outside.runs, SizeIs(1));
}

TEST_F(Events, APatternSeesTasksServicesAndDeployments) {
  FakeAgent& agent = world.add_agent();
  rule(
      "running", "",
      R"({"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": {"lastStatus": ["RUNNING"]}})",
      log_target());
  rule(
      "deployed", "",
      R"({"detail-type": ["ECS Deployment State Change"], "detail": {"eventName": ["SERVICE_DEPLOYMENT_COMPLETED"]}})",
      log_target());
  rule("steady", "",
       R"({"detail-type": ["ECS Service Action"], "detail": {"eventName": ["SERVICE_STEADY_STATE"]}})",
       log_target());
  const std::string key = world.create(world.service("web", world.define("web"), 1));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_THAT(outside.lines, testing::UnorderedElementsAre("running ECS Task State Change",
                                                           "deployed ECS Deployment State Change",
                                                           "steady ECS Service Action"));
  (void)agent;
}

TEST_F(Events, AnEventOfACallerReachesItsRulesWithItsValuesInTheirTemplates) {
  model::EventTarget target = task_target();
  target.input.clear();
  target.transformer = R"({"InputPathsMap": {"who": "$.detail.name", "n": "$.detail.n"},
                           "InputTemplate": "{\"who\": <who>, \"text\": \"<who> of <n>\", \"n\": <n>}"})";
  rule("orders", "", R"({"source": ["shop"], "detail": {"n": [{"numeric": [">", 1]}]}})", target);
  for (int n : {1, 2}) {
    ASSERT_TRUE(step([&](Step& at) -> Result<void> {
      events::Event event{"shop", "order", json{{"name", "a\"b"}, {"n", n}}.dump(), {}, {}};
      (void)events::put_event(at, event);
      return {};
    }));
  }
  ASSERT_THAT(outside.runs, SizeIs(1));
  const json payload = json::parse(outside.runs[0].substr(outside.runs[0].find('{')));
  EXPECT_EQ(payload["who"], "a\"b");
  EXPECT_EQ(payload["text"], "a\"b of 2");
  EXPECT_EQ(payload["n"], 2);
}

TEST_F(Events, ARuleGoesWithoutTargetsOnly) {
  rule("each-minute", "rate(1 minute)", "", task_target());
  const auto refused = step([&](Step& at) { return events::delete_rule(at, "each-minute"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "Rule can't be deleted since it has targets.");
  ASSERT_TRUE(step([&](Step& at) { return events::remove_targets(at, "each-minute", {"t"}); }));
  ASSERT_TRUE(step([&](Step& at) { return events::delete_rule(at, "each-minute"); }));
}

}  // namespace
}  // namespace agent::control::test
