#include "agent/schedule/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace agent::schedule {
namespace {

using testing::HasSubstr;

std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  const std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) /
                                   std::chrono::day(day)};
  return date.time_since_epoch().count() * std::int64_t{86'400} + hour * 3'600 + minute * 60 + second;
}
std::int64_t next(const std::string& schedule, std::int64_t after, const std::string& zone = "") {
  const auto parsed = Schedule::parse(schedule, zone);
  EXPECT_TRUE(parsed) << schedule << ": " << (parsed ? "" : parsed.error().text());
  return parsed ? parsed->next(after, after).value_or(0) : 0;
}
std::string refusal(const std::string& schedule, const std::string& zone = "") {
  const auto parsed = Schedule::parse(schedule, zone);
  return parsed ? "" : parsed.error().text();
}

const std::int64_t kMonday = utc(2026, 11, 30, 12, 30, 15);

TEST(Cron, ComesOnDaysOfTheWeekAndOfTheMonth) {
  EXPECT_EQ(next("cron(0 22 ? * MON-FRI *)", kMonday), utc(2026, 11, 30, 22));
  EXPECT_EQ(next("cron(0/15 * * * ? *)", kMonday), utc(2026, 11, 30, 12, 45));
  EXPECT_EQ(next("cron(30 12 ? * MON *)", kMonday), utc(2026, 12, 7, 12, 30));
  EXPECT_EQ(next("cron(0 8 1,15 * ? *)", kMonday), utc(2026, 12, 1, 8));
  EXPECT_EQ(next("cron(0 0 L * ? *)", kMonday), utc(2026, 12, 31));
  EXPECT_EQ(next("cron(0 0 L FEB ? *)", kMonday), utc(2027, 2, 28));
  EXPECT_EQ(next("cron(0 0 29 2 ? *)", kMonday), utc(2028, 2, 29));
  EXPECT_EQ(next("cron(0 6 ? * 6L *)", kMonday), utc(2026, 12, 25, 6));
  EXPECT_EQ(next("cron(0 6 ? * TUE#2 *)", kMonday), utc(2026, 12, 8, 6));
  EXPECT_EQ(next("cron(0 6 ? * FRI-MON *)", kMonday), utc(2026, 12, 4, 6));
  EXPECT_EQ(next("cron(0 6 5W 12 ? *)", kMonday), utc(2026, 12, 4, 6));  // the 5th is a Saturday
  EXPECT_EQ(next("cron(0 6 LW 1 ? 2027)", kMonday), utc(2027, 1, 29, 6));
}

TEST(Cron, IsOverWhenItsYearsAre) {
  EXPECT_EQ(next("cron(0 0 1 1 ? 2026)", kMonday), 0);
  EXPECT_EQ(next("cron(0 0 31 2 ? *)", kMonday), 0);
}

TEST(Cron, FollowsTheClockOfItsTimeZone) {
  EXPECT_EQ(next("cron(0 8 * * ? *)", kMonday, "Europe/Berlin"), utc(2026, 12, 1, 7));
  EXPECT_EQ(next("cron(0 8 * * ? *)", utc(2027, 6, 30, 12), "Europe/Berlin"), utc(2027, 7, 1, 6));
  EXPECT_EQ(next("cron(0 8 * * ? *)", kMonday, "America/New_York"), utc(2026, 11, 30, 13));
  EXPECT_EQ(next("cron(0 8 * * ? *)", utc(2060, 7, 1), "Europe/Berlin"),
            utc(2060, 7, 1, 6));  // beyond the file's list
}

TEST(Cron, LeavesOutAnHourThatTheClockSkipsAndComesOnceInOneThatItRepeats) {
  // Berlin, 2027-03-28: 02:00 becomes 03:00. 2027-10-31: 03:00 becomes 02:00.
  EXPECT_EQ(next("cron(30 2 * * ? *)", utc(2027, 3, 27, 12), "Europe/Berlin"), utc(2027, 3, 29, 0, 30));
  const std::int64_t once = next("cron(30 2 * * ? *)", utc(2027, 10, 30, 12), "Europe/Berlin");
  EXPECT_EQ(once, utc(2027, 10, 31, 0, 30));
  EXPECT_EQ(next("cron(30 2 * * ? *)", once, "Europe/Berlin"), utc(2027, 11, 1, 1, 30));
}

TEST(Schedules, AreOnceOrEverySoOften) {
  EXPECT_EQ(next("at(2026-12-24T18:00:00)", kMonday), utc(2026, 12, 24, 18));
  EXPECT_EQ(next("at(2026-12-24T18:00:00)", kMonday, "Europe/Berlin"), utc(2026, 12, 24, 17));
  EXPECT_EQ(next("at(2026-11-24T18:00:00)", kMonday), 0);
  const auto rate = Schedule::parse("rate(5 minutes)", "");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->next(kMonday + 299, kMonday), kMonday + 300);
  EXPECT_EQ(rate->next(kMonday + 300, kMonday), kMonday + 600);
  EXPECT_EQ(next("rate(1 day)", kMonday), kMonday + 86'400);
}

TEST(Schedules, SayWhatIsWrongWithThem) {
  EXPECT_THAT(refusal("cron(0 22 * * * *)"),
              HasSubstr("exactly one of the fields day-of-month and day-of-week"));
  EXPECT_THAT(refusal("cron(60 22 * * ? *)"), HasSubstr("the field minutes of the cron expression is '60'"));
  EXPECT_THAT(refusal("cron(0 22 * * ?)"), HasSubstr("six fields"));
  EXPECT_THAT(refusal("rate(5 minute)"), HasSubstr("rate(...)"));
  EXPECT_THAT(refusal("rate(0 minutes)"), HasSubstr("rate(...)"));
  EXPECT_THAT(refusal("at(2026-13-01T00:00:00)"), HasSubstr("at(...)"));
  EXPECT_THAT(refusal("every day"), HasSubstr("a schedule is"));
  EXPECT_THAT(refusal("rate(5 minutes)", "Europe/Nowhere"), HasSubstr("Europe/Nowhere"));
  EXPECT_THAT(refusal("rate(5 minutes)", "../../etc/passwd"), HasSubstr("is no name of a time zone"));
  EXPECT_THAT(refusal("at(2027-03-28T02:30:00)", "Europe/Berlin"), HasSubstr("never shows this time"));
}

TEST(Zones, OfBrokenFilesAreRefused) {
  for (const std::string& bytes :
       {std::string(), std::string("TZif2"), "TZif2" + std::string(200, '\xff'), std::string(44, 'x')})
    EXPECT_FALSE(Zone::parse(bytes));
}

}  // namespace
}  // namespace agent::schedule
