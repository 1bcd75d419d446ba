#include "agent/control/engine/engine.h"

#include "agent/control/engine/input_queue.h"
#include "agent/control/state/installation.h"
#include "agent/control/tasks/tasks.h"
#include "shared/base/text.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Error;
using shared::Result;

Result<void> put_cluster(Step& step, const std::string& name) {
  model::Cluster cluster;
  cluster.name = name;
  cluster.arn = step.arn(aws::EcsKind::kCluster, name);
  cluster.document = "{}";
  rows(step).clusters.put(name, cluster);
  return {};
}

TEST(Engine, InstallationIsNamedOnceAndKept) {
  World world;
  world.rest();
  const std::string id = installation_of(world.state());
  EXPECT_EQ(id.size(), 36u);
  EXPECT_TRUE(world.store.records().contains("installation/id"));
  world.crash_and_restart();
  EXPECT_EQ(installation_of(world.state()), id);
}

TEST(Engine, OlderDatabaseGetsAnInstallationBeforeAnyAnswer) {
  World world;
  world.rest();
  ASSERT_TRUE(world.store.commit({{}, {"installation/id"}}));
  world.crash_and_restart();
  std::string seen;
  (void)world.submit([&](Step& step) -> Result<void> {
    seen = installation_of(step.state);
    return {};
  });
  EXPECT_EQ(seen.size(), 36u);
}

TEST(Engine, InstallationThatIsSetReplacesTheOneInTheDatabase) {
  World world;
  world.rest();
  world.settings.installation = "the-old-one";
  world.crash_and_restart();
  EXPECT_EQ(installation_of(world.state()), "the-old-one");
  world.settings.installation.clear();
  world.crash_and_restart();
  EXPECT_EQ(installation_of(world.state()), "the-old-one");
}

TEST(Engine, AnswersOnlyAfterTheChangeIsDurable) {
  World world;
  bool durable = false;
  world.engine->submit([](Step& step) { return put_cluster(step, "prod"); },
                       [&](Result<void>) { durable = world.store.records().contains("cluster/prod"); });
  world.rest();
  EXPECT_TRUE(durable);
}

TEST(Engine, TakesBackAllOfAFailedStepAndNothingElseOfItsBatch) {
  World world;
  std::vector<std::string> answers;
  const auto note = [&](Result<void> result) { answers.push_back(result ? "ok" : result.error().code()); };
  const std::size_t commits = world.store.commits();
  world.engine->submit([](Step& step) { return put_cluster(step, "first"); }, note);
  world.engine->submit(
      [](Step& step) -> Result<void> {
        (void)put_cluster(step, "second");
        rows(step).clusters.edit("first", [](auto& row) { row.document = "changed"; });
        rows(step).clusters.erase("default");
        return Error("InvalidParameterException", "no");
      },
      note);
  world.engine->submit([](Step& step) { return put_cluster(step, "third"); }, note);
  world.rest();
  EXPECT_EQ(answers, (std::vector<std::string>{"ok", "InvalidParameterException", "ok"}));
  EXPECT_EQ(world.store.commits(), commits + 1);  // one commit for all of them
  EXPECT_NE(world.state().clusters.find("default"), nullptr);
  EXPECT_EQ(world.state().clusters.find("second"), nullptr);
  EXPECT_EQ(world.state().clusters.find("first")->document, "{}");
  EXPECT_NE(world.state().clusters.find("third"), nullptr);
}

TEST(Engine, ReadsCostNoCommit) {
  World world;
  const std::size_t commits = world.store.commits();
  EXPECT_TRUE(world.submit([](Step&) -> Result<void> { return {}; }).has_value());
  EXPECT_EQ(world.store.commits(), commits);
}

TEST(Engine, AFailedCommitChangesNothingAndTellsEveryCallerWhy) {
  World world;
  world.store.fail_next_commits(1, Error("disk_full", "write store: no space left"));
  std::vector<std::string> answers;
  const auto note = [&](Result<void> result) {
    answers.push_back(result ? "ok" : shared::with_code(result.error()));
  };
  world.engine->submit([](Step& step) { return put_cluster(step, "a"); }, note);
  world.engine->submit([](Step& step) { return put_cluster(step, "b"); }, note);
  world.rest();
  ASSERT_EQ(answers.size(), 2u);
  for (const auto& each : answers) {
    EXPECT_EQ(each, "ServerException: The change could not be saved: write store: no space left");
  }
  EXPECT_EQ(world.state().clusters.find("a"), nullptr);
  EXPECT_NE(world.engine->not_ready().find("no space left"), std::string::npos);
  EXPECT_TRUE(world.submit([](Step& step) { return put_cluster(step, "a"); }).has_value());
  EXPECT_EQ(world.engine->not_ready(), "");
}

