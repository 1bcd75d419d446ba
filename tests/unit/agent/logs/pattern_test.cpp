#include "agent/logs/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::logs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

bool matched(const std::string& pattern, const std::string& message) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << (parsed ? "" : parsed.error().text());
  return parsed && parsed->matches(message);
}
std::string error_of(const std::string& pattern) {
  const auto parsed = Pattern::parse(pattern);
  return parsed ? std::string() : parsed.error().code() + ": " + parsed.error().text();
}

TEST(Terms, AreAllContainedAndWithCase) {
  EXPECT_TRUE(matched("", "anything"));
  EXPECT_TRUE(matched("  ", "anything"));
  EXPECT_TRUE(matched("ERROR", "an ERROR here"));
  EXPECT_FALSE(matched("ERROR", "an error here"));
  EXPECT_TRUE(matched("ERROR timeout", "timeout: ERROR"));
  EXPECT_FALSE(matched("ERROR timeout", "ERROR"));
  EXPECT_TRUE(matched(R"("connection refused")", "a connection refused here"));
  EXPECT_FALSE(matched(R"("connection refused")", "connection was refused"));
  EXPECT_TRUE(matched(R"("say \"hi\"")", R"(say "hi" now)"));
}

TEST(Terms, AQuestionMarkIsOrAndAHyphenIsNot) {
  EXPECT_TRUE(matched("?ERROR ?WARN", "WARN x"));
  EXPECT_FALSE(matched("?ERROR ?WARN", "INFO x"));
  EXPECT_TRUE(matched("ERROR ?WARN", "ERROR"));  // beside plain terms the others are nothing
  EXPECT_FALSE(matched("ERROR ?WARN", "WARN"));
  EXPECT_TRUE(matched("ERROR -healthcheck", "ERROR x"));
  EXPECT_FALSE(matched("ERROR -healthcheck", "ERROR healthcheck"));
  EXPECT_FALSE(matched(R"(-"GET /health")", "GET /health 200"));
  EXPECT_TRUE(matched(R"(-"GET /health")", "GET / 200"));
}

TEST(Terms, SayWhatIsWrongWithThem) {
  EXPECT_THAT(error_of("status=500"),
              StartsWith("InvalidParameterException: Invalid filter pattern: the term 'status=500'"));
  EXPECT_THAT(error_of(R"("open)"), HasSubstr("a double quote is not closed"));
  EXPECT_THAT(error_of("a ?"), HasSubstr("stand before a term"));
  EXPECT_THAT(error_of("%a"), HasSubstr("no '%' at its end"));
  EXPECT_THAT(error_of("%(a)%"), HasSubstr("no parentheses"));
  EXPECT_THAT(error_of("%a[%"), HasSubstr("the regular expression"));
  EXPECT_THAT(error_of("%a% %b% %c%"), HasSubstr("two regular expressions at most"));
  EXPECT_THAT(error_of(std::string(1025, 'a')), HasSubstr("filterPattern has 1025 characters"));
}

TEST(Regex, StandsBetweenPercentSigns) {
  EXPECT_TRUE(matched(R"(%5\d\d%)", "status 503"));
  EXPECT_FALSE(matched(R"(%5\d\d%)", "status 403"));
  EXPECT_TRUE(matched(R"(%ERR[A-Z]*% disk)", "ERROR disk"));
}

struct Row {
  std::string pattern;
  std::string message;
  bool matches;
};

TEST(Json, SelectsAndCompares) {
  const std::string event =
      R"({"level":"error","ms":250,"ok":true,"none":null,"user":{"name":"ann","tags":["a","b"]},"odd key":1,"ip":"10.0.3.4","list":[{"n":1},{"n":5}]})";
  const Row rows[] = {
      {R"({ $.level = "error" })", event, true},
      {R"({ $.level = error })", event, true},
      {R"({ $.level = "err*" })", event, true},
      {R"({ $.level = "warn" })", event, false},
      {R"({ $.level != "warn" })", event, true},
      {R"({ $.absent != "warn" })", event, false},
      {R"({ $.ms > 100 })", event, true},
      {R"({ $.ms >= 250 && $.ms <= 2.5e2 })", event, true},
      {R"({ $.ms < 250 })", event, false},
      {R"({ $.ms = 250 })", event, true},
      {R"({ $.ok IS TRUE })", event, true},
      {R"({ $.ok IS FALSE })", event, false},
      {R"({ $.none IS NULL })", event, true},
      {R"({ $.level IS NULL })", event, false},
      {R"({ $.absent NOT EXISTS })", event, true},
      {R"({ $.level NOT EXISTS })", event, false},
      {R"({ $.user.name = "ann" })", event, true},
      {R"({ $.user.tags[1] = "b" })", event, true},
      {R"({ $.user.tags[2] = "b" })", event, false},
      {R"({ $.user.tags[*] = "b" })", event, true},
      {R"({ $.list[*].n > 4 })", event, true},
      {R"({ $["odd key"] = 1 })", event, true},
      {R"({ $.ip = 10.0.* })", event, true},
      {R"({ $.ip = 10.1.* })", event, false},
      {R"({ $.level = %^err% })", event, true},
      // && binds tighter than ||.
      {R"({ $.level = "warn" && $.ms > 1 || $.ok IS TRUE })", event, true},
      {R"({ $.level = "warn" && ($.ms > 1 || $.ok IS TRUE) })", event, false},
      {R"({ $.level = "error" })", "no json", false},
      {R"({ $.level = "error" })", R"(["level"])", false},
  };
  for (const Row& row : rows) EXPECT_EQ(matched(row.pattern, row.message), row.matches) << row.pattern;
}

TEST(Json, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(error_of("{ level = 1 }"), HasSubstr("a selector begins with '$', at character 3"));
  EXPECT_THAT(error_of("{ $.a }"), HasSubstr("an operator is missing at character 7"));
  EXPECT_THAT(error_of("{ $.a = }"), HasSubstr("a value is missing"));
  EXPECT_THAT(error_of("{ $.a > x }"), HasSubstr("are for numbers"));
  EXPECT_THAT(error_of("{ ($.a = 1 }"), HasSubstr("')' is missing"));
  EXPECT_THAT(error_of("{ $.a = 1"), HasSubstr("'}' is expected"));
  EXPECT_THAT(error_of("{ $.a = 1 } x"), HasSubstr("'}' is expected"));
  EXPECT_THAT(error_of("{ $.a[x] = 1 }"), HasSubstr("between '[' and ']'"));
  EXPECT_THAT(error_of("{" + std::string(40, '(') + "$.a=1" + std::string(40, ')') + "}"),
              HasSubstr("too many parentheses"));
}

TEST(Words, AreFieldsInTheirOrder) {
  const std::string line =
      R"(127.0.0.1 - ann [10/Oct/2026:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534)";
  const Row rows[] = {
      {"[ip, id, user, time, request, status, bytes]", line, true},
      {"[ip, id, user, time, request, status]", line, false},
      {"[ip, ..., status=4*, bytes]", line, true},
      {"[ip, ..., status=5*, bytes]", line, false},
      {"[..., bytes > 1000]", line, true},
      {"[..., bytes > 2000]", line, false},
      {R"([ip, id, user, time, request = "GET*", ...])", line, true},
      {R"([ip = 127.0.0.1, ...])", line, true},
      {R"([ip, id, user = ann || user = bob, ...])", line, true},
      {R"([ip, id, user != ann, ...])", line, false},
      {"[..., status >= 400 && status < 500, bytes]", line, true},
      {R"([..., status = %4\d\d%, bytes])", line, true},
      {"[w1=INFO || w1=WARN, w2]", "WARN disk", true},
      {"[w1=INFO || w1=WARN, w2]", "ERROR disk", false},
      {"[...]", "", true},
  };
  for (const Row& row : rows) EXPECT_EQ(matched(row.pattern, row.message), row.matches) << row.pattern;
  EXPECT_THAT(error_of("[a, ..., b, ...]"), HasSubstr("'...' may stand once"));
  EXPECT_THAT(error_of("[a"), HasSubstr("']' is expected"));
  EXPECT_THAT(error_of("[a > x]"), HasSubstr("are for numbers"));
}

}  // namespace
}  // namespace agent::logs
