#include "balancer/feed/session.h"

#include <gtest/gtest.h>

#include "balancer/feed/control_feed.h"

namespace balancer::feed {
namespace {

using shared::Millis;
using shared::SteadyTime;
namespace lb = shared::lbconfig;

constexpr SteadyTime kStart{std::chrono::hours(1)};

struct OneTarget final : ReportSource {
  std::vector<lb::TargetReport> target_reports() override {
    return {{"tg", "r1", lb::Health::kHealthy, "", "", 3, false}};
  }
};

lb::Snapshot snapshot(std::uint64_t version) {
  lb::Snapshot out;
  out.config.version = version;
  return out;
}

template <class M>
int count(const FeedSession::Output& out) {
  int n = 0;
  for (const auto& message : out.send) n += std::holds_alternative<M>(message) ? 1 : 0;
  return n;
}

struct Rig {
  explicit Rig(std::uint64_t applied = 0) : session("b-1", applied, reports) {}
  OneTarget reports;
  FeedSession session;
};

TEST(FeedSession, HelloComesFirstWithTheVersionInForce) {
  Rig rig(41);
  const auto out = rig.session.on_connected(kStart);
  ASSERT_FALSE(out.send.empty());
  const auto& hello = std::get<lb::Hello>(out.send[0]);
  EXPECT_EQ(hello.balancer_id, "b-1");
  EXPECT_EQ(hello.applied_version, 41U);
}

TEST(FeedSession, AcknowledgesOnlyWhenEveryWorkerRoutesByTheVersionAndReportsWithIt) {
  Rig rig;
  rig.session.on_connected(kStart);
  const auto received = rig.session.on_message(snapshot(5), kStart);
  EXPECT_TRUE(received.send.empty());
  ASSERT_TRUE(received.apply);
  EXPECT_EQ(received.apply->version, 5U);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(5'000)).send.empty()) << "nothing to report about";
  const auto applied = rig.session.on_applied(5, {}, kStart);
  ASSERT_EQ(applied.send.size(), 2U);
  EXPECT_EQ(std::get<lb::Ack>(applied.send[0]).version, 5U);
  const auto& report = std::get<lb::Report>(applied.send[1]);
  EXPECT_EQ(report.version, 5U);
  ASSERT_EQ(report.targets.size(), 1U);
  EXPECT_EQ(report.targets[0].in_flight, 3U);
}

TEST(FeedSession, ARefusedVersionLeavesTheFormerOneInForceAndMayBeSentAgain) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  ASSERT_TRUE(rig.session.on_message(snapshot(5), kStart).apply);
  const auto out = rig.session.on_applied(
      5, shared::Error("address_in_use", "bind 0.0.0.0:80: Address already in use"), kStart);
  ASSERT_EQ(out.send.size(), 1U);
  EXPECT_EQ(std::get<lb::Refusal>(out.send[0]).reason, "bind 0.0.0.0:80: Address already in use");
  EXPECT_EQ(rig.session.applied_version(), 4U);
  EXPECT_TRUE(rig.session.on_message(snapshot(5), kStart).apply);
}

TEST(FeedSession, VersionsOnlyRise) {
  Rig rig(9);
  rig.session.on_connected(kStart);
  const auto same = rig.session.on_message(snapshot(9), kStart);
  EXPECT_FALSE(same.apply);
  EXPECT_EQ(count<lb::Ack>(same), 1) << "control may have lost the first one";
  EXPECT_FALSE(rig.session.on_message(snapshot(8), kStart).apply);
  ASSERT_TRUE(rig.session.on_message(snapshot(11), kStart).apply);
  EXPECT_FALSE(rig.session.on_message(snapshot(10), kStart).apply) << "overtaken";
  EXPECT_FALSE(rig.session.on_message(snapshot(11), kStart).apply) << "already in hand";
  rig.session.on_superseded(11);
  EXPECT_EQ(rig.session.applied_version(), 9U);
}

TEST(FeedSession, ReportsChangesAtOnceAndOtherwiseOncePerInterval) {
  Rig rig(9);
  rig.session.on_connected(kStart);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(999)).send.empty());
  EXPECT_EQ(count<lb::Report>(rig.session.tick(kStart + lb::kReportInterval)), 1);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(1'001)).send.empty());
  rig.session.on_targets_changed();
  rig.session.on_targets_changed();
  EXPECT_EQ(count<lb::Report>(rig.session.tick(kStart + Millis(1'002))), 1);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(1'003)).send.empty()) << "coalesced";
}

TEST(FeedSession, ASilentControlIsLeftAndAHeartbeatKeepsIt) {
  Rig rig(9);
  rig.session.on_connected(kStart);
  rig.session.on_message(lb::Heartbeat{12}, kStart + Millis(9'000));
  EXPECT_EQ(rig.session.control_version(), 12U);
  EXPECT_FALSE(rig.session.tick(kStart + lb::kFeedSilence).close);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(9'000) + lb::kFeedSilence).close);
  EXPECT_TRUE(rig.session.on_message(lb::Hello{}, kStart).close) << "a message only a balancer sends";
}

TEST(FeedSession, WhatIsAppliedWhileDisconnectedIsToldByTheNextHello) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  ASSERT_TRUE(rig.session.on_message(snapshot(5), kStart).apply);
  rig.session.on_disconnected();
  EXPECT_TRUE(rig.session.on_applied(5, {}, kStart).send.empty());
  EXPECT_EQ(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).applied_version, 5U);
}

TEST(Backoff, GrowsFromATenthOfASecondToFiveWithJitterAndStartsOver) {
  shared::env::SeededRandom random(3);
  Backoff backoff;
  Millis most = Backoff::kFirst;
  for (int i = 0; i < 20; ++i) {
    const Millis chosen = backoff.next(random);
    EXPECT_GE(chosen, most / 2);
    EXPECT_LE(chosen, most);
    most = std::min(most * 2, Backoff::kLast);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(random), Backoff::kFirst);
}

TEST(ControlUrl, NamesWhatIsWrong) {
  const auto good = parse_control_url("http://10.0.0.1:7350/");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->endpoint.port, 7350);
  EXPECT_EQ(good->host, "10.0.0.1:7350");
  EXPECT_EQ(parse_control_url("http://10.0.0.1")->endpoint.port, 80);
  for (const char* bad :
       {"", "10.0.0.1:80", "https://10.0.0.1", "http://", "http://a/b", "http://10.0.0.1:x"})
    EXPECT_FALSE(parse_control_url(bad)) << bad;
}

}  // namespace
}  // namespace balancer::feed