// Submitted one by one, each with its own turn.
class Answers {
 public:
  explicit Answers(World& world) : world_(world) {}
  void ask(const std::string& name, Engine::Apply apply) {
    world_.engine->submit(std::move(apply), [this, name](const Result<void>& result) {
      list.push_back(name + " " + (result ? "ok" : result.error().code()));
    });
    world_.rest();
  }
  void put(const std::string& name) {
    ask(name, [name](Step& step) { return put_cluster(step, name); });
  }
  std::vector<std::string> list;

 private:
  World& world_;
};
using List = std::vector<std::string>;

TEST(Engine, DecidesTheNextBatchWhileTheLastIsBeingSaved) {
  World world;
  Answers answers(world);
  world.commits.hold = true;
  answers.put("a");
  answers.put("b");
  answers.put("c");  // waits: two batches may be lost together, no more
  EXPECT_NE(world.state().clusters.find("b"), nullptr);
  EXPECT_EQ(world.state().clusters.find("c"), nullptr);
  EXPECT_TRUE(world.engine->saving());
  EXPECT_TRUE(answers.list.empty());
  EXPECT_FALSE(world.store.records().contains("cluster/a"));

  world.commits.release();
  world.rest();
  EXPECT_EQ(answers.list, List{"a ok"});
  EXPECT_FALSE(world.store.records().contains("cluster/b"));
  EXPECT_NE(world.state().clusters.find("c"), nullptr);
  world.commits.release();
  world.commits.release();
  world.rest();
  EXPECT_EQ(answers.list, (List{"a ok", "b ok", "c ok"}));
  EXPECT_TRUE(world.store.records().contains("cluster/c"));
  EXPECT_FALSE(world.engine->saving());
}

TEST(Engine, AFailedCommitTakesBackWhatWasDecidedOnTopOfIt) {
  World world;
  Answers answers(world);
  answers.put("a");
  world.commits.hold = true;
  answers.ask("edit", [](Step& step) -> Result<void> {
    rows(step).clusters.edit("a", [](model::Cluster& row) { row.document = "first"; });
    return {};
  });
  answers.ask("again", [](Step& step) -> Result<void> {
    rows(step).clusters.edit("a", [](model::Cluster& row) { row.document += " second"; });
    rows(step).clusters.erase("default");
    return {};
  });
  world.store.fail_next_commits(1, Error("disk_full", "no space left"));
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(answers.list, (List{"a ok", "edit ServerException", "again ServerException"}));
  EXPECT_EQ(world.state().clusters.find("a")->document, "{}");
  EXPECT_NE(world.state().clusters.find("default"), nullptr);
  EXPECT_FALSE(world.engine->saving());
  world.crash_and_restart();
  EXPECT_EQ(world.state().clusters.find("a")->document, "{}");
}

// A crash may still take it back.
TEST(Engine, ARowThatIsNotDurableIsShownToNobody) {
  World world;
  Answers answers(world);
  world.commits.hold = true;
  answers.put("a");
  bool seen = false;
  answers.ask("read", [&](Step& step) -> Result<void> {
    seen = step.state.clusters.find("a") != nullptr;
    return {};
  });
  EXPECT_TRUE(answers.list.empty());
  world.commits.release();
  world.rest();
  EXPECT_EQ(answers.list, (List{"a ok", "read ok"}));
  EXPECT_TRUE(seen);

  answers.put("b");
  answers.ask("read", [&](Step& step) -> Result<void> {
    seen = step.state.clusters.find("b") != nullptr;
    return {};
  });
  world.store.fail_next_commits(1, Error("disk_full", "no space left"));
  world.commits.release();
  world.rest();
  EXPECT_EQ(answers.list, (List{"a ok", "read ok", "b ServerException", "read ok"}));
  EXPECT_FALSE(seen);
}

