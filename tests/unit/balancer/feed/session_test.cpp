#include "balancer/feed/session.h"

#include <gtest/gtest.h>

#include <utility>

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
  Changes changed_reports() override { return std::exchange(changes, {}); }
  Changes changes;
  lb::Figures figures(bool everything) override {
    asked_for_everything = everything;
    return std::exchange(counted, {});
  }
  lb::Figures counted;
  bool asked_for_everything = false;
};

lb::Config config(std::uint64_t version) {
  lb::Config out;
  out.version = version;
  return out;
}

lb::Snapshot snapshot(std::uint64_t version) { return {config(version)}; }

// To a configuration with one target group more.
lb::Delta delta(std::uint64_t from, std::uint64_t to) {
  lb::Delta out;
  out.from_version = from;
  out.version = to;
  lb::TargetGroup group;
  group.id = "tg-" + std::to_string(to);
  out.target_groups.put = {{0, group}};
  return out;
}

template <class M>
int count(const FeedSession::Output& out) {
  int n = 0;
  for (const auto& message : out.send) n += std::holds_alternative<M>(message) ? 1 : 0;
  return n;
}

struct Rig {
  explicit Rig(std::uint64_t applied = 0) : session("b-1", applied, reports) {
    if (applied != 0) session.on_applied(config(applied), {}, kStart);
  }
  // Of before deltas: refuses the first Hello.
  void connect_to_an_older_control() {
    session.on_connected(kStart);
    session.on_disconnected();
    const auto out = session.on_connected(kStart);
    EXPECT_FALSE(std::get<lb::Hello>(out.send.at(0)).deltas);
  }
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
  const auto applied = rig.session.on_applied(config(5), {}, kStart);
  ASSERT_EQ(applied.send.size(), 2U);
  EXPECT_EQ(std::get<lb::Ack>(applied.send[0]).version, 5U);
  const auto& report = std::get<lb::Report>(applied.send[1]);
  EXPECT_EQ(report.version, 5U);
  ASSERT_EQ(report.targets.size(), 1U);
  EXPECT_EQ(report.targets[0].in_flight, 3U);
}

TEST(FeedSession, WhatIsNotOnTheDiskIsRoutedByAndNotAcknowledged) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  ASSERT_TRUE(rig.session.on_message(snapshot(5), kStart).apply);
  const auto applied = rig.session.on_applied(config(5), {}, kStart, Kept::kNotYet);
  EXPECT_EQ(count<lb::Ack>(applied), 0);
  ASSERT_EQ(applied.send.size(), 1U) << "how its targets are is told";
  EXPECT_EQ(rig.session.applied_version(), 5U);
  EXPECT_EQ(count<lb::Ack>(rig.session.on_message(snapshot(5), kStart)), 0) << "nor when it comes once more";
  rig.session.on_message(lb::Heartbeat{5}, kStart);
  rig.session.on_disconnected();
  const auto again = rig.session.on_connected(kStart);
  const auto& hello = std::get<lb::Hello>(again.send.at(0));
  EXPECT_EQ(hello.applied_version, 5U);
  EXPECT_EQ(hello.kept_version, 4U);
  const auto kept = rig.session.on_kept();
  ASSERT_EQ(kept.send.size(), 1U);
  EXPECT_EQ(std::get<lb::Ack>(kept.send[0]).version, 5U);
  EXPECT_TRUE(rig.session.on_kept().send.empty()) << "once";
  rig.session.on_disconnected();
  EXPECT_FALSE(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).kept_version);
}

TEST(FeedSession, ARefusedVersionLeavesTheFormerOneInForceAndMayBeSentAgain) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  ASSERT_TRUE(rig.session.on_message(snapshot(5), kStart).apply);
  const auto out = rig.session.on_applied(
      config(5), shared::Error("address_in_use", "bind 0.0.0.0:80: Address already in use"), kStart);
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

