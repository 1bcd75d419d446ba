#include "balancer/routing/route_table.h"

#include <gtest/gtest.h>

#include <string>

namespace balancer::routing {
namespace {

using shared::lbconfig::Condition;
using shared::lbconfig::ConditionField;
using shared::lbconfig::Listener;
using shared::lbconfig::QueryPair;

Condition values(ConditionField field, std::vector<std::string> patterns, std::string header = "") {
  return {field, std::move(header), std::move(patterns), {}};
}
Condition host(std::string p) { return values(ConditionField::kHostHeader, {std::move(p)}); }
Condition path(std::string p) { return values(ConditionField::kPathPattern, {std::move(p)}); }
Condition query(std::vector<QueryPair> pairs) {
  return {ConditionField::kQueryString, "", {}, std::move(pairs)};
}

Listener listener(std::vector<std::vector<Condition>> rules) {
  Listener made;
  int priority = 0;
  for (auto& conditions : rules) {
    priority += 10;
    made.rules.push_back({"rule-" + std::to_string(priority), priority, std::move(conditions), {}});
    made.rules.back().action.order = priority;
  }
  made.default_action.order = 99'999;
  return made;
}

// Priority of the rule that a request meets.
int match(const Listener& rules, const std::string& request, std::string_view source = "192.0.2.1") {
  const auto table = RouteTable::compile(rules);
  EXPECT_TRUE(table) << table.error().text();
  codec::RequestParser parser;
  codec::RequestHead head;
  EXPECT_EQ(parser.parse(request, head), codec::ParseState::kComplete);
  Scratch scratch;
  const Match got = table->match(
      {head.authority(), head.path(), head.query(), head.method(), &head, *parse_source(source)}, scratch);
  EXPECT_EQ(got.action, &table->action(got.index));
  EXPECT_EQ(got.action->order, got.priority == 0 ? 99'999 : got.priority);
  return got.priority;
}
int match_target(const Listener& rules, const std::string& target,
                 const std::string& fields = "Host: a.b\r\n") {
  return match(rules, "GET " + target + " HTTP/1.1\r\n" + fields + "\r\n");
}

TEST(RouteTable, TakesTheFirstRuleAllOfWhoseConditionsHold) {
  const Listener rules = listener({{host("api.*"), path("/v1/*")}, {host("api.*")}, {path("/v1/*")}});
  EXPECT_EQ(match_target(rules, "/v1/x", "Host: API.example.com:8080\r\n"), 10);
  EXPECT_EQ(match_target(rules, "/v2/x", "Host: api.example.com\r\n"), 20);
  EXPECT_EQ(match_target(rules, "/v1/x", "Host: www.example.com\r\n"), 30);
  EXPECT_EQ(match_target(rules, "/", "Host: www.example.com\r\n"), 0);
}

TEST(RouteTable, MatchesPathsAfterNormalisation) {
  const Listener rules = listener({{path("/admin*")}, {path("/Public/*")}, {path("*%2F*")}});
  EXPECT_EQ(match_target(rules, "/admin?x=1"), 10);
  EXPECT_EQ(match_target(rules, "/%61dmin"), 10) << "an escaped letter is that letter";
  EXPECT_EQ(match_target(rules, "/x/../admin"), 10);
  EXPECT_EQ(match_target(rules, "/x/%2e%2E/admin"), 10);
  EXPECT_EQ(match_target(rules, "/public/"), 0) << "paths keep their case";
  EXPECT_EQ(match_target(rules, "/a%2Fadmin"), 30) << "other escapes stay";
  EXPECT_EQ(match_target(rules, "/?/admin"), 0) << "the query takes no part";
}

TEST(RouteTable, MatchesHeadersInAnyOccurrence) {
  const Listener rules = listener({{values(ConditionField::kHttpHeader, {"*beta*", "1"}, "X-Version")}});
  EXPECT_EQ(match_target(rules, "/", "Host: a\r\nx-version: old\r\nX-VERSION: BETA-2\r\n"), 10);
  EXPECT_EQ(match_target(rules, "/", "Host: a\r\nX-Version: 1\r\n"), 10);
  EXPECT_EQ(match_target(rules, "/", "Host: a\r\nX-Version: 2\r\nOther: 1\r\n"), 0);
}

TEST(RouteTable, MatchesMethodsExactly) {
  const Listener rules = listener({{values(ConditionField::kHttpRequestMethod, {"POST", "PURGE"})}});
  EXPECT_EQ(match(rules, "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n"), 10);
  EXPECT_EQ(match(rules, "purge / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
}

TEST(RouteTable, MatchesQueryPairs) {
  const Listener rules = listener(
      {{query({{"version", "v1"}, {"", "*magic*"}})}, {query({{"a", ""}})}, {query({{"star", "\\*"}})}});
  EXPECT_EQ(match_target(rules, "/?Version=V1"), 10);
  EXPECT_EQ(match_target(rules, "/?x=1&version=v1"), 10);
  EXPECT_EQ(match_target(rules, "/?version=v2&version=v1"), 10);
  EXPECT_EQ(match_target(rules, "/?any=a-MAGIC-b"), 10);
  EXPECT_EQ(match_target(rules, "/?version=v10"), 0);
  EXPECT_EQ(match_target(rules, "/?a"), 20);
  EXPECT_EQ(match_target(rules, "/?star=*"), 30);
  EXPECT_EQ(match_target(rules, "/?star=x"), 0);
  EXPECT_EQ(match_target(rules, "/?&&=&"), 0);
}

TEST(RouteTable, MatchesQueryTextsAsTheyAreAndDecoded) {
  const Listener rules =
      listener({{query({{"name", "a b"}})}, {query({{"raw", "a%20b"}})}, {query({{"k y", "*"}})}});
  EXPECT_EQ(match_target(rules, "/?name=a%20b"), 10);
  EXPECT_EQ(match_target(rules, "/?name=a+b"), 10);
  EXPECT_EQ(match_target(rules, "/?n%61me=a%20B"), 10);
  EXPECT_EQ(match_target(rules, "/?name=a%2520b"), 0) << "decoded once";
  EXPECT_EQ(match_target(rules, "/?name=a%26name=b"), 0) << "an escaped & separates nothing";
  EXPECT_EQ(match_target(rules, "/?raw=a%20b"), 20) << "who wrote the escape into the rule means it";
  EXPECT_EQ(match_target(rules, "/?k+y=%"), 30) << "a broken escape stays as it is";
}

TEST(RouteTable, FindsExpressionsBesideThePatterns) {
  Condition hosts = host("plain.example");
  hosts.regex_values = {"^(a|b)[.]example$"};
  Condition paths{ConditionField::kPathPattern, "", {}, {}, {"^/v[0-9]+/", "png$"}};
  Condition header{ConditionField::kHttpHeader, "X-Kind", {}, {}, {"^new-"}};
  const Listener rules = listener({{hosts}, {paths}, {header}});
  EXPECT_EQ(match_target(rules, "/", "Host: B.Example.:80\r\n"), 10) << "a host as all conditions see it";
  EXPECT_EQ(match_target(rules, "/", "Host: plain.example\r\n"), 10);
  EXPECT_EQ(match_target(rules, "/", "Host: xa.example\r\n"), 0);
  EXPECT_EQ(match_target(rules, "/x/../v12/a?y"), 20) << "a path as all conditions see it";
  EXPECT_EQ(match_target(rules, "/a.png"), 20);
  EXPECT_EQ(match_target(rules, "/V1/"), 0) << "paths keep their case";
  EXPECT_EQ(match_target(rules, "/", "Host: a\r\nX-Kind: old\r\nX-Kind: New-1\r\n"), 30);
}

TEST(RouteTable, ComparesHostsWithoutPortCaseAndTheDotAtTheEnd) {
  const Listener rules = listener({{host("trailing.example")}, {host("*.WILD.example")}, {host("[::1]")}});
  for (const char* text :
       {"trailing.example", "trailing.example.", "Trailing.Example:8080", "trailing.example.:80"}) {
    EXPECT_EQ(match_target(rules, "/", "Host: " + std::string(text) + "\r\n"), 10) << text;
  }
  EXPECT_EQ(match_target(rules, "/", "Host: trailing.example..\r\n"), 0) << "one dot";
  EXPECT_EQ(match_target(rules, "/", "Host: a.wild.example.\r\n"), 20);
  EXPECT_EQ(match_target(rules, "/", "Host: [::1]:443\r\n"), 30);
}

TEST(RouteTable, MatchesThePeerAndNeverWhatItClaims) {
  const Listener rules = listener({{values(ConditionField::kSourceIp, {"10.0.0.0/8", "2001:db8::/32"})}});
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n";
  EXPECT_EQ(match(rules, request, "10.1.2.3"), 10);
  EXPECT_EQ(match(rules, request, "2001:db8::5"), 10);
  EXPECT_EQ(match(rules, request, "192.0.2.1"), 0);
}

TEST(RouteTable, SaysWhatCannotBeCompiled) {
  const auto broken =
      RouteTable::compile(listener({{path("/")}, {path("/"), values(ConditionField::kSourceIp, {"x"})}}));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().text(), "rule with priority 20, conditions[1]: 'x' is no address range");
  Condition bad{ConditionField::kPathPattern, "", {}, {}, {"a", "(?!a)"}};
  const auto expression = RouteTable::compile(listener({{bad}}));
  ASSERT_FALSE(expression);
  EXPECT_EQ(expression.error().text(),
            "rule with priority 10, conditions[0]: regex_values[1] '(?!a)': look-around is not offered: (?!");
  Listener unsorted = listener({{path("/a")}, {path("/b")}});
  std::swap(unsorted.rules[0], unsorted.rules[1]);
  EXPECT_FALSE(RouteTable::compile(unsorted));
}

TEST(NormalisePath, ResolvesDotsAndUnreservedEscapesOnly) {
  struct Row {
    const char* path;
    const char* expected;
  };
  for (const Row& row : std::initializer_list<Row>{{"/", "/"},
                                                   {"*", "*"},
                                                   {"/a//b", "/a//b"},
                                                   {"/a/./b", "/a/b"},
                                                   {"/a/b/..", "/a/"},
                                                   {"/a/b/.", "/a/b/"},
                                                   {"/..", "/"},
                                                   {"/../../a", "/a"},
                                                   {"/a/../../b", "/b"},
                                                   {"/a/.hidden", "/a/.hidden"},
                                                   {"/a/..x/b", "/a/..x/b"},
                                                   {"/x/..;/admin", "/x/..;/admin"},
                                                   {"/%7Euser%2f%41", "/~user%2fA"},
                                                   {"/%2e%2e/admin", "/admin"},
                                                   {"/%252e", "/%252e"},
                                                   {"/%", "/%"},
                                                   {"/%4", "/%4"},
                                                   {"/%zz", "/%zz"},
                                                   {"/a%00", "/a%00"},
                                                   {"/a/./", "/a/"},
                                                   {"//..", "/"}}) {
    std::string space = "old";
    EXPECT_EQ(normalise_path(row.path, space), row.expected) << row.path;
  }
}

}  // namespace
}  // namespace balancer::routing
