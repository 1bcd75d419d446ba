#include "balancer/sticky/value.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace balancer::sticky {
namespace {

using shared::Millis;
using shared::WallTime;
using shared::lbconfig::CookieKey;
using namespace std::chrono_literals;

const WallTime kThen{Millis(1'800'000'000'000)};
const Mark kWeb = target_mark("tg/web", "r1");

CookieKey key(std::uint32_t id, char fill) { return {id, std::string(32, fill)}; }

TEST(StickyValue, OpensForEveryBalancerWithTheKey) {
  Sealer one({key(7, 'a')});
  Sealer other({key(8, 'b'), key(7, 'a')});
  const Value value = one.seal(Kind::kTarget, kWeb, kThen + 1h);
  EXPECT_EQ(one.open(Kind::kTarget, value.view(), kThen), kWeb);
  EXPECT_EQ(other.open(Kind::kTarget, value.view(), kThen), kWeb) << "during a rotation both keys count";
  EXPECT_EQ(other.key_id(), 8U) << "and the newer one seals";
}

TEST(StickyValue, IsRefusedOnceItsKeyIsGone) {
  Sealer old({key(7, 'a')});
  const Value value = old.seal(Kind::kTarget, kWeb, kThen + 1h);
  EXPECT_FALSE(Sealer({key(9, 'c'), key(8, 'b')}).open(Kind::kTarget, value.view(), kThen));
  EXPECT_FALSE(Sealer({key(7, 'b')}).open(Kind::kTarget, value.view(), kThen)) << "an id is no key";
  EXPECT_FALSE(Sealer().open(Kind::kTarget, value.view(), kThen));
}

TEST(StickyValue, EndsWithItsDuration) {
  Sealer sealer({key(7, 'a')});
  const Value value = sealer.seal(Kind::kTarget, kWeb, kThen + 60s);
  EXPECT_TRUE(sealer.open(Kind::kTarget, value.view(), kThen + 59s));
  EXPECT_FALSE(sealer.open(Kind::kTarget, value.view(), kThen + 60s));
}

TEST(StickyValue, OfOneKindIsNothingAsAnother) {
  Sealer sealer({key(7, 'a')});
  const Value value = sealer.seal(Kind::kTarget, kWeb, kThen + 1h);
  EXPECT_FALSE(sealer.open(Kind::kGroup, value.view(), kThen));
  EXPECT_FALSE(sealer.open(Kind::kApplication, value.view(), kThen));
}

TEST(StickyValue, BreaksWithAnyOtherCharacterAndLength) {
  Sealer sealer({key(7, 'a')});
  const std::string value(sealer.seal(Kind::kTarget, kWeb, kThen + 1h).view());
  for (std::size_t i = 0; i < value.size(); ++i) {
    for (const char c : {'A', 'B', '-', '+', '=', '%', '\0', '\xff'}) {
      std::string forged = value;
      if (forged[i] == c) continue;
      forged[i] = c;
      EXPECT_FALSE(sealer.open(Kind::kTarget, forged, kThen)) << i << " " << c;
    }
  }
  for (const std::string& forged : {std::string(), value.substr(1), value + "A", value + value}) {
    EXPECT_FALSE(sealer.open(Kind::kTarget, forged, kThen));
  }
}

TEST(StickyValue, HasOneSizeAndNeverRepeats) {
  Sealer sealer({key(7, 'a')});
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Value value = sealer.seal(Kind::kTarget, i % 2 == 0 ? kWeb : Mark(), kThen + std::chrono::hours(i));
    EXPECT_EQ(value.view().size(), kValueChars);
    EXPECT_TRUE(seen.insert(std::string(value.view())).second);
  }
}

TEST(StickyValue, LeavesOutKeysThatAreNone) {
  EXPECT_FALSE(Sealer({{1, "short"}}).can_seal());
  Sealer three({key(1, 'a'), key(2, 'b'), key(3, 'c')});
  EXPECT_FALSE(
      three.open(Kind::kTarget, Sealer({key(3, 'c')}).seal(Kind::kTarget, kWeb, kThen + 1h).view(), kThen));
}

TEST(Marks, TellTargetsAndGroupsApart) {
  const std::set<Mark> marks = {target_mark("a", "b"), target_mark("b", "a"), target_mark("ab", ""),
                                target_mark("", "ab"), group_mark("a"),       group_mark("ab")};
  EXPECT_EQ(marks.size(), 6U);
  EXPECT_EQ(target_mark("a", "b"), target_mark("a", "b"));
}

}  // namespace
}  // namespace balancer::sticky
