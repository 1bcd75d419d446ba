// Which rule a request meets, and rules in words.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/story/rules.h"

namespace agent::cli {
namespace {

using nlohmann::json;

json rules() {
  return json::parse(R"([
    {"Priority":"default","Conditions":[],"Actions":[{"Type":"forward","TargetGroupArn":"arn:aws:elasticloadbalancing:r:a:targetgroup/main/1"}]},
    {"Priority":"20","Conditions":[{"Field":"path-pattern","Values":["/api/*"],"PathPatternConfig":{"Values":["/api/*"]}}],
     "Actions":[{"Type":"forward","ForwardConfig":{"TargetGroups":[{"TargetGroupArn":"arn:aws:elasticloadbalancing:r:a:targetgroup/api/1","Weight":"90"},
       {"TargetGroupArn":"arn:aws:elasticloadbalancing:r:a:targetgroup/api-2/1","Weight":"10"}]}}]},
    {"Priority":"5","Conditions":[{"Field":"host-header","HostHeaderConfig":{"Values":["*.Example.com"]}},
       {"Field":"http-request-method","HttpRequestMethodConfig":{"Values":["GET"]}}],
     "Actions":[{"Type":"redirect","RedirectConfig":{"Protocol":"HTTPS","Host":"#{host}","Port":"443","Path":"/#{path}","Query":"#{query}","StatusCode":"HTTP_301"}}]},
    {"Priority":"30","Conditions":[{"Field":"query-string","QueryStringConfig":{"Values":[{"Key":"v","Value":"2*"}]}}],
     "Actions":[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"503","MessageBody":"soon"}}]},
    {"Priority":"40","Conditions":[{"Field":"source-ip","SourceIpConfig":{"Values":["10.0.0.0/8","2001:db8::/32"]}}],
     "Actions":[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"200"}}]},
    {"Priority":"50","Conditions":[{"Field":"http-header","HttpHeaderConfig":{"HttpHeaderName":"X-Beta","Values":["ye?"]}}],
     "Actions":[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"201"}}]},
    {"Priority":"60","Conditions":[{"Field":"path-pattern","PathPatternConfig":{"RegexValues":["^/v[0-9]+/"]}}],
     "Actions":[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"202"}}]}])");
}

std::string met_by(
    const std::string& url, const std::function<void(TestRequest&)>& change = [](TestRequest&) {}) {
  auto request = parse_test_url(url);
  if (!request) return "no URL";
  change(*request);
  const json all = rules();
  const json* rule = rule_for(all, *request);
  return rule == nullptr ? "none" : (*rule)["Priority"].get<std::string>();
}

TEST(Rules, AreAskedByPriorityWithAllConditions) {
  EXPECT_EQ(met_by("http://h/"), "default");
  EXPECT_EQ(met_by("http://h/api/x"), "20");
  EXPECT_EQ(met_by("http://h/API/x"), "default");  // paths have letters of both cases
  EXPECT_EQ(met_by("http://A.example.COM:8080/api/x"), "5");
  EXPECT_EQ(met_by("http://example.com/"), "default");
  EXPECT_EQ(met_by("http://a.example.com/api/", [](TestRequest& r) { r.method = "POST"; }), "20");
}

TEST(Rules, LookAtQueriesSourcesHeadersAndExpressions) {
  EXPECT_EQ(met_by("http://h/?a=1&v=2.5"), "30");
  EXPECT_EQ(met_by("http://h/?a=2"), "default");
  EXPECT_EQ(met_by("http://h/", [](TestRequest& r) { r.source = "10.9.1.1"; }), "40");
  EXPECT_EQ(met_by("http://h/", [](TestRequest& r) { r.source = "2001:db8::1"; }), "40");
  EXPECT_EQ(met_by("http://h/", [](TestRequest& r) { r.source = "11.0.0.1"; }), "default");
  EXPECT_EQ(met_by("http://h/", [](TestRequest& r) { r.headers = {{"x-beta", "YES"}}; }), "50");
  EXPECT_EQ(met_by("http://h/v12/x"), "60");
}

TEST(Rules, AreToldInWords) {
  const json all = sorted_rules(rules());
  EXPECT_EQ(conditions_text(all[0]), "host *.Example.com, method GET");
  EXPECT_EQ(actions_text(all[0]["Actions"]), "redirect 301 to https://#{host}:443/#{path}?#{query}");
  EXPECT_EQ(actions_text(all[1]["Actions"]), "forward to api 90%, api-2 10%");
  EXPECT_EQ(conditions_text(all[2]), "query v=2*");
  EXPECT_EQ(actions_text(all[2]["Actions"]), "answer 503 \"soon\"");
  EXPECT_EQ(conditions_text(all.back()), "everything else");
  EXPECT_EQ(actions_text(all.back()["Actions"]), "forward to main");
  EXPECT_EQ(groups_of(all[1]["Actions"]).size(), 2U);
}

TEST(TestUrls, AreHttpUrls) {
  EXPECT_EQ(parse_test_url("https://h/x?y=1#z")->port, 443);
  EXPECT_EQ(parse_test_url("https://h/x?y=1#z")->query, "y=1");
  EXPECT_EQ(parse_test_url("h:81")->port, 81);
  EXPECT_EQ(parse_test_url("http://[::1]:82/")->port, 82);
  for (const char* wrong : {"", "/x", "ftp://h", "http://", "http://h:x/", "http://h:0"})
    EXPECT_FALSE(parse_test_url(wrong)) << wrong;
}

}  // namespace
}  // namespace agent::cli
