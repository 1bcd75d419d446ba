#include "agent/control/engine/feed_sync.h"

#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Millis;

// A new configuration: the target group's health check asks for this path.
void check_at(World& world, const std::string& path) {
  ASSERT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    rows(step).target_groups.edit(world.target_group, [&](auto& row) { row.health_check.path = path; });
    return {};
  }));
}

TEST(FeedSync, EveryBalancerGetsTheNewestConfigurationOnce) {
  World world;
  world.add_target_group();
  FakeBalancer& first = world.add_balancer("b1");
  FakeBalancer& second = world.add_balancer("b2");
  const auto version = world.state().published->version;
  EXPECT_EQ(first.versions, std::vector<std::uint64_t>{version});
  EXPECT_EQ(second.versions, std::vector<std::uint64_t>{version});
  EXPECT_EQ(first.config, *world.state().published);
  EXPECT_EQ(world.state().live.balancers.at("b1").acked_version, version);
  first.disconnect();
  first.connect();  // has it already
  EXPECT_EQ(first.versions.size(), 1u);
  EXPECT_EQ(world.state().live.balancers.at("b1").acked_version, version);
}

// While a balancer is busy with one configuration others come and go; it is given the newest, not each.
TEST(FeedSync, ABalancerGetsTheNextConfigurationOnceItHasAnsweredTheLast) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = world.add_balancer("b1");
  const auto change = [&](const std::string& path) { check_at(world, path); };
  balancer.acknowledges = false;
  change("/1");
  ASSERT_EQ(balancer.versions.size(), 2u);
  change("/2");
  change("/3");
  EXPECT_EQ(balancer.versions.size(), 2u);
  balancer.acknowledges = true;
  balancer.apply(balancer.received);
  world.rest();
  ASSERT_EQ(balancer.versions.size(), 3u);
  EXPECT_EQ(balancer.config, *world.state().published);

  // One that never answers is still told, a second apart.
  balancer.acknowledges = false;
  change("/4");
  change("/5");
  ASSERT_EQ(balancer.versions.size(), 4u);
  world.pass(Millis(1'000));
  ASSERT_EQ(balancer.versions.size(), 5u);
  EXPECT_EQ(balancer.received, *world.state().published);
  // A refusal is an answer too.
  change("/6");
  world.engine->feed_message(balancer.session,
                             lb::feed_to_json(lb::Refusal{balancer.versions.back(), "port taken"}));
  world.rest();
  EXPECT_EQ(balancer.received, *world.state().published);
}

TEST(FeedSync, VersionsRiseAboveWhatABalancerHasApplied) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = world.add_balancer("b1");
  balancer.disconnect();
  const std::uint64_t ahead = world.state().published->version + 1'000;
  balancer.config.version = ahead;  // from before the store was restored from a backup
  balancer.connect();
  ASSERT_FALSE(balancer.versions.empty());
  EXPECT_GT(balancer.versions.back(), ahead);
  EXPECT_EQ(balancer.config, *world.state().published);
}

// An older database goes on counting where the newer one was long before.
TEST(FeedSync, ABalancerNeverTakesAnotherConfigurationForTheOneItHas) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = world.add_balancer("b1");
  const auto change = [&](const std::string& path) {
    world.pass(Millis(1'000));
    check_at(world, path);
  };
  const auto old = world.store.records();
  for (const char* path : {"/1", "/2", "/3"}) change(path);
  balancer.disconnect();
  world.put_back(old);
  for (const char* path : {"/a", "/b"}) change(path);  // each start publishes once more by itself
  balancer.connect();
  EXPECT_EQ(balancer.config, *world.state().published);
  EXPECT_EQ(world.state().live.balancers.at("b1").acked_version, world.state().published->version);
}

TEST(FeedSync, AVersionThatNobodyPublishedDoesNotCutABalancerOff) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = world.add_balancer("b1");
  const auto version = world.state().published->version;
  balancer.disconnect();
  balancer.config.version = std::uint64_t{1} << 60;
  balancer.acknowledges = false;  // it will not go back
  balancer.connect();
  EXPECT_EQ(world.state().published->version, version) << "no jump that leaves no room for further versions";
  ASSERT_EQ(balancer.versions.size(), 2u);
  EXPECT_EQ(balancer.versions.back(), version);
}

