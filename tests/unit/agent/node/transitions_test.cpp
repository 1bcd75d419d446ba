#include "agent/node/task/transitions.h"

#include <gtest/gtest.h>

#include <map>

namespace agent::node {
namespace {

using namespace std::chrono_literals;
const shared::WallTime kNow = shared::from_epoch_millis(1'000'000);

struct Spec {
  std::string name;
  Status known;
  std::vector<std::pair<std::string, std::string>> after = {};  // on, condition
  bool essential = true;
};

Task task_of(const std::vector<Spec>& specs, Status desired = Status::kRunning) {
  Task t;
  t.payload.arn = "arn:task/1";
  t.desired = desired;
  t.admitted = t.ready = true;
  for (const Spec& s : specs) {
    Container c;
    c.spec.name = s.name;
    c.spec.essential = s.essential;
    for (const auto& [on, condition] : s.after) c.spec.depends_on.push_back({on, condition});
    c.known = s.known;
    t.containers.push_back(c);
  }
  return t;
}

std::string next(Task t) {
  settle(t, kNow);
  std::string out;
  static const std::map<Work, std::string> kWords = {
      {Work::kPull, "pull"}, {Work::kCreate, "create"}, {Work::kStart, "start"}, {Work::kStop, "stop"}};
  for (const Action& a : plan(t, kNow).actions) {
    out += (out.empty() ? "" : ", ") + kWords.at(a.work) + " " + t.containers[a.container].spec.name;
  }
  return out;
}

TEST(Transitions, EachStatusHasOneNextStep) {
  EXPECT_EQ(next(task_of({{"a", Status::kNone}})), "pull a");
  EXPECT_EQ(next(task_of({{"a", Status::kPulled}})), "create a");
  EXPECT_EQ(next(task_of({{"a", Status::kCreated}})), "start a");
  EXPECT_EQ(next(task_of({{"a", Status::kRunning}})), "");
  EXPECT_EQ(next(task_of({{"a", Status::kStopped}})), "");
}

TEST(Transitions, WantedStoppedOnlyWhatRunsNeedsTheEngine) {
  for (const Status known : {Status::kNone, Status::kPulled, Status::kCreated}) {
    Task t = task_of({{"a", known}}, Status::kStopped);
    EXPECT_EQ(next(t), "");
    settle(t, kNow);
    EXPECT_EQ(t.known, Status::kStopped) << word(known);
    EXPECT_EQ(t.containers[0].exit_code, std::nullopt);
    EXPECT_EQ(t.stopped_at, kNow);
  }
  EXPECT_EQ(next(task_of({{"a", Status::kRunning}}, Status::kStopped)), "stop a");
}

TEST(Transitions, NothingNewWhileSomethingIsInFlight) {
  for (const Op op : {Op::kPull, Op::kCreate, Op::kStart, Op::kRetry}) {
    Task t = task_of({{"a", Status::kCreated}});
    t.containers[0].op = op;
    EXPECT_EQ(next(t), "");
  }
  // A pull is left to itself when the task must stop, a create or start is awaited.
  for (const auto& [op, known] : std::map<Op, Status>{{Op::kPull, Status::kStopped},
                                                      {Op::kRetry, Status::kStopped},
                                                      {Op::kCreate, Status::kPulled},
                                                      {Op::kStart, Status::kPulled}}) {
    Task t = task_of({{"a", Status::kPulled}}, Status::kStopped);
    t.containers[0].op = op;
    settle(t, kNow);
    EXPECT_EQ(t.containers[0].known, known);
  }
}

TEST(Transitions, NothingStartsBeforeTheHostHasRoom) {
  Task t = task_of({{"a", Status::kNone}});
  t.admitted = false;
  EXPECT_EQ(next(t), "");
  t.admitted = true;
  t.ready = false;
  EXPECT_EQ(next(t), "");
}

struct DependencyCase {
  const char* name;
  std::string condition;
  Status on;
  std::optional<int> exit_code;
  std::string health;
  const char* expected;  // next step of the dependent, or "fails"
};
class DependencyTest : public testing::TestWithParam<DependencyCase> {};

TEST_P(DependencyTest, HoldsBackUntilSatisfied) {
  const auto& p = GetParam();
  Task t = task_of({{"on", p.on, {}, false}, {"app", Status::kNone, {{"on", p.condition}}}});
  t.containers[0].exit_code = p.exit_code;
  t.containers[0].health = p.health;
  if (p.condition == "HEALTHY") t.containers[0].spec.health_check_type = "docker";
  if (std::string(p.expected) == "fails") {
    settle(t, kNow);
    EXPECT_EQ(t.containers[1].known, Status::kStopped);
    EXPECT_EQ(t.containers[1].exit_code, 143);
    EXPECT_TRUE(
        t.containers[1].reason.starts_with("CannotStartContainerError: dependency graph: container 'on'"))
        << t.containers[1].reason;
    EXPECT_EQ(t.desired, Status::kStopped);
  } else {
    const std::string steps = next(t);
    EXPECT_EQ(steps.find("app") != std::string::npos ? "starts" : "waits", std::string(p.expected)) << steps;
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllConditions, DependencyTest,
    testing::Values(DependencyCase{"StartNotYet", "START", Status::kCreated, {}, "", "waits"},
                    DependencyCase{"StartRunning", "START", Status::kRunning, {}, "", "starts"},
                    DependencyCase{"StartStopped", "START", Status::kStopped, 1, "", "starts"},
                    DependencyCase{"CompleteRunning", "COMPLETE", Status::kRunning, {}, "", "waits"},
                    DependencyCase{"CompleteAnyExit", "COMPLETE", Status::kStopped, 3, "", "starts"},
                    DependencyCase{"SuccessRunning", "SUCCESS", Status::kRunning, {}, "", "waits"},
                    DependencyCase{"SuccessZero", "SUCCESS", Status::kStopped, 0, "", "starts"},
                    DependencyCase{"SuccessOther", "SUCCESS", Status::kStopped, 3, "", "fails"},
                    DependencyCase{"SuccessNeverRan", "SUCCESS", Status::kStopped, {}, "", "fails"},
                    DependencyCase{"HealthyStarting", "HEALTHY", Status::kRunning, {}, "starting", "waits"},
                    DependencyCase{"HealthyUnhealthy", "HEALTHY", Status::kRunning, {}, "unhealthy", "waits"},
                    DependencyCase{"HealthyNow", "HEALTHY", Status::kRunning, {}, "healthy", "starts"},
                    DependencyCase{"HealthyStopped", "HEALTHY", Status::kStopped, 0, "healthy", "fails"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Transitions, HealthyWithoutAHealthCheckFailsAtOnce) {
  Task t = task_of({{"on", Status::kRunning}, {"app", Status::kNone, {{"on", "HEALTHY"}}}});
  settle(t, kNow);
  EXPECT_NE(t.containers[1].reason.find("has no health check"), std::string::npos);
}

TEST(Transitions, StartTimeoutOfTheDependencyEndsTheWait) {
  Task t = task_of({{"on", Status::kRunning, {}, false}, {"app", Status::kNone, {{"on", "COMPLETE"}}}});
  t.containers[0].spec.start_timeout = 10;
  t.containers[0].started_at = kNow;
  EXPECT_FALSE(settle(t, kNow + 9s) && t.containers[1].known == Status::kStopped);
  EXPECT_EQ(plan(t, kNow + 9s).wake_at, kNow + 10s);
  settle(t, kNow + 10s);
  EXPECT_EQ(t.containers[1].known, Status::kStopped);
  EXPECT_NE(t.containers[1].reason.find("startTimeout of 10 s"), std::string::npos) << t.containers[1].reason;
}

TEST(Transitions, StopsInTheReverseOrderOfStarting) {
  const auto chain = [](Status db, Status app, Status log) {
    Task t = task_of({{"db", db}, {"app", app, {{"db", "START"}}}, {"log", log}}, Status::kStopped);
    t.containers[2].spec.links = {"app:a"};
    return next(t);
  };
  EXPECT_EQ(chain(Status::kRunning, Status::kRunning, Status::kRunning), "stop log");
  EXPECT_EQ(chain(Status::kRunning, Status::kRunning, Status::kStopped), "stop app");
  EXPECT_EQ(chain(Status::kRunning, Status::kStopped, Status::kStopped), "stop db");
}

TEST(Transitions, EssentialContainerTakesTheTaskDownAndOthersDoNot) {
  Task t = task_of({{"app", Status::kRunning}, {"side", Status::kStopped, {}, false}});
  settle(t, kNow);
  EXPECT_EQ(t.desired, Status::kRunning);
  EXPECT_EQ(t.known, Status::kRunning);
  t.containers[0].known = Status::kStopped;
  t.containers[0].finished_at = kNow - 5s;
  settle(t, kNow);
  EXPECT_EQ(t.known, Status::kStopped);
  EXPECT_EQ(t.execution_stopped_at, kNow - 5s);
}

TEST(Transitions, TaskOnItsWayDownNeverBecomesRunning) {
  Task t = task_of({{"a", Status::kRunning}, {"b", Status::kStopped}});
  settle(t, kNow);
  EXPECT_LT(t.known, Status::kRunning);
  EXPECT_EQ(t.desired, Status::kStopped);
  EXPECT_EQ(next(t), "stop a");
}

TEST(Transitions, TaskWithoutContainersIsOver) {
  Task t = task_of({}, Status::kStopped);
  settle(t, kNow);
  EXPECT_EQ(t.known, Status::kStopped);
  EXPECT_EQ(t.reason, "TaskStateError: Agent could not progress task's state to stopped");
}

TEST(Transitions, StatusesNeverGoBack) {
  // Every pair of statuses of two containers, both wishes, with and without a dependency: settling only
  // raises.
  const std::vector<Status> all = {Status::kNone, Status::kPulled, Status::kCreated, Status::kRunning,
                                   Status::kStopped};
  for (const Status a : all) {
    for (const Status b : all) {
      for (const Status desired : {Status::kRunning, Status::kStopped}) {
        for (const char* condition : {"", "START", "COMPLETE", "SUCCESS", "HEALTHY"}) {
          Spec second{"b", b};
          if (*condition) second.after = {{"a", condition}};
          const Task before = task_of({{"a", a}, second}, desired);
          Task after = before;
          settle(after, kNow);
          EXPECT_GE(after.known, before.known);
          EXPECT_GE(after.desired, before.desired);
          for (std::size_t i = 0; i < 2; ++i)
            EXPECT_GE(after.containers[i].known, before.containers[i].known);
          EXPECT_FALSE(settle(after, kNow)) << "settling twice changes nothing";
        }
      }
    }
  }
}

TEST(Transitions, DependenciesMustResolve) {
  EXPECT_TRUE(dependencies_resolve(task_of({{"a", Status::kNone}, {"b", Status::kNone, {{"a", "START"}}}})));
  EXPECT_FALSE(dependencies_resolve(task_of({{"a", Status::kNone, {{"x", "START"}}}})));
  EXPECT_FALSE(dependencies_resolve(
      task_of({{"a", Status::kNone, {{"b", "START"}}}, {"b", Status::kNone, {{"a", "START"}}}})));
}

}  // namespace
}  // namespace agent::node
