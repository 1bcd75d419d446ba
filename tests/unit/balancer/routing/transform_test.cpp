#include "balancer/routing/transform.h"

#include <gtest/gtest.h>

namespace balancer::routing {
namespace {

using shared::lbconfig::Rewrite;

// What a target would get: "host target", "(unchanged)" for what came, or the reason of the failure.
std::string transformed(std::optional<Rewrite> host, std::optional<Rewrite> url, std::string_view authority,
                        std::string_view target) {
  shared::lbconfig::Listener listener;
  shared::lbconfig::Rule rule;
  rule.priority = 1;
  rule.conditions.push_back({shared::lbconfig::ConditionField::kPathPattern, "", {"*"}, {}});
  rule.rewrites.host = std::move(host);
  rule.rewrites.url = std::move(url);
  listener.rules.push_back(rule);
  const auto table = RouteTable::compile(listener);
  EXPECT_TRUE(table) << table.error().text();
  RequestFacts facts;
  facts.host = authority;
  const std::size_t mark = target.find('?');
  facts.path = target.substr(0, mark);
  if (mark != std::string_view::npos) facts.query = target.substr(mark + 1);
  Scratch scratch;
  TransformSpace space;
  const Match match = table->match(facts, scratch);
  EXPECT_EQ(match.index, 0U);
  const Transformed out = transform(*table, match, facts, mark != std::string_view::npos, space);
  if (out.result == TransformResult::kFailed) return std::string(out.reason);
  EXPECT_EQ(out.result == TransformResult::kTransformed, out.host_changed || out.target_changed);
  if (out.target_changed) {
    EXPECT_EQ(std::string(out.path) + (out.has_query ? "?" : "") + std::string(out.query), out.target);
    EXPECT_EQ(out.path.find('?'), std::string_view::npos);
  }
  return std::string(out.host_changed ? out.host : "(unchanged)") + " " +
         std::string(out.target_changed ? out.target : "(unchanged)");
}
std::string host(const char* regex, const char* replace, std::string_view authority) {
  const std::string out = transformed(Rewrite{regex, replace}, std::nullopt, authority, "/");
  return out.substr(0, out.find(' '));
}
std::string url(const char* regex, const char* replace, std::string_view target) {
  const std::string out = transformed(std::nullopt, Rewrite{regex, replace}, "a.example", target);
  return out.substr(out.find(' ') + 1);
}

TEST(Transform, RewritesTheHost) {
  const char* kRegex = "^mywebsite-(.+).com$";
  const char* kReplace = "internal.dev.$1.myweb.com";
  EXPECT_EQ(host(kRegex, kReplace, "mywebsite-example.com"), "internal.dev.example.myweb.com");
  EXPECT_EQ(host(kRegex, kReplace, "MyWebsite-Example.com."), "internal.dev.example.myweb.com");
  EXPECT_EQ(host(kRegex, kReplace, "mywebsite-example.com:8080"), "internal.dev.example.myweb.com:8080");
  EXPECT_EQ(host(kRegex, "b.example:81", "mywebsite-a.com:8080"), "b.example:81");
  EXPECT_EQ(host(kRegex, "b.example:", "mywebsite-a.com:8080"), "b.example:8080");
  EXPECT_EQ(host(kRegex, kReplace, "other.com"), "(unchanged)");
  EXPECT_EQ(host("OLD", "new", "old.example"), "new.example");
}

TEST(Transform, RewritesPathAndQuery) {
  const char* kRegex = "^/dp/([A-Za-z0-9]+)/?$";
  const char* kReplace = "/product.php?id=$1";
  EXPECT_EQ(url(kRegex, kReplace, "/dp/B09G3HRMW"), "/product.php?id=B09G3HRMW");
  EXPECT_EQ(url(kRegex, kReplace, "/x/../dp/%41/"), "/product.php?id=A") << "a path as conditions see it";
  EXPECT_EQ(url(kRegex, kReplace, "/dp/a?x=1"), "(unchanged)") << "the query is part of the text";
  EXPECT_EQ(url("^/old/", "/new/", "/old/a?b=%20"), "/new/a?b=%20") << "what does not match stays";
  EXPECT_EQ(url("[?].*$", "", "/a?secret=1"), "/a");
  EXPECT_EQ(url("$", "?v=2", "/a"), "/a?v=2");
  EXPECT_EQ(url("^/a$", "/b", "/a?"), "(unchanged)") << "an empty query is a query";
  EXPECT_EQ(url("^/a[?]$", "/b?", "/a?"), "/b?");
  EXPECT_EQ(url(".*", "/x", "*"), "(unchanged)") << "OPTIONS * has no path";
}

TEST(Transform, DoesBothAtOnce) {
  EXPECT_EQ(transformed(Rewrite{"^a", "b"}, Rewrite{"^/a", "/b"}, "a.example", "/a/c"), "b.example /b/c");
  EXPECT_EQ(transformed(std::nullopt, std::nullopt, "a.example", "/a/c"), "(unchanged) (unchanged)");
}

TEST(Transform, FailsWhenWhatComesOutIsNoHost) {
  EXPECT_EQ(host("^(.*)$", "$1 x", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("^.*$", "", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("^(.*)$", "user@$1", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("^(.*)$", "$1:99999", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("^(.*)$", "$1/x", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("^(.*)$", "$1,b", "a"), "host_rewrite_invalid");
  EXPECT_EQ(host("(.*)", "$1$1$1", std::string(100, 'a')), "host_rewrite_too_long");
}

TEST(Transform, FailsWhenWhatComesOutIsNoTarget) {
  EXPECT_EQ(url("^/", "", "/a"), "url_rewrite_invalid");
  EXPECT_EQ(url("^/", "http://b/", "/a"), "url_rewrite_invalid");
  EXPECT_EQ(url("a", "b c", "/a"), "url_rewrite_invalid");
  EXPECT_EQ(url("a", "#", "/a"), "url_rewrite_invalid");
  EXPECT_EQ(url("a", "b", "/a?x=\xff"), "url_rewrite_invalid");
  EXPECT_EQ(url("a", "b", "/a?x=\r\nX: y"), "url_rewrite_invalid");
  EXPECT_EQ(url("(.*)", "$1$1$1", "/" + std::string(6000, 'a')), "url_rewrite_too_long");
  EXPECT_EQ(url("%0d%0a", "%0d%0a", "/%0d%0aSet-Cookie:"), "/%0d%0aSet-Cookie:") << "escapes stay escapes";
}

TEST(Transform, SaysWhichRuleCannotBeCompiled) {
  shared::lbconfig::Listener listener;
  listener.rules.push_back({"r", 7, {}, {}, {{}, Rewrite{"(a)", "$2"}}});
  const auto table = RouteTable::compile(listener);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().text(),
            "rule with priority 7: url_rewrite: names the group $2, but the expression has 1");
}

}  // namespace
}  // namespace balancer::routing