TEST(FeedSync, SilenceAndNonsenseEndASession) {
  World world;
  FakeBalancer& balancer = world.add_balancer("b1");
  world.pass(Millis(30'000));
  EXPECT_TRUE(world.state().live.balancers.at("b1").connected);
  const auto channel = balancer.channel;
  balancer.channel.reset();  // hangs without closing
  world.pass(Millis(12'000));
  EXPECT_FALSE(world.state().live.balancers.at("b1").connected);
  EXPECT_NE(channel->closed, "");

  const auto expect_closed = [&](const std::string& text) {
    auto rude = std::make_shared<FakeChannel>();
    world.engine->feed_message(world.engine->feed_opened(rude), text);
    world.rest();
    EXPECT_NE(rude->closed, "") << text;
  };
  expect_closed("no JSON");
  expect_closed(lb::feed_to_json(lb::Ack{1}));  // before Hello
  expect_closed(lb::feed_to_json(lb::Hello{"", 0}));
}

TEST(FeedSync, ABalancerThatUnderstandsDeltasGetsTheWholeOnceAndThenWhatChanged) {
  World world;
  world.add_target_group();
  FakeBalancer& older = world.add_balancer("b1");
  FakeBalancer& balancer = world.add_balancer("b2");
  balancer.disconnect();
  balancer.config = balancer.received = {};
  balancer.deltas = true;
  balancer.connect();
  EXPECT_EQ(balancer.deltas_taken, 0) << "nothing that it has could be led on from";
  EXPECT_EQ(balancer.config, *world.state().published);
  for (const char* path : {"/1", "/2", "/3"}) {
    check_at(world, path);
    EXPECT_EQ(balancer.config, *world.state().published);
    EXPECT_EQ(older.config, *world.state().published);
  }
  EXPECT_EQ(balancer.deltas_taken, 3);
  EXPECT_EQ(older.deltas_taken, 0);

  balancer.disconnect();
  balancer.connect();  // has the newest
  check_at(world, "/4");
  EXPECT_EQ(balancer.deltas_taken, 4);
  balancer.disconnect();
  check_at(world, "/5");
  balancer.connect();
  EXPECT_EQ(balancer.deltas_taken, 4) << "what it has is not what control holds";
  EXPECT_EQ(balancer.config, *world.state().published);

  // Two that missed different versions while they were busy.
  balancer.acknowledges = false;
  check_at(world, "/6");
  check_at(world, "/7");
  balancer.acknowledges = true;
  balancer.apply(balancer.received);
  world.rest();
  EXPECT_EQ(balancer.deltas_taken, 6);
  EXPECT_EQ(balancer.config, *world.state().published);
}

FakeBalancer& add_delta_balancer(World& world) {
  FakeBalancer& balancer = world.add_balancer("b1");
  balancer.disconnect();
  balancer.deltas = true;
  balancer.connect();
  return balancer;
}

TEST(FeedSync, ABalancerThatAsksForTheWholeGetsIt) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = add_delta_balancer(world);
  check_at(world, "/1");
  ASSERT_EQ(balancer.deltas_taken, 1);
  const auto had = balancer.versions.size();
  balancer.received = {};
  world.engine->feed_message(balancer.session, lb::feed_to_json(lb::Resync{"lost it"}));
  world.rest();
  ASSERT_EQ(balancer.versions.size(), had + 1) << "also when it is the version that it was sent last";
  EXPECT_EQ(balancer.received, *world.state().published);
  check_at(world, "/2");
  EXPECT_EQ(balancer.deltas_taken, 2);
  EXPECT_EQ(balancer.config, *world.state().published);
}

TEST(FeedSync, ChangesOfAReportAreTakenInOrderAndAGapIsAskedAfter) {
  World world;
  world.add_target_group();
  FakeBalancer& balancer = add_delta_balancer(world);
  balancer.report();
  world.rest();
  balancer.reports = false;
  const auto& view = world.state().live.balancers.at("b1");
  const auto says = [&](std::uint64_t sequence, const std::string& registration, bool removed = false) {
    lb::ReportDelta delta{balancer.config.version, sequence, {}, {}};
    if (removed) delta.removed = {{world.target_group, registration}};
    if (!removed)
      delta.targets = {{world.target_group, registration, lb::Health::kHealthy, "", "", 0, false}};
    world.engine->feed_message(balancer.session, lb::feed_to_json(delta));
    world.rest();
  };
  ASSERT_EQ(balancer.sequence, 1U);
  std::uint64_t at = balancer.sequence;
  says(++at, "r1");
  says(++at, "r2");
  says(++at, "r1", true);
  EXPECT_EQ(view.targets.count("r1"), 0U);
  EXPECT_EQ(view.targets.count("r2"), 1U);
  EXPECT_EQ(balancer.asked_for_report, 0);
  at += 2;
  says(at, "r3");
  EXPECT_EQ(view.targets.count("r3"), 0U) << "who knows what was said in between";
  EXPECT_EQ(balancer.asked_for_report, 1);
  says(++at, "r4");
  EXPECT_EQ(view.targets.count("r4"), 0U);
  EXPECT_EQ(balancer.asked_for_report, 1) << "once is enough";
  balancer.sequence = at;
  balancer.reports = true;
  balancer.report();
  world.rest();
  EXPECT_EQ(view.targets.count("r2"), 0U) << "a whole one";
  says(balancer.sequence + 1, "r5");
  EXPECT_EQ(view.targets.count("r5"), 1U);
}

TEST(FeedSync, ASecondSessionOfABalancerReplacesTheFirst) {
  World world;
  FakeBalancer& balancer = world.add_balancer("b1");
  const auto old_channel = balancer.channel;
  const auto old_session = balancer.session;
  balancer.connect();
  EXPECT_NE(old_channel->closed, "");
  world.engine->feed_closed(old_session);
  world.rest();
  EXPECT_TRUE(world.state().live.balancers.at("b1").connected);
}

}  // namespace
}  // namespace agent::control::test