TEST(FeedSession, ReportsOnceAndThenWhatChangedAtOnceAndOtherwiseWithinTheInterval) {
  Rig rig(9);
  const auto connected = rig.session.on_connected(kStart);
  ASSERT_EQ(connected.send.size(), 2U);
  EXPECT_TRUE(std::get<lb::Hello>(connected.send[0]).deltas);
  EXPECT_EQ(std::get<lb::Report>(connected.send[1]).sequence, 1U);
  EXPECT_TRUE(rig.session.tick(kStart + lb::kReportDeltaInterval - Millis(1)).send.empty());
  const auto idle = rig.session.tick(kStart + lb::kReportDeltaInterval);
  ASSERT_EQ(count<lb::ReportDelta>(idle), 1);
  EXPECT_TRUE(std::get<lb::ReportDelta>(idle.send[0]).targets.empty());
  EXPECT_EQ(std::get<lb::ReportDelta>(idle.send[0]).sequence, 2U);

  rig.reports.changes.targets = {{"tg", "r1", lb::Health::kUnhealthy, "Target.Timeout", "", 0, false}};
  rig.reports.changes.removed = {{"tg", "r0"}};
  rig.session.on_targets_changed();
  rig.session.on_targets_changed();
  const auto changed = rig.session.tick(kStart + lb::kReportDeltaInterval + Millis(1));
  ASSERT_EQ(changed.send.size(), 1U);
  const auto& report = std::get<lb::ReportDelta>(changed.send[0]);
  EXPECT_EQ(report.version, 9U);
  EXPECT_EQ(report.sequence, 3U);
  ASSERT_EQ(report.targets.size(), 1U);
  EXPECT_EQ(report.targets[0].health, lb::Health::kUnhealthy);
  ASSERT_EQ(report.removed.size(), 1U);
  EXPECT_TRUE(rig.session.tick(kStart + lb::kReportDeltaInterval + Millis(2)).send.empty()) << "coalesced";

  const auto whole = rig.session.on_message(lb::Resync{"a report is missing"}, kStart);
  ASSERT_EQ(count<lb::Report>(whole), 1);
  EXPECT_EQ(std::get<lb::Report>(whole.send[0]).sequence, 4U);
  rig.session.on_disconnected();
  EXPECT_EQ(std::get<lb::Report>(rig.session.on_connected(kStart).send.at(1)).sequence, 1U)
      << "each connection begins with a whole one";
}

TEST(FeedSession, AnOlderControlGetsAHelloWithoutDeltasAndWholeReports) {
  Rig rig(9);
  rig.connect_to_an_older_control();
  rig.session.on_message(lb::Heartbeat{9}, kStart);
  EXPECT_TRUE(rig.session.tick(kStart + Millis(999)).send.empty());
  const auto report = rig.session.tick(kStart + lb::kReportInterval);
  ASSERT_EQ(count<lb::Report>(report), 1);
  EXPECT_EQ(std::get<lb::Report>(report.send[0]).sequence, 0U);
  rig.session.on_targets_changed();
  EXPECT_EQ(count<lb::Report>(rig.session.tick(kStart + lb::kReportInterval + Millis(1))), 1);
  rig.session.on_disconnected();
  EXPECT_TRUE(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).deltas)
      << "it may have been updated";
  rig.session.on_message(lb::Heartbeat{9}, kStart);
  rig.session.on_disconnected();
  EXPECT_TRUE(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).deltas)
      << "it has spoken after such a hello";
}

