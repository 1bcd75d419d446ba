#include "shared/lbconfig/feed.h"

#include <gtest/gtest.h>

#include "tests/unit/shared/lbconfig/any_config.h"

namespace shared::lbconfig {
namespace {

template <class T>
T round_trip(const T& message) {
  const auto read = feed_from_json(feed_to_json(message));
  EXPECT_TRUE(read) << read.error().text();
  EXPECT_TRUE(std::holds_alternative<T>(*read));
  return std::get<T>(*read);
}

TEST(Feed, CarriesEveryMessage) {
  const Hello hello = round_trip(Hello{"b-1", 7});
  EXPECT_EQ(hello.balancer_id, "b-1");
  EXPECT_EQ(hello.applied_version, 7U);
  EXPECT_FALSE(hello.deltas);
  EXPECT_EQ(feed_to_json(hello).find("deltas"), std::string::npos) << "a control of before would refuse it";
  EXPECT_TRUE(round_trip(Hello{"b-1", 7, true}).deltas);
  EXPECT_EQ(round_trip(Hello{"b-1", 7, true, 5}).kept_version, 5U);
  EXPECT_FALSE(hello.kept_version);
  EXPECT_EQ(round_trip(Resync{"a report is missing"}).reason, "a report is missing");
  const ReportDelta changes =
      round_trip(ReportDelta{9, 4, {{"tg", "r0"}}, {{"tg", "r1", Health::kHealthy, "", "", 1, false}}});
  EXPECT_EQ(changes.version, 9U);
  EXPECT_EQ(changes.sequence, 4U);
  ASSERT_EQ(changes.removed.size(), 1U);
  EXPECT_EQ(changes.removed[0].registration, "r0");
  ASSERT_EQ(changes.targets.size(), 1U);
  EXPECT_EQ(changes.targets[0].health, Health::kHealthy);
  EXPECT_EQ(round_trip(Report{9, {}, 3}).sequence, 3U);
  EXPECT_EQ(feed_to_json(Report{9, {}}).find("sequence"), std::string::npos);
  const Config config = testing::AnyConfig(5).make();
  EXPECT_EQ(round_trip(Snapshot{config}).config, config);
  EXPECT_EQ(round_trip(Ack{42}).version, 42U);
  EXPECT_EQ(round_trip(Refusal{43, "port 80 is taken"}).reason, "port 80 is taken");
  EXPECT_EQ(round_trip(Heartbeat{44}).version, 44U);
  const Report report =
      round_trip(Report{9,
                        {{"tg", "r1", Health::kUnhealthy, "Target.Timeout", "Request timed out", 3, false},
                         {"tg", "r2", Health::kDraining, "", "", 0, true}}});
  ASSERT_EQ(report.targets.size(), 2U);
  EXPECT_EQ(report.version, 9U);
  EXPECT_EQ(report.targets[0].health, Health::kUnhealthy);
  EXPECT_EQ(report.targets[0].reason, "Target.Timeout");
  EXPECT_EQ(report.targets[0].in_flight, 3U);
  EXPECT_TRUE(report.targets[1].drained);
  EXPECT_STREQ(to_string(Health::kUnavailable), "unavailable");
}

TEST(Feed, CarriesFiguresByName) {
  Figures figures;
  figures.load_balancers = {{"app/web/1", {{"RequestCount", 7}, {"SomethingOfLater", 1}}}};
  figures.target_groups = {{"arn:tg", {}}};
  const Figures back = round_trip(figures);
  ASSERT_EQ(back.load_balancers.size(), 1U);
  EXPECT_EQ(back.load_balancers[0].id, "app/web/1");
  EXPECT_EQ(back.load_balancers[0].counts, figures.load_balancers[0].counts);
  ASSERT_EQ(back.target_groups.size(), 1U);
  EXPECT_TRUE(back.target_groups[0].counts.empty());
  EXPECT_TRUE(round_trip(Hello{"b-1", 7, true, {}, true}).figures);
  EXPECT_FALSE(round_trip(Hello{"b-1", 7, true}).figures);
}

TEST(Feed, NamesWhatIsWrong) {
  const auto error = [](std::string_view text) {
    const auto read = feed_from_json(text);
    return read ? std::string("accepted") : read.error().text();
  };
  EXPECT_EQ(error(R"({"version": 1})"), "type: is required");
  EXPECT_NE(error(R"({"type": "hallo"})").find("type: expected one of hello"), std::string::npos);
  EXPECT_NE(error(R"({"type": "ack", "version": -1})").find("version"), std::string::npos);
  EXPECT_EQ(error(R"({"type": "ack"})"), "version: is required");
  EXPECT_NE(error(R"({"type": "report", "version": 1, "targets": [{"target_group": "t", "registration": "r",
                     "health": "fine", "in_flight": 0}]})")
                .find("targets[0].health"),
            std::string::npos);
  EXPECT_NE(error(R"({"type": "snapshot", "config": {"listeners": [{"id": "a", "port": 1}]}})")
                .find("config.listeners[0].default_action: is required"),
            std::string::npos);
  EXPECT_EQ(error(R"({"type": "delta", "from_version": 1, "version": 2, "targets": [{"target_group": "t",
                     "put": [{"target": {"address": "10.0.0.1", "port": 80}}]}]})"),
            "targets[0].put[0].at: is required");
  EXPECT_EQ(
      error(R"({"type": "report_delta", "version": 2, "sequence": 1, "removed": [{"target_group": "t"}]})"),
      "removed[0].registration: is required");
}

}  // namespace
}  // namespace shared::lbconfig
