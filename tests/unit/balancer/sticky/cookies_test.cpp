#include "balancer/sticky/cookies.h"

#include <gtest/gtest.h>

#include <string>

namespace balancer::sticky {
namespace {

using shared::Millis;
using shared::WallTime;
using namespace std::chrono_literals;

const WallTime kNow{Millis(1'800'000'000'000)};  // Fri, 15 Jan 2027 08:00:00 GMT
const Mark kFirst = target_mark("tg/web", "r1");
const Mark kSecond = target_mark("tg/web", "r2");
const Wanted kLb{.target = true, .group = false, .application_cookie = {}};
const Wanted kGroups{.target = false, .group = true, .application_cookie = {}};
const Wanted kApp{.target = false, .group = false, .application_cookie = "SID"};

class Cookies : public ::testing::Test {
 protected:
  std::string made(Kind kind, const Mark& mark, std::chrono::seconds lasts = 1h) {
    return std::string(sealer_.seal(kind, mark, kNow + lasts).view());
  }
  Said said(const std::string& fields, const Wanted& wanted) {
    text_ = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n";
    codec::RequestParser parser;
    EXPECT_EQ(parser.parse(text_, head_), codec::ParseState::kComplete);
    return read(head_, sealer_, wanted, kNow);
  }
  std::optional<std::string> cookie(const std::string& fields, std::string_view name) {
    said(fields, {});
    const auto found = find_cookie(head_, name);
    return found ? std::optional<std::string>(*found) : std::nullopt;
  }