TEST(FeedSession, FiguresAreToldEachSecondOnceControlHasAnsweredAndOfEverythingNowAndThen) {
  Rig rig(4);
  rig.reports.counted.target_groups = {{"tg", {{"RequestCount", 1'000}}}};
  EXPECT_TRUE(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).figures);
  rig.reports.counted.target_groups = {{"tg", {{"RequestCount", 5}}}};
  EXPECT_EQ(count<lb::Figures>(rig.session.tick(kStart + lb::kFiguresInterval)), 0)
      << "an older control would refuse them";
  rig.session.on_message(lb::Heartbeat{4}, kStart + lb::kFiguresInterval);
  const auto told = rig.session.tick(kStart + lb::kFiguresInterval);
  ASSERT_EQ(count<lb::Figures>(told), 1);
  EXPECT_EQ(std::get<lb::Figures>(told.send[0]).target_groups[0].counts.at("RequestCount"), 5U)
      << "not what was counted while nobody heard";
  EXPECT_FALSE(rig.reports.asked_for_everything);
  EXPECT_EQ(count<lb::Figures>(rig.session.tick(kStart + lb::kFiguresInterval * 2)), 0) << "there were none";
  rig.session.on_message(lb::Heartbeat{4}, kStart + lb::kWholeFiguresInterval);
  (void)rig.session.tick(kStart + lb::kWholeFiguresInterval);
  EXPECT_TRUE(rig.reports.asked_for_everything);
}

TEST(FeedSession, AnOlderControlGetsNoFigures) {
  Rig rig(9);
  rig.connect_to_an_older_control();
  rig.session.on_message(lb::Heartbeat{9}, kStart);
  rig.reports.counted.target_groups = {{"tg", {{"RequestCount", 5}}}};
  EXPECT_EQ(count<lb::Figures>(rig.session.tick(kStart + lb::kFiguresInterval)), 0);
}

TEST(FeedSession, ADeltaLeadsOnFromTheNewestConfigurationReceivedAndIsAcknowledgedWhenApplied) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  const auto first = rig.session.on_message(delta(4, 5), kStart);
  EXPECT_TRUE(first.send.empty()) << "not applied yet";
  ASSERT_TRUE(first.apply);
  EXPECT_EQ(first.apply->version, 5U);
  const auto second = rig.session.on_message(delta(5, 6), kStart);
  ASSERT_TRUE(second.apply) << "it starts from one that is in hand";
  ASSERT_EQ(second.apply->target_groups.size(), 2U);
  EXPECT_EQ(second.apply->target_groups[0]->id, "tg-6");
  EXPECT_EQ(count<lb::Ack>(rig.session.on_applied(*first.apply, {}, kStart)), 1);
  const auto applied = rig.session.on_applied(*second.apply, {}, kStart);
  EXPECT_EQ(std::get<lb::Ack>(applied.send.at(0)).version, 6U);
  EXPECT_EQ(std::get<lb::ReportDelta>(applied.send.at(1)).version, 6U);
}

TEST(FeedSession, ADeltaFromAnotherVersionIsAnsweredByARequestForTheWhole) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  const auto lost = rig.session.on_message(delta(5, 6), kStart);
  EXPECT_FALSE(lost.apply);
  ASSERT_EQ(count<lb::Resync>(lost), 1);
  EXPECT_EQ(std::get<lb::Resync>(lost.send[0]).reason,
            "a delta from version 5, the newest one here is version 4");
  ASSERT_TRUE(rig.session.on_message(snapshot(6), kStart).apply);
  EXPECT_TRUE(rig.session.on_message(delta(6, 7), kStart).apply);

  Rig fresh;
  fresh.session.on_connected(kStart);
  EXPECT_EQ(count<lb::Resync>(fresh.session.on_message(delta(4, 5), kStart)), 1);
}

TEST(FeedSession, ABadDeltaIsRefusedWithTheReasonAndTheWholeIsAskedFor) {
  Rig rig(4);
  rig.session.on_connected(kStart);
  lb::Delta bad = delta(4, 5);
  bad.target_groups.put[0].at = 3;
  const auto out = rig.session.on_message(bad, kStart);
  EXPECT_FALSE(out.apply);
  ASSERT_EQ(out.send.size(), 2U);
  EXPECT_EQ(std::get<lb::Refusal>(out.send[0]).version, 5U);
  EXPECT_EQ(std::get<lb::Refusal>(out.send[0]).reason, "target_groups.put[0].at: no such place: 3");
  EXPECT_TRUE(std::holds_alternative<lb::Resync>(out.send[1]));
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
  EXPECT_TRUE(rig.session.on_applied(config(5), {}, kStart).send.empty());
  EXPECT_EQ(std::get<lb::Hello>(rig.session.on_connected(kStart).send.at(0)).applied_version, 5U);
}

TEST(FeedSession, AnHourWithoutControlChangesNothingAndCostsAnAttemptEveryFewSeconds) {
  Rig rig(9);
  rig.session.on_connected(kStart);
  rig.session.on_disconnected();
  shared::env::SeededRandom random(7);
  Backoff backoff;
  int attempts = 0;
  SteadyTime now = kStart;
  for (; now < kStart + std::chrono::hours(1); now += backoff.next(random), ++attempts) {
    const auto out = rig.session.tick(now);
    EXPECT_TRUE(out.send.empty() && !out.apply && !out.close);
  }
  EXPECT_EQ(rig.session.applied_version(), 9U);
  EXPECT_GT(attempts, 3'600 / 5);
  EXPECT_LT(attempts, 3'600 / 2);
  const auto back = rig.session.on_connected(now);
  EXPECT_EQ(std::get<lb::Hello>(back.send.at(0)).applied_version, 9U);
  EXPECT_EQ(count<lb::Report>(back), 1) << "what its targets are by now";
  EXPECT_FALSE(rig.session.tick(now).close) << "the silence before does not count";
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
