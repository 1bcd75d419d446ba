#include "shared/json/lines.h"

#include <gmock/gmock.h>

namespace shared::json {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(MemberLines, EachMemberOfTheOutermostObjectHasTheLineOfItsName) {
  EXPECT_THAT(member_lines("{\n\"a\": 1,\n\n  \"b\"\n:\n{\"a\": [\n{}]}, \"c\": \"x\\ny\"\n}"),
              ElementsAre(Pair("a", 2), Pair("b", 4), Pair("c", 7)));
}

TEST(MemberLines, OfARepeatedNameTheLastCounts) {
  EXPECT_THAT(member_lines("{\"a\": 1,\n\"a\": 2}"), ElementsAre(Pair("a", 2)));
}

TEST(MemberLines, WhatIsNoObjectHasNone) {
  EXPECT_THAT(member_lines("[{\"a\": 1}]"), IsEmpty());
  EXPECT_THAT(member_lines(""), IsEmpty());
  EXPECT_THAT(member_lines("7"), IsEmpty());
}

TEST(MemberLines, AfterASyntaxErrorWhatCameBeforeIsKnown) {
  EXPECT_THAT(member_lines("{\"a\": 1,\n\"b\": }"), ElementsAre(Pair("a", 1), Pair("b", 2)));
}

}  // namespace
}  // namespace shared::json