  Sealer sealer_{{{7, std::string(32, 'a')}}};
  std::string text_;
  codec::RequestHead head_;
};

TEST_F(Cookies, SayWhichTargetAClientHas) {
  EXPECT_EQ(said("Cookie: a=b; AWSALB=" + made(Kind::kTarget, kFirst) + "; c=d", kLb).target, kFirst);
  EXPECT_EQ(said("Cookie: a=b\r\ncookie: AWSALB=\"" + made(Kind::kTarget, kFirst) + "\"", kLb).target, kFirst)
      << "in any field, quoted or not";
  EXPECT_EQ(
      said("Cookie: AWSALBCORS=" + made(Kind::kTarget, kSecond) + ";AWSALB=" + made(Kind::kTarget, kFirst),
           kLb)
          .target,
      kSecond)
      << "the CORS cookie wins";
  EXPECT_EQ(said("Cookie: AWSALBCORS=junk; AWSALB=" + made(Kind::kTarget, kFirst), kLb).target, kFirst);
  const Said none = said("Cookie: a=b; awsalb=x", kLb);
  EXPECT_FALSE(none.target || none.target_unreadable) << "cookie names have a case";
}

TEST_F(Cookies, ThatCannotBeUsedAreToldApartFromNone) {
  for (const std::string& value : {std::string("junk"), std::string(), made(Kind::kTarget, kFirst, -1s),
                                   made(Kind::kGroup, kFirst), made(Kind::kApplication, kFirst)}) {
    const Said got = said("Cookie: AWSALB=" + value, kLb);
    EXPECT_FALSE(got.target) << value;
    EXPECT_TRUE(got.target_unreadable) << value;
  }
  EXPECT_FALSE(said("A: b", kLb).target_unreadable);
  EXPECT_FALSE(said("Cookie: AWSALB=junk", kGroups).target_unreadable) << "nobody asked";
}

TEST_F(Cookies, SayWhichGroupAClientHas) {
  const Mark group = group_mark("tg/web");
  EXPECT_EQ(said("Cookie: AWSALBTG=" + made(Kind::kGroup, group), kGroups).group, group);
  EXPECT_EQ(said("Cookie: AWSALBTGCORS=" + made(Kind::kGroup, group), kGroups).group, group);
  const Said both = said("Cookie: AWSALBTG=junk; AWSALB=" + made(Kind::kTarget, kFirst),
                         {.target = true, .group = true, .application_cookie = {}});
  EXPECT_TRUE(both.group_unreadable);
  EXPECT_EQ(both.target, kFirst);
}

TEST_F(Cookies, OfApplicationsCountOnlyBesideTheApplicationsOwn) {
  const std::string ours = "AWSALBAPP-0=" + made(Kind::kApplication, kFirst);
  EXPECT_EQ(said("Cookie: " + ours + "; SID=1", kApp).target, kFirst);
  EXPECT_FALSE(said("Cookie: " + ours, kApp).target);
  EXPECT_FALSE(said("Cookie: " + ours + "; SID=", kApp).target);
  EXPECT_FALSE(said("Cookie: " + ours + "; sid=1", kApp).target);
  EXPECT_FALSE(said("Cookie: SID=1", kApp).target_unreadable);
  EXPECT_TRUE(said("Cookie: SID=1; AWSALBAPP-0=junk", kApp).target_unreadable);
}

TEST_F(Cookies, AreBounded) {
  const std::string good = "AWSALB=" + made(Kind::kTarget, kFirst);
  std::string many;
  for (std::size_t i = 0; i < kMaxTries; ++i) many += "AWSALB=junk; ";
  EXPECT_FALSE(said("Cookie: " + many + good, kLb).target) << "after that many bad ones, no further is tried";
  EXPECT_TRUE(said("Cookie: AWSALB=junk; " + good, kLb).target);

  const std::string field = "Cookie: x=" + std::string(8'000, 'y') + "\r\n";
  EXPECT_TRUE(said(field + "Cookie: " + good, kLb).target);
  EXPECT_FALSE(said(field + field + field + "Cookie: " + good, kLb).target) << "16 KB in all";
}

TEST_F(Cookies, AreFoundByName) {
  EXPECT_EQ(cookie("Cookie: a=1; b=2; b=3", "b"), "2");
  EXPECT_EQ(cookie("Cookie:  b = \"x y\" ;c", "b"), "x y");
  EXPECT_EQ(cookie("Cookie: b=a=c", "b"), "a=c");
  EXPECT_EQ(cookie("Cookie: ;;=;b=", "b"), "");
  EXPECT_EQ(cookie("Cookie: bb=1; c", "b"), std::nullopt);
  EXPECT_EQ(cookie("A: b=1", "b"), std::nullopt);
}

TEST(ApplicationCookies, AreSeenInResponses) {
  const auto sets = [](const std::string& fields) {
    const std::string text = "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n";
    codec::ResponseParser parser;
    codec::ResponseHead head;
    EXPECT_EQ(parser.parse(text, head), codec::ParseState::kComplete);
    return sets_cookie(head, "SID");
  };
  EXPECT_TRUE(sets("Set-Cookie: a=b\r\nSet-Cookie: SID=1; Path=/"));
  EXPECT_TRUE(sets("set-cookie:SID = \"1\""));
  EXPECT_FALSE(sets("Set-Cookie: SID=; Max-Age=0"));
  EXPECT_FALSE(sets("Set-Cookie: a=b; SID=1"));
  EXPECT_FALSE(sets("Cookie: SID=1"));
}

TEST_F(Cookies, AreSetInPairsThatLastSevenDays) {
  Lines lines;
  const std::string got(lines.get(sealer_, Kind::kTarget, kFirst, 1h, kNow));
  const std::string value = got.substr(got.find('=') + 1, kValueChars);
  EXPECT_EQ(got, "Set-Cookie: AWSALB=" + value + "; Expires=Fri, 22 Jan 2027 08:00:00 GMT; Path=/\r\n" +
                     "Set-Cookie: AWSALBCORS=" + value +
                     "; Expires=Fri, 22 Jan 2027 08:00:00 GMT; Path=/; SameSite=None; Secure\r\n");
  EXPECT_EQ(sealer_.open(Kind::kTarget, value, kNow + 59min), kFirst);
  EXPECT_FALSE(sealer_.open(Kind::kTarget, value, kNow + 1h));

  const std::string group(lines.get(sealer_, Kind::kGroup, kFirst, 1h, kNow));
  EXPECT_TRUE(group.starts_with("Set-Cookie: AWSALBTG="));
  EXPECT_NE(group.find("\r\nSet-Cookie: AWSALBTGCORS="), std::string::npos);
  const std::string app(lines.get(sealer_, Kind::kApplication, kFirst, 1h, kNow));
  EXPECT_TRUE(app.starts_with("Set-Cookie: AWSALBAPP-0=") && app.find("CORS") == std::string::npos) << app;
}

TEST_F(Cookies, AreSealedOnceASecond) {
  Lines lines;
  const auto get = [&](WallTime now, const Mark& mark = kFirst) {
    return std::string(lines.get(sealer_, Kind::kTarget, mark, 1h, now));
  };
  const std::string first = get(kNow);
  EXPECT_EQ(get(kNow + 999ms), first);
  EXPECT_NE(get(kNow + 1s), first);
  EXPECT_NE(get(kNow + 1s, kSecond), get(kNow + 1s));
  const std::string before = get(kNow + 1s);
  sealer_ = Sealer({{8, std::string(32, 'b')}});
  EXPECT_NE(get(kNow + 1s), before) << "a new key is used at once";
  sealer_ = Sealer();
  EXPECT_EQ(get(kNow + 1s), "");
}

}  // namespace
}  // namespace balancer::sticky
