#include "agent/control/engine/agent_sync.h"
#include "agent/control/tasks/changes.h"

#include "agent/control/cluster/instances.h"
#include "agent/control/state/lookup.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Millis;
using shared::Result;

TEST(AgentSync, SendsAgainUntilAcknowledged) {
  World world;
  FakeAgent& agent = world.add_agent();
  agent.acknowledges = false;
  const std::string arn = world.task(world.run(world.define("job"))).arn;
  EXPECT_EQ(agent.payloads[arn + " RUNNING"], 1);
  world.pass(Millis(16'000));
  EXPECT_EQ(agent.payloads[arn + " RUNNING"], 4);
  agent.acknowledges = true;
  world.pass(Millis(60'000));
  EXPECT_EQ(agent.payloads[arn + " RUNNING"], 5);
}

// An agent with two tasks, of which it has reported one.
struct OneOfTwoRuns {
  World world;
  FakeAgent& agent = world.add_agent();
  std::string pending = run();
  std::string running = run();
  OneOfTwoRuns() { agent.report(running, "RUNNING"); }

 private:
  std::string run() { return world.task(world.run(world.define("job"))).arn; }
};

TEST(AgentSync, ReconnectSendsWhatHasNotStartedAndAFreshManifest) {
  OneOfTwoRuns it;
  auto& [world, agent, pending, running] = it;
  ASSERT_EQ(agent.manifests.size(), 1u);
  EXPECT_TRUE(agent.manifests[0].tasks.empty());
  agent.disconnect();
  agent.connect();
  EXPECT_EQ(agent.payloads[pending + " RUNNING"], 2);
  EXPECT_EQ(agent.payloads[running + " RUNNING"], 1);
  ASSERT_EQ(agent.manifests.size(), 2u);
  EXPECT_GT(agent.manifests[1].timeline, agent.manifests[0].timeline);
  EXPECT_EQ(agent.manifests[1].tasks.size(), 2u);
  for (const auto& each : agent.manifests[1].tasks) EXPECT_EQ(each.desired_status, "RUNNING");
}

TEST(AgentSync, AgentsListenToAControlThatWasPutBackToAnOlderDatabase) {
  World world;
  FakeAgent& agent = world.add_agent();
  const auto old = world.store.records();
  world.crash_and_restart();
  agent.connect();
  for (int i = 0; i < 5; ++i) world.run(world.define("job"));
  agent.disconnect();
  agent.connect();
  world.pass(Millis(20'000));
  const std::uint64_t seen = agent.manifests.back().timeline;
  agent.disconnect();
  world.put_back(old);
  agent.connect();
  EXPECT_TRUE(agent.manifests.back().tasks.empty());
  EXPECT_GT(agent.manifests.back().timeline, seen)
      << "an older one is ignored, and its tasks would run on for good";
}

// By this an agent sees what an older database has forgotten.
TEST(AgentSync, TheManifestSaysWhatControlWasToldOfEachTask) {
  OneOfTwoRuns it;
  auto& [world, agent, pending, running] = it;
  agent.disconnect();
  agent.connect();
  ASSERT_EQ(agent.manifests.back().tasks.size(), 2u);
  for (const auto& each : agent.manifests.back().tasks) {
    EXPECT_EQ(each.last_status, each.arn == running ? "RUNNING" : "PENDING");
    ASSERT_EQ(each.containers.size(), 1u);
    EXPECT_EQ(each.containers[0].name, "main");
    EXPECT_EQ(each.containers[0].last_status, each.arn == running ? "RUNNING" : "PENDING");
  }
}

TEST(AgentSync, APayloadIsSentAgainToAnAgentThatHasOnlyTheContainersOfATask) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string arn = world.task(world.run(world.define("job"))).arn;
  agent.report(arn, "RUNNING");
  agent.disconnect();
  agent.connect();
  ASSERT_EQ(agent.payloads[arn + " RUNNING"], 1);
  const std::string unknown = "arn:aws:ecs:us-east-1:000000000000:task/default/unknown";
  link::TaskStopVerificationMessage question{agent.manifests.back().message_id, {}};
  for (const auto& each : {arn, unknown}) question.stop_candidates.push_back({each, "c", "RUNNING"});
  world.engine->agent_message(agent.session, link::acs_to_json(question));
  world.pass(Millis(60'000));
  EXPECT_EQ(agent.payloads[arn + " RUNNING"], 2) << "once, as it was acknowledged";
  EXPECT_TRUE(agent.verdicts.back().stop_tasks.empty());
}

TEST(AgentSync, AStopRequestedWhileAwayArrivesAfterReconnect) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string key = world.run(world.define("job"));
  const std::string arn = world.task(key).arn;
  agent.report(arn, "RUNNING");
  agent.disconnect();
  (void)world.submit([&](Step& step) -> Result<void> {
    stop_task(step, key, {"UserInitiated", "x"});
    return {};
  });
  EXPECT_EQ(agent.told[arn], "RUNNING");
  agent.connect();
  EXPECT_EQ(agent.told[arn], "STOPPED");
  EXPECT_EQ(agent.manifests.back().tasks.front().desired_status, "STOPPED");
}

TEST(AgentSync, NumbersRiseAcrossRestarts) {
  World world;
  FakeAgent& agent = world.add_agent();
  world.run(world.define("job"));
  for (int i = 0; i < 3; ++i) {
    world.crash_and_restart();
    agent.connect();  // the fake agent checks that every number is higher than all before
    EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
  }
  EXPECT_EQ(agent.manifests.size(), 4u);
}

TEST(AgentSync, ConfirmsOnlyStopsThatAreReallyWanted) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string definition = world.define("job");
  const std::string runs = world.task(world.run(definition)).arn;
  const std::string stop_key = world.run(definition);
  const std::string stops = world.task(stop_key).arn;
  (void)world.submit([&](Step& step) -> Result<void> {
    stop_task(step, stop_key, {"UserInitiated", "x"});
    return {};
  });
  const std::string unknown = "arn:aws:ecs:us-east-1:000000000000:task/default/unknown";
  link::TaskStopVerificationMessage question{agent.manifests[0].message_id, {}};
  for (const auto& each : {runs, stops, unknown}) question.stop_candidates.push_back({each, "c", "STOPPED"});
  world.engine->agent_message(agent.session, link::acs_to_json(question));
  world.rest();
  ASSERT_EQ(agent.verdicts.size(), 1u);
  EXPECT_EQ(agent.verdicts[0].message_id, question.message_id);
  std::vector<std::string> confirmed;
  for (const auto& each : agent.verdicts[0].stop_tasks) confirmed.push_back(each.arn);
  EXPECT_EQ(confirmed, (std::vector<std::string>{stops, unknown}));
}

// Two agents on one container engine see each other's containers; a host that lost its data sees those of the
// container instance it was.
TEST(AgentSync, TasksOfAnotherInstanceAreOnlyConfirmedOnceItIsDeregistered) {
  World world;
  FakeAgent& agent = world.add_agent();
  const std::string arn = world.task(world.run(world.define("job"))).arn;
  FakeAgent& other = world.add_agent();
  const auto asked = [&] {
    const link::TaskStopVerificationMessage question{other.manifests[0].message_id, {{arn, "c", "STOPPED"}}};
    world.engine->agent_message(other.session, link::acs_to_json(question));
    world.rest();
    return other.verdicts.back().stop_tasks.size();
  };
  EXPECT_EQ(asked(), 0u);
  agent.disconnect();
  EXPECT_EQ(asked(), 0u) << "it may only be restarting";
  (void)world.submit([&](Step& step) {
    return deregister_instance(step, key_of(*find_instance_by_arn(step.state, agent.arn)), Force::kYes);
  });
  EXPECT_EQ(asked(), 1u);
}

TEST(AgentSync, HeartbeatsKeepALivingSessionAndSilenceEndsADeadOne) {
  World world;
  FakeAgent& agent = world.add_agent();
  world.pass(Millis(300'000));
  EXPECT_GE(agent.heartbeats, 10);
  EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
  agent.acknowledges = false;
  world.pass(world.settings.agent_silence + Millis(1'000));
  EXPECT_FALSE(world.state().live.agents.at(agent.arn).connected);
  EXPECT_NE(agent.channel->closed, "");
}

TEST(AgentSync, ANewSessionReplacesTheOldAndItsLateEndDoesNoHarm) {
  World world;
  FakeAgent& agent = world.add_agent();
  const auto old_channel = agent.channel;
  const auto old_session = agent.session;
  agent.connect();
  EXPECT_NE(old_channel->closed, "");
  world.engine->agent_closed(old_session);
  world.rest();
  EXPECT_TRUE(world.state().live.agents.at(agent.arn).connected);
  auto stranger = std::make_shared<FakeChannel>();
  world.engine->agent_opened("arn:aws:ecs:us-east-1:000000000000:container-instance/default/x", stranger);
  world.rest();
  EXPECT_EQ(stranger->closed.find("InvalidInstanceException"), 0u);
  world.engine->agent_message(agent.session, "this is no JSON");
  world.rest();
  EXPECT_EQ(agent.channel->closed, "");
}

}  // namespace
}  // namespace agent::control::test