TEST(Engine, AnAgentIsToldOfATaskOnceItIsDurable) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string definition = world.define("web");
  world.commits.hold = true;
  world.engine->submit(
      [&](Step& step) -> Result<void> {
        RunTask request;
        request.cluster = "default";
        request.task_definition_arn = definition;
        return run_task(step, request) ? Result<void>() : Error("test", "no room");
      },
      [](const Result<void>&) {});
  world.rest();
  EXPECT_EQ(world.state().tasks.size(), 1u);
  EXPECT_TRUE(agent.told.empty());
  world.commits.release();
  world.rest();
  EXPECT_EQ(agent.told.size(), 1u);
}

TEST(Engine, MessagesOfABatchThatWasTakenBackAreSaidWhenItIsDurable) {
  World world;
  world.add_target_group();
  FakeAgent& agent = world.add_agent();
  FakeBalancer& balancer = world.add_balancer("b1");
  world.create(world.service("web", world.define("web", R"("cpu": 256, "memory": 256)", 80), 1));
  ASSERT_TRUE(world.until([&] { return world.counts("default/web").running == 1; }));
  const auto versions = balancer.versions.size();
  const auto manifests = agent.manifests.size();
  const std::size_t told = agent.told.size();

  world.commits.hold = true;
  Answers answers(world);
  answers.put("first");
  world.engine->submit(
      [](Step& step) -> Result<void> {
        rows(step).services.edit("default/web", [](model::Service& row) { row.desired_count = 3; });
        return {};
      },
      [](const Result<void>&) {});
  world.rest();
  EXPECT_EQ(world.live_tasks().size(), 3u);
  world.store.fail_next_commits(1, Error("disk_full", "no space left"));
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(world.live_tasks().size(), 1u);
  EXPECT_EQ(agent.told.size(), told);
  EXPECT_EQ(balancer.versions.size(), versions);
  EXPECT_EQ(agent.manifests.size(), manifests);

  ASSERT_TRUE(world
                  .submit([](Step& step) -> Result<void> {
                    rows(step).services.edit("default/web",
                                             [](model::Service& row) { row.desired_count = 3; });
                    return {};
                  })
                  .has_value());
  EXPECT_TRUE(world.until([&] { return world.counts("default/web").running == 3; }));
  EXPECT_EQ(balancer.config, *world.state().published);
}

// Its message was taken back with a batch that it only happened to be in.
TEST(Engine, APayloadThatIsRepeatedIsNotLostWithAnothersCommit) {
  World world;
  FakeAgent& agent = world.add_agent();
  agent.acknowledges = false;
  const std::string key = world.run(world.define("web"));
  const std::string payload = world.task(key).arn + " RUNNING";
  ASSERT_EQ(agent.payloads[payload], 1);
  world.commits.hold = true;
  Answers answers(world);
  answers.put("a");
  answers.put("b");
  world.executor.advance(kResendAfter + shared::Millis(100));
  world.rest();
  EXPECT_EQ(agent.payloads[payload], 1);
  world.store.fail_next_commits(1, Error("disk_full", "no space left"));
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(agent.payloads[payload], 2);
}

