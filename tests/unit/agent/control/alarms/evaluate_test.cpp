#include "agent/control/alarms/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/alarms/alarms.h"

namespace agent::control::alarms {
namespace {

using testing::HasSubstr;
constexpr std::int64_t kMinute = 1'796'000'040;

// Figures of minutes, the oldest first: 'X' breaches, '0' does not, '-' is missing.
struct Case {
  std::string figures;
  int periods = 1;
  int needed = 0;
  std::string treat_missing = "";
};
std::optional<Finding> found(const Case& given, std::int64_t begun = 0) {
  model::Alarm alarm;
  alarm.name = "a";
  alarm.metric = {"Own", "m", {}, "Average", "", 60};
  alarm.threshold = 80;
  alarm.comparison = "GreaterThanThreshold";
  alarm.evaluation_periods = given.periods;
  alarm.datapoints_to_alarm = given.needed;
  alarm.treat_missing = given.treat_missing;
  metrics::Store store(begun);
  std::int64_t at = kMinute;
  for (const char c : given.figures) {
    if (c != '-') {
      EXPECT_TRUE(store.add({"Own", "m", {}}, "", metrics::Figure::of(c == 'X' ? 92.5 : 10), at));
    }
    at += 60;
  }
  return judge(alarm, store, at + kLateFigures);
}
std::string state(const Case& given) {
  const auto finding = found(given);
  return finding ? word(finding->state) : "stays";
}

TEST(AnAlarm, NeedsAllPeriodsUnlessFewerAreAskedFor) {
  EXPECT_EQ(state({"X", 1}), "ALARM");
  EXPECT_EQ(state({"0", 1}), "OK");
  EXPECT_EQ(state({"XXX", 3}), "ALARM");
  EXPECT_EQ(state({"X0X", 3}), "OK");
  EXPECT_EQ(state({"X0X", 3, 2}), "ALARM");
  EXPECT_EQ(state({"0X0", 3, 2}), "OK");
  EXPECT_EQ(state({"XXX00", 2}), "OK");
}

TEST(AnAlarm, TreatsMissingFiguresAsItIsTold) {
  EXPECT_EQ(state({"-----", 3}), "INSUFFICIENT_DATA");
  EXPECT_EQ(state({"-----", 3, 0, "ignore"}), "stays");
  EXPECT_EQ(state({"-----", 3, 0, "breaching"}), "ALARM");
  EXPECT_EQ(state({"-----", 3, 0, "notBreaching"}), "OK");
  EXPECT_EQ(state({"--X--", 3}), "ALARM");
  EXPECT_EQ(state({"--X--", 3, 0, "ignore"}), "stays");
  EXPECT_EQ(state({"--X--", 3, 0, "breaching"}), "ALARM");
  EXPECT_EQ(state({"--X--", 3, 0, "notBreaching"}), "OK");
  EXPECT_EQ(state({"0-X-X", 3}), "OK");
  EXPECT_EQ(state({"X-X-X", 3}), "ALARM");  // the two periods before help out
}

TEST(AnAlarm, SaysWhyInCloudWatchsWords) {
  const auto alarm = found({"0X", 1});
  ASSERT_TRUE(alarm);
  EXPECT_EQ(alarm->reason.substr(0, 59), "Threshold Crossed: 1 out of the last 1 datapoints [92.5 (30");
  EXPECT_THAT(
      alarm->reason,
      HasSubstr(
          ")] was greater than the threshold (80.0) (minimum 1 datapoint for OK -> ALARM transition)."));
  EXPECT_THAT(alarm->reason_data, HasSubstr("\"recentDatapoints\":[92.5]"));
  const auto ok = found({"X0", 1});
  ASSERT_TRUE(ok);
  EXPECT_THAT(
      ok->reason,
      HasSubstr(
          "was not greater than the threshold (80.0) (minimum 1 datapoint for ALARM -> OK transition)."));
  EXPECT_EQ(found({"---", 1})->reason, "Insufficient Data: no datapoints were received for 1 period.");
}

TEST(AnAlarm, KeepsItsStateAfterARestartUntilFiguresCouldHaveCome) {
  EXPECT_FALSE(found({"-----", 3}, kMinute + 290));
  EXPECT_TRUE(found({"-----", 3}, kMinute));
}

}  // namespace
}  // namespace agent::control::alarms
