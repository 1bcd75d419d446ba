#include "agent/dashboard/sessions.h"

#include <gtest/gtest.h>

namespace agent::dashboard {
namespace {

const shared::WallTime kNow = shared::from_epoch_millis(1'800'000'000'000);
constexpr shared::Millis kMoment{1};

TEST(Sessions, TheTokenOpensThemForHalfADay) {
  Sessions sessions("a-token-of-some-length");
  const auto cookie = sessions.log_in("a-token-of-some-length", kNow);
  ASSERT_TRUE(cookie);
  EXPECT_TRUE(sessions.is_valid(*cookie, kNow));
  EXPECT_TRUE(sessions.is_valid(*cookie, kNow + kSessionLife - kMoment));
  EXPECT_FALSE(sessions.is_valid(*cookie, kNow + kSessionLife));
}

TEST(Sessions, OutliveARestartButNotAnotherToken) {
  const auto cookie = Sessions("first-token-here").log_in("first-token-here", kNow);
  ASSERT_TRUE(cookie);
  EXPECT_TRUE(Sessions("first-token-here").is_valid(*cookie, kNow));
  EXPECT_FALSE(Sessions("second-token-here").is_valid(*cookie, kNow));
}

TEST(Sessions, ACookieThatWasChangedIsNone) {
  Sessions sessions("a-token-of-some-length");
  const std::string cookie = *sessions.log_in("a-token-of-some-length", kNow);
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    std::string other = cookie;
    other[i] = other[i] == '1' ? '2' : '1';
    EXPECT_FALSE(sessions.is_valid(other, kNow)) << other;
  }
  for (const char* other : {"", ".", "..", "99999999999999..", "x.y.z"})
    EXPECT_FALSE(sessions.is_valid(other, kNow)) << other;
  EXPECT_FALSE(sessions.is_valid(cookie.substr(0, cookie.size() - 1), kNow));
}

TEST(Sessions, WrongTokensAreBoundedForAMinute) {
  Sessions sessions("a-token-of-some-length");
  for (int i = 0; i < kMostFailures; ++i)
    EXPECT_EQ(sessions.log_in("guess-" + std::to_string(i), kNow).error().code(), "wrong");
  EXPECT_EQ(sessions.log_in("a-token-of-some-length", kNow).error().code(), "too_many");
  EXPECT_TRUE(sessions.log_in("a-token-of-some-length", kNow + kFailuresFor));
}

TEST(Sessions, WithoutATokenNobodyGetsIn) {
  Sessions sessions("");
  EXPECT_EQ(sessions.log_in("", kNow).error().code(), "wrong");
}

TEST(Cookies, AreFoundByTheirWholeName) {
  EXPECT_EQ(cookie_in("a=1; berth_session=abc; b=2", "berth_session"), "abc");
  EXPECT_EQ(cookie_in("berth_session=", "berth_session"), "");
  EXPECT_EQ(cookie_in("xberth_session=1; berth_session2=2", "berth_session"), std::nullopt);
  EXPECT_EQ(cookie_in("", "berth_session"), std::nullopt);
}

}  // namespace
}  // namespace agent::dashboard
