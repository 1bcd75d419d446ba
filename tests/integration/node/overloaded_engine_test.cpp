// The node and the docker driver over a socket, with an engine that is overloaded. The engine is simulated;
// needs neither root nor docker. So is the node's clock: it stands while the engine is asked something.
#include "agent/runtime/docker/docker_runtime.h"
#include "shared/log/log.h"
#include "tests/integration/node/slow_engine.h"
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

constexpr shared::Millis kSecond{1'000};
constexpr shared::Millis kSocketPatience{60'000};  // of a test that fails
constexpr const char* kNobodysImage = "settled";

class OverloadedEngine : public testing::Test {
 protected:
  OverloadedEngine() {
    settings.cpus = 100;
    settings.memory_mib = 100'000;
    settings.concurrent_starts = 3;
    settings.pull_behavior = PullBehavior::kPreferCached;
    settings.steady_check = shared::Millis(20'000);
    docker.socket = engine.socket;
    docker.start_timeout = shared::Millis(5'000);  // of the real clock, which hardly moves beside the node's
    shared::log::Options options;
    options.format = shared::log::Format::kJson;
    options.output = [this](std::string_view line) { lines.emplace_back(line); };
    shared::log::configure(options);
  }
  ~OverloadedEngine() override { shared::log::configure({}); }

  void SetUp() override {
    driver = std::make_unique<runtime::docker::DockerRuntime>(loop, docker);
    node = std::make_unique<Node>(Node::Parts{clock, random, control, *driver, cgroups, store}, settings);
    ASSERT_TRUE(node->start());
    ASSERT_TRUE(until([&] { return node->not_ready().empty(); })) << node->not_ready();
    lines.clear();
  }

  // Time passes for the node, and the engine has answered what it was asked and means to answer: a question
  // asked after them has its answer.
  void pass(shared::Millis time) {
    clock.advance(time);
    bool settled = false;
    driver->find_image(kNobodysImage, [&](const auto&) { settled = true; });
    ASSERT_TRUE(loop.run_until([&] { return settled; }, kSocketPatience));
    clock.run_ready();
  }
  bool until(const std::function<bool()>& done, shared::Millis limit = shared::Millis(120'000)) {
    for (shared::Millis waited{0}; !done() && waited < limit; waited += kSecond) pass(kSecond);
    return done();
  }

  void send(const std::string& id) { send(a_task(id, {a_container("web")})); }
  void stop(const std::string& id) {
    auto t = a_task(id, {});
    t.desired_status = "STOPPED";
    send(t);
  }
  void send(const link::TaskPayload& t) {
    control.say(
        link::PayloadMessage{"m" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {t}});
  }
  bool reaches(const std::string& id, const std::string& status) {
    return until([&] { return last_status(id) == status; });
  }
  std::string last_status(const std::string& id) {
    const auto all = control.statuses(task_arn(id));
    return all.empty() ? "" : all.back();
  }
  json last_container(const std::string& id) {
    json last;
    for (const auto& report : control.reports(task_arn(id))) {
      for (const auto& c : report["containers"]) last = c;
    }
    return last;
  }
  const Container& box_of(const std::string& id) { return node->tasks().at(task_arn(id)).containers.at(0); }
  std::ptrdiff_t told(const std::string& event) const {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const auto& line) { return line.find(event) != std::string::npos; });
  }
  std::size_t created() const { return engine.boxes.size(); }

  tests::ManualExecutor clock;
  shared::httpd::IoLoop loop;
  tests::SlowEngine engine{loop};
  shared::env::SeededRandom random{7};
  FakeControl control{clock};
  FakeCgroups cgroups;
  store::MemoryStore store;
  NodeSettings settings;
  runtime::docker::DockerSettings docker;
  std::vector<std::string> lines;  // of the log, since the node is ready
  std::uint64_t seq = 0;
  std::unique_ptr<runtime::docker::DockerRuntime> driver;
  std::unique_ptr<Node> node;
};

TEST_F(OverloadedEngine, StartsWaitInOneTroubleWhileStopsGoThroughAndAllStartOnceItRecovers) {
  for (const char* id : {"stopped", "ended", "stays"}) send(id);
  for (const char* id : {"stopped", "ended", "stays"}) ASSERT_TRUE(reaches(id, "RUNNING")) << id;
  const auto begin = created();

  engine.overloaded = true;
  const std::vector<std::string> waiting{"t1", "t2", "t3", "t4", "t5", "t6"};
  for (const auto& id : waiting) send(id);
  ASSERT_TRUE(until([&] { return engine.held().size() == settings.concurrent_starts; }));
  pass(kSlowStart / 2);
  EXPECT_EQ(node->not_ready(), "") << "it may just be busy";
  ASSERT_TRUE(until([&] { return !node->not_ready().empty(); }));
  EXPECT_EQ(node->not_ready(),
            "container engine: 3 containers that it is to create or start had no answer within 60 s");
  EXPECT_EQ(told("engine_unreachable"), 1);

  // Neither a new task nor one that waits is begun; what is about running ones is.
  send("late");
  send("unwanted");
  stop("unwanted");
  stop("stopped");
  engine.end(box_of("ended").engine_name, 3);
  ASSERT_TRUE(reaches("stopped", "STOPPED"));
  ASSERT_TRUE(reaches("ended", "STOPPED"));
  ASSERT_TRUE(reaches("unwanted", "STOPPED"));
  EXPECT_EQ(last_container("ended")["exitCode"], 3) << "seen by an inspection";
  EXPECT_EQ(created(), begin + settings.concurrent_starts);

  // The calls without an answer time out. Then one start is tried, in vain, and no more.
  const auto first = engine.held();
  std::map<std::string, int> inspected;
  for (const auto& id : first) inspected[id] = engine.boxes[id].inspections;
  ASSERT_TRUE(loop.run_until(
      [&] {
        return std::all_of(first.begin(), first.end(),
                           [&](const auto& id) { return engine.boxes[id].inspections > inspected[id]; });
      },
      kSocketPatience));
  ASSERT_TRUE(until([&] { return engine.held().size() > first.size(); }));
  pass(kSlowStart);
  pass(kSecond);
  EXPECT_EQ(engine.held().size(), first.size() + 1);
  EXPECT_EQ(created(), begin + settings.concurrent_starts);
  EXPECT_NE(node->not_ready(), "");
  for (const auto& id : waiting) EXPECT_EQ(last_status(id), "") << "PENDING, as control has it: " << id;
  EXPECT_EQ(last_status("late"), "");
  EXPECT_EQ(told("engine_unreachable"), 1);
  EXPECT_EQ(told("engine_reachable"), 0);

  engine.recover();
  for (const auto& id : waiting) ASSERT_TRUE(reaches(id, "RUNNING")) << id << ": " << last_container(id);
  ASSERT_TRUE(reaches("late", "RUNNING"));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(told("engine_unreachable"), 1);
  EXPECT_EQ(told("engine_reachable"), 1);
  EXPECT_EQ(created(), begin + waiting.size() + 1) << "one container a task, none for the unwanted one";
  for (const auto& [id, box] : engine.boxes) {
    EXPECT_EQ(box.starts, 1) << box.name;
    EXPECT_EQ(box.stops, box.name == box_of("stopped").engine_name ? 1 : 0) << box.name;
  }
  EXPECT_EQ(last_status("stays"), "RUNNING");
}

TEST_F(OverloadedEngine, OneThatAnswersEveryOtherTimeIsToldOfOnceAndOnceMoreWhenItAnswersInARow) {
  engine.every_other_ping = true;
  ASSERT_TRUE(until([&] { return !node->not_ready().empty(); }));
  EXPECT_NE(node->not_ready().find("server is overloaded"), std::string::npos) << node->not_ready();
  send("t1");
  const int begin = engine.pings;
  ASSERT_TRUE(until([&] { return engine.pings >= begin + 30; }));
  EXPECT_NE(node->not_ready(), "");
  EXPECT_EQ(last_status("t1"), "");
  EXPECT_EQ(created(), 0u);
  EXPECT_EQ(told("engine_unreachable"), 1);
  EXPECT_EQ(told("engine_reachable"), 0);
  engine.every_other_ping = false;
  ASSERT_TRUE(reaches("t1", "RUNNING"));
  EXPECT_EQ(node->not_ready(), "");
  EXPECT_EQ(told("engine_unreachable"), 1);
  EXPECT_EQ(told("engine_reachable"), 1);
}

}  // namespace
}  // namespace agent::node