TEST(Engine, ACommitThatTakesMinutesHoldsUpNoHeartbeat) {
  World world;
  world.add_target_group();
  FakeAgent& agent = world.add_agent();
  FakeBalancer& balancer = world.add_balancer("b1");
  world.commits.hold = true;
  Answers answers(world);
  answers.put("a");
  answers.put("b");
  const int before = agent.heartbeats;
  const std::size_t said = balancer.channel->sent.size();
  const auto channel = agent.channel;
  world.pass(shared::Millis(4'000));
  EXPECT_EQ(world.engine->not_ready(), "");
  world.pass(shared::Millis(86'000));
  EXPECT_GE(agent.heartbeats - before, 5);
  EXPECT_GE(balancer.channel->sent.size() - said, 5u);
  EXPECT_EQ(world.engine->not_ready(), "the store has not answered for 90 s");
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(world.engine->not_ready(), "");
  EXPECT_EQ(answers.list, (List{"a ok", "b ok"}));
  EXPECT_EQ(channel->closed, "") << "it was heard, though nobody had time to listen";
  EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
}

TEST(Engine, ReadsAreAnsweredWhileNothingCanBeSaved) {
  World world;
  Answers answers(world);
  answers.put("a");
  world.store.fail_next_commits(1'000'000, Error("disk_full", "no space left"));
  world.engine->submit([](Step& step) { return put_cluster(step, "b"); }, [](const Result<void>&) {});
  bool found = false;
  const auto read = [&](Step& step) -> Result<void> {
    found = step.state.clusters.find("a") != nullptr && step.state.clusters.find("b") == nullptr;
    return {};
  };
  answers.ask("read", read);
  EXPECT_EQ(answers.list, (List{"a ok", "read ok"}));
  EXPECT_TRUE(found);
  answers.ask("read", read);
  answers.put("c");
  answers.ask("refused", [](Step&) -> Result<void> { return Error("ClusterNotFoundException", ""); });
  EXPECT_EQ(answers.list,
            (List{"a ok", "read ok", "read ok", "c ServerException", "refused ClusterNotFoundException"}));
  EXPECT_NE(world.engine->not_ready(), "");
}

// What sessions said is kept beside the calls.
TEST(Engine, CallsDoNotWaitBehindWhatSessionsSaidWhileNothingCanBeSaved) {
  World world;
  world.store.fail_next_commits(1'000'000, Error("disk_full", "no space left"));
  constexpr int kMany = 700;
  for (int i = 0; i < kMany; ++i) {
    const auto session = world.engine->feed_opened(std::make_shared<FakeChannel>());
    world.engine->feed_message(session, lb::feed_to_json(lb::Hello{"b" + std::to_string(i), 0, true}));
  }
  world.rest();
  Answers answers(world);
  answers.ask("read", [](Step&) -> Result<void> { return {}; });
  answers.put("a");
  EXPECT_EQ(answers.list, (List{"read ok", "a ServerException"}));
  world.store.fail_next_commits(0, Error("", ""));
  world.pass(shared::Millis(3'000));
  EXPECT_EQ(world.state().balancers.size(), static_cast<std::size_t>(kMany));
}

// A turn may start 2,560 tasks, each of which is acknowledged; these are enough to tell from as many as
// calls.
TEST(Engine, WhatAFullTurnMakesSessionsSayFitsIntoTheNext) {
  World world;
  world.commits.hold = true;
  Answers answers(world);
  answers.put("a");
  answers.put("b");
  constexpr std::size_t kSaid = 1'200;
  for (std::size_t i = 0; i < kSaid / 2; ++i) {
    const auto session = world.engine->feed_opened(std::make_shared<FakeChannel>());
    world.engine->feed_message(session, lb::feed_to_json(lb::Hello{"b" + std::to_string(i), 0, true}));
  }
  world.rest();
  EXPECT_EQ(world.state().balancers.size(), 0u);
  world.commits.release();
  world.rest();  // one turn: after it two batches wait again
  EXPECT_EQ(world.state().balancers.size(), kSaid / 2);
}

TEST(Engine, ThrottlesCallsBeyondThoseThatMayWait) {
  World world;
  world.commits.hold = true;
  Answers answers(world);
  answers.put("a");
  answers.put("b");
  std::size_t applied = 0;
  std::size_t answered = 0;
  std::vector<std::string> refused;
  for (std::size_t i = 0; i < kMaxWaitingCalls + 2; ++i) {
    world.engine->submit(
        [&](Step&) -> Result<void> {
          ++applied;
          return {};
        },
        [&](const Result<void>& result) {
          if (result) {
            ++answered;
          } else {
            refused.push_back(result.error().code());
          }
        });
  }
  EXPECT_TRUE(refused.empty()) << "not inside submit()";
  world.rest();
  EXPECT_EQ(refused, (List{"throttled", "throttled"}));
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(applied, kMaxWaitingCalls);
  EXPECT_EQ(answered, kMaxWaitingCalls);
}

// What an agent or a balancer said is not said twice: it must survive the failure.
TEST(Engine, SessionsOutliveAFailedCommit) {
  World world;
  world.add_target_group();
  FakeAgent& agent = world.add_agent();
  agent.disconnect();
  world.store.fail_next_commits(1'000'000, Error("disk_full", "no space left"));
  agent.connect();
  FakeBalancer& balancer = world.add_balancer("b1");
  world.pass(shared::Millis(30'000));
  EXPECT_TRUE(balancer.versions.empty()) << "one that a crash would make us forget must not route";
  world.store.fail_next_commits(0, Error("", ""));
  world.pass(shared::Millis(3'000));
  EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
  EXPECT_NE(world.state().balancers.find("b1"), nullptr);
  EXPECT_FALSE(balancer.versions.empty());
}

TEST(Engine, AgentsAndBalancersHearFromControlWhileNothingCanBeSaved) {
  World world;
  world.add_target_group();
  FakeAgent& agent = world.add_agent();
  FakeBalancer& balancer = world.add_balancer("b1");
  agent.disconnect();
  world.create(world.service("web", world.define("web", R"("cpu": 256, "memory": 256)", 80), 2));
  world.store.fail_next_commits(1'000'000, Error("disk_full", "no space left"));
  agent.connect();  // from now on there is a change that nobody waits for: two tasks to place
  const int before = agent.heartbeats;
  const std::size_t said = balancer.channel->sent.size();
  world.pass(shared::Millis(90'000));
  EXPECT_NE(world.engine->not_ready(), "");
  EXPECT_GE(agent.heartbeats - before, 5);
  EXPECT_GE(balancer.channel->sent.size() - said, 5u);
  EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
  EXPECT_TRUE(agent.told.empty()) << "what is not durable is not said";
  world.store.fail_next_commits(0, Error("", ""));
  EXPECT_TRUE(world.until([&] { return world.counts("default/web").running == 2; }));
}

TEST(Engine, StartsFromTheStoreAndNamesACorruptRow) {
  World world;
  world.add_target_group();
  world.add_balancer("b1");
  auto config = *world.state().published;
  ASSERT_GT(config.version, 0u);
  world.crash_and_restart();
  config.version = world.state().published->version;
  EXPECT_EQ(*world.state().published, config);
  EXPECT_NE(world.state().clusters.find("default"), nullptr);

  ASSERT_TRUE(world.store.commit({{{"service/default/web", "{"}}, {}}).has_value());
  Engine broken(world.executor, world.random, world.commits, world.settings);
  const auto started = broken.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code(), "corrupt");
  EXPECT_NE(started.error().text().find("service/default/web"), std::string::npos);
  EXPECT_NE(broken.not_ready(), "");
}

// A start looks at everything, and so does a sweep.
TEST(Engine, CallsAreAnsweredWhileManyServicesAreStillToBeLookedAt) {
  constexpr int kServices = 600;
  World world;
  world.create(world.service("web", world.define("web"), 0));
  ASSERT_TRUE(world.submit([&](Step& step) -> Result<void> {
    model::Service service = *step.state.services.find("default/web");
    for (int i = 0; i < kServices; ++i) {
      service.name = "web" + std::to_string(i);
      rows(step).services.put(key_of(service), service);
    }
    return {};
  }));
  world.engine = std::make_unique<Engine>(world.executor, world.random, world.commits, world.settings);
  ASSERT_TRUE(world.engine->start());
  bool answered = false;
  world.engine->submit([](Step&) -> Result<void> { return {}; },
                       [&](const Result<void>&) { answered = true; });
  world.executor.run_ready();
  const auto& agenda = world.state().live.agenda;
  EXPECT_TRUE(answered);
  EXPECT_TRUE(agenda.due(world.executor.wall_now())) << "all of them were looked at before the answer";
  world.pass(shared::Millis(100));
  EXPECT_FALSE(agenda.due(world.executor.wall_now()));
}

TEST(Engine, SettingsChangedOverARestartReachBalancers) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = world.add_balancer("b1");
  world.settings.listen_addresses = {"127.0.0.9"};
  world.crash_and_restart();
  balancer.connect();
  ASSERT_FALSE(balancer.config.listeners.empty());
  EXPECT_EQ(balancer.config.listeners.front()->address, "127.0.0.9");
  EXPECT_EQ(balancer.config, *world.state().published);
}

TEST(Engine, MaySubmitFromAnAnswer) {
  World world;
  bool second = false;
  world.engine->submit([](Step&) -> Result<void> { return {}; },
                       [&](Result<void>) {
                         world.engine->submit([](Step& step) { return put_cluster(step, "late"); },
                                              [&](Result<void>) { second = true; });
                       });
  world.rest();
  EXPECT_TRUE(second);
  EXPECT_NE(world.state().clusters.find("late"), nullptr);
}

TEST(Engine, AThousandStepsAtOnceAllGetTheirAnswer) {
  World world;
  int answered = 0;
  for (int i = 0; i < 1000; ++i) {
    world.engine->submit([i](Step& step) { return put_cluster(step, "c" + std::to_string(i)); },
                         [&](Result<void> result) { answered += result ? 1 : 0; });
  }
  world.rest();
  EXPECT_EQ(answered, 1000);
  EXPECT_EQ(world.state().clusters.size(), 1001u);
}

}  // namespace
}  // namespace agent::control::test
