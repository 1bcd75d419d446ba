#include <gtest/gtest.h>

#include "shared/http/message.h"

namespace shared::http {
namespace {

TEST(Dates, AreWrittenAsTheStandardsShowThem) {
  EXPECT_EQ(http_date(from_epoch_millis(784111777000)),
            "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110's example
  EXPECT_EQ(iso8601(from_epoch_millis(1714566896789)), "2024-05-01T12:34:56.789Z");
  EXPECT_EQ(iso8601_seconds(from_epoch_millis(1714566896789)), "2024-05-01T12:34:56Z");
  EXPECT_EQ(amz_date(from_epoch_millis(1415235846999)), "20141106T010406Z");
  EXPECT_EQ(http_date(from_epoch_millis(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(iso8601(from_epoch_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Dates, SurviveARoundTripAcrossLeapDaysAndYearEnds) {
  for (long long seconds = 0; seconds < 4'000'000'000; seconds += 86'399 * 11) {
    const WallTime t = from_epoch_millis(seconds * 1000);
    ASSERT_EQ(parse_http_date(http_date(t)), t) << seconds;
    ASSERT_EQ(parse_amz_date(amz_date(t)), t) << seconds;
  }
}

TEST(Dates, RefuseWhatIsNoDate) {
  for (const std::string_view text :
       {"", "20141106T010406", "20141106T010406Z ", "20141306T010406Z", "20230229T000000Z",
        "20141106T240000Z", "20141106 010406Z", "2014110xT010406Z", "20141106T0104-6Z"}) {
    EXPECT_EQ(parse_amz_date(text), std::nullopt) << text;
  }
  for (const std::string_view text :
       {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace shared::http
