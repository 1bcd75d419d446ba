#include "agent/pattern/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::pattern {
namespace {

using testing::HasSubstr;

bool matches(const std::string& pattern, const std::string& event) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << (parsed ? "" : parsed.error().text());
  return parsed && parsed->matches(event);
}

std::string refusal(const std::string& pattern) {
  const auto parsed = Pattern::parse(pattern);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code(), "InvalidEventPatternException");
  return parsed.error().text();
}

struct Case {
  const char* pattern;
  const char* yes;
  const char* no;
};

class Match : public testing::TestWithParam<Case> {};

TEST_P(Match, IsForThisEventAndNotForThat) {
  EXPECT_TRUE(matches(GetParam().pattern, GetParam().yes)) << GetParam().pattern << " " << GetParam().yes;
  EXPECT_FALSE(matches(GetParam().pattern, GetParam().no)) << GetParam().pattern << " " << GetParam().no;
}

INSTANTIATE_TEST_SUITE_P(
    Of, Match,
    testing::Values(
        Case{R"({"a": ["x", "y"]})", R"({"a": "y", "b": 1})", R"({"a": "z"})"},
        Case{R"({"a": [1]})", R"({"a": 1.0})", R"({"a": "1"})"},
        Case{R"({"a": [null]})", R"({"a": null})", R"({})"},
        Case{R"({"a": [true]})", R"({"a": true})", R"({"a": "true"})"},
        Case{R"({"a": {"b": ["x"]}, "c": ["y"]})", R"({"a": {"b": "x"}, "c": "y"})", R"({"a": {"b": "x"}})"},
        Case{R"({"a": ["x"]})", R"({"a": ["w", "x"]})", R"({"a": ["w"]})"},
        Case{R"({"a": {"b": ["x"]}})", R"({"a": [{"b": "w"}, {"b": "x"}]})", R"({"a": [{"b": "w"}]})"},
        Case{R"({"a": [{"prefix": "eu-"}]})", R"({"a": "eu-west-1"})", R"({"a": "us-eu-"})"},
        Case{R"({"a": [{"prefix": {"equals-ignore-case": "EU-"}}]})", R"({"a": "eu-1"})", R"({"a": "us-1"})"},
        Case{R"({"a": [{"suffix": ".png"}]})", R"({"a": "b.png"})", R"({"a": "b.png.txt"})"},
        Case{R"({"a": [{"equals-ignore-case": "Web"}]})", R"({"a": "wEB"})", R"({"a": "webs"})"},
        Case{R"({"a": [{"anything-but": "x"}]})", R"({"a": "y"})", R"({"a": "x"})"},
        Case{R"({"a": [{"anything-but": ["x", 1]}]})", R"({"a": "z"})", R"({"a": 1})"},
        Case{R"({"a": [{"anything-but": {"prefix": "x"}}]})", R"({"a": "yx"})", R"({"a": "xy"})"},
        Case{R"({"a": [{"anything-but": {"wildcard": "*/lib/*"}}]})", R"({"a": "b/lib"})",
             R"({"a": "b/lib/c"})"},
        Case{R"({"a": [{"anything-but": "x"}]})", R"({"a": "y"})", R"({})"},
        Case{R"({"a": [{"numeric": [">", 0, "<=", 5]}]})", R"({"a": 5})", R"({"a": 0})"},
        Case{R"({"a": [{"numeric": ["=", 301.8]}]})", R"({"a": 3.018e2})", R"({"a": "301.8"})"},
        Case{R"({"a": [{"exists": true}]})", R"({"a": ""})", R"({"b": ""})"},
        Case{R"({"a": [{"exists": false}]})", R"({"b": 1})", R"({"a": null})"},
        Case{R"({"a": {"b": [{"exists": false}]}})", R"({"c": 1})", R"({"a": {"b": 1}})"},
        Case{R"({"a": [{"wildcard": "dir/*.png"}]})", R"({"a": "dir/a/b.png"})", R"({"a": "dir/.pngs"})"},
        Case{R"({"a": [{"wildcard": "a*a"}]})", R"({"a": "aa"})", R"({"a": "a"})"},
        Case{R"({"a": [{"wildcard": "a\\*b"}]})", R"({"a": "a*b"})", R"({"a": "axb"})"},
        Case{R"({"a": [{"cidr": "10.0.0.0/24"}]})", R"({"a": "10.0.0.255"})", R"({"a": "10.0.1.0"})"},
        Case{R"({"a": [{"cidr": "2001:db8::/32"}]})", R"({"a": "2001:db8::1"})", R"({"a": "10.0.0.1"})"},
        Case{R"({"$or": [{"a": ["x"]}, {"b": [1]}], "c": ["z"]})", R"({"b": 1, "c": "z"})",
             R"({"b": 1, "c": "y"})"},
        Case{R"({"d": {"$or": [{"a": ["x"]}, {"b": [1]}]}})", R"({"d": {"a": "x"}})", R"({"a": "x"})"}));

TEST(Pattern, SaysWhatIsWrongWithIt) {
  EXPECT_THAT(refusal("{"), HasSubstr("Event pattern is not valid. Reason: "));
  EXPECT_THAT(refusal("[]"), HasSubstr("Filter is not an object"));
  EXPECT_THAT(refusal(R"({"a": "x"})"), HasSubstr("\"a\" must be an object or an array"));
  EXPECT_THAT(refusal(R"({"a": []})"), HasSubstr("empty arrays"));
  EXPECT_THAT(refusal(R"({"a": {}})"), HasSubstr("a: is empty"));
  EXPECT_THAT(refusal(R"({"a": [{"regex": "x"}]})"), HasSubstr("a: unrecognized match type regex"));
  EXPECT_THAT(refusal(R"({"a": [{"numeric": [">"]}]})"), HasSubstr("numeric takes"));
  EXPECT_THAT(refusal(R"({"a": [{"wildcard": "a**"}]})"), HasSubstr("consecutive wildcard"));
  EXPECT_THAT(refusal(R"({"a": [{"cidr": "10.0.0.0/33"}]})"), HasSubstr("cidr"));
  EXPECT_THAT(refusal(R"({"a": [{"prefix": 1}]})"), HasSubstr("prefix takes a string"));
  EXPECT_THAT(refusal(R"({"a": [{"exists": "yes"}]})"), HasSubstr("exists takes"));
  std::string deep = R"(["x"])";
  for (int i = 0; i < 40; ++i) deep = R"({"a": )" + deep + "}";
  EXPECT_THAT(refusal(deep), HasSubstr("too deep"));
}

TEST(Pattern, IsForNothingThatIsNoObject) {
  for (const char* event : {"", "[]", "1", "{"})
    EXPECT_FALSE(matches(R"({"a": [{"exists": false}]})", event)) << event;
}

}  // namespace
}  // namespace agent::pattern
