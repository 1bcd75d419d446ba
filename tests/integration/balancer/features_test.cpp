// What rules and target groups do beside choosing a target: stickiness, rewrites, response headers.
#include <gtest/gtest.h>

#include <set>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

// Answers with its name and the head that it got.
struct Mirror {
  explicit Mirror(std::string n, std::string f = "")
      : name(std::move(n)), fields(std::move(f)), target([this](Wire& wire, int) {
          for (;;) {
            const Message request = wire.read_message();
            if (request.head.empty()) return;
            wire.send(response(200, name + "\n" + request.head, fields));
          }
        }) {}
  const std::string name;
  const std::string fields;
  Target target;
};

std::string name_of(const Message& answer) { return answer.body.substr(0, answer.body.find('\n')); }

// "AWSALB=..." of the first such Set-Cookie.
std::string cookie_of(const Message& answer, const std::string& name) {
  const auto at = answer.head.find("Set-Cookie: " + name + "=");
  if (at == std::string::npos) return "";
  const auto from = at + std::string("Set-Cookie: ").size();
  return answer.head.substr(from, answer.head.find(';', from) - from);
}

Message ask(std::uint16_t port, const std::string& path, const std::string& fields = "") {
  Wire client = Wire::connect(port);
  client.send("GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + fields + "\r\n");
  return client.read_message();
}

TEST(BalancerSticky, AClientStaysWithItsTargetByCookieAndGetsAnotherWhenThatIsGone) {
  Mirror a("a"), b("b"), c("c");
  const auto port = free_port();
  ConfigOptions options;
  options.group = R"(, "stickiness": {"type": "lb_cookie"})";
  auto balancer = Balancer::with_config(
      config_json(port, {{a.target.port(), ""}, {b.target.port(), ""}, {c.target.port(), ""}}, options));
  const Message first = ask(port, "/");
  const std::string cookie = cookie_of(first, "AWSALB");
  ASSERT_NE(cookie, "") << first.head;
  EXPECT_NE(cookie_of(first, "AWSALBCORS"), "");
  std::set<std::string> without;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(name_of(ask(port, "/", "Cookie: x=1; " + cookie + "\r\n")), name_of(first));
    without.insert(name_of(ask(port, "/")));
  }
  EXPECT_EQ(without.size(), 3U) << "the others are spread";

  std::string forged = cookie;
  forged[forged.size() / 2] = forged[forged.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(ask(port, "/", "Cookie: " + forged + "\r\n").status, 200);

  std::vector<TargetEntry> left;
  for (const Mirror* each : {&a, &b, &c}) {
    if (each->name != name_of(first)) left.push_back({each->target.port(), ""});
  }
  balancer->write_config(config_json(port, left, options));
  ASSERT_TRUE(balancer->wait_for_version(2));
  const Message moved = ask(port, "/", "Cookie: " + cookie + "\r\n");
  EXPECT_NE(name_of(moved), name_of(first));
  const std::string renewed = cookie_of(moved, "AWSALB");
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(name_of(ask(port, "/", "Cookie: " + renewed + "\r\n")), name_of(moved));
}

TEST(BalancerSticky, TheApplicationsCookieDecidesWhenAClientIsKept) {
  Mirror a("a", "Set-Cookie: SESSION=1\r\n"), b("b", "Set-Cookie: SESSION=2\r\n");
  const auto port = free_port();
  ConfigOptions options;
  options.group = R"(, "stickiness": {"type": "app_cookie", "app_cookie": "SESSION"})";
  auto balancer =
      Balancer::with_config(config_json(port, {{a.target.port(), ""}, {b.target.port(), ""}}, options));
  const Message first = ask(port, "/");
  const std::string cookie = cookie_of(first, "AWSALBAPP-0");
  ASSERT_NE(cookie, "") << first.head;
  std::set<std::string> with, alone;
  for (int i = 0; i < 8; ++i) {
    with.insert(name_of(ask(port, "/", "Cookie: SESSION=1; " + cookie + "\r\n")));
    alone.insert(name_of(ask(port, "/", "Cookie: " + cookie + "\r\n")));
  }
  EXPECT_EQ(with, std::set<std::string>{name_of(first)});
  EXPECT_EQ(alone.size(), 2U) << "without the application's cookie there is no session to keep";
}

TEST(BalancerRules, ARewriteReachesTheTargetAndOneThatFailsIsA500) {
  Mirror a("a");
  const auto port = free_port();
  ConfigOptions options;
  const std::string forward =
      R"("action": {"type": "forward", "forward": {"target_groups": [{"target_group": "tg"}]}})";
  options.rules = R"([{"priority": 1, "conditions": [{"field": "path-pattern", "values": ["/dp/*"]}],
    "url_rewrite": {"regex": "^/dp/([A-Za-z0-9]+)/?$", "replace": "/product.php?id=$1"},
    "host_rewrite": {"regex": "^shop\\.(.+)$", "replace": "internal.$1"}, )" +
                  forward +
                  R"(}, {"priority": 2, "conditions": [{"field": "path-pattern", "values": ["/bad"]}],
    "host_rewrite": {"regex": "^.*$", "replace": "no host"}, )" +
                  forward + "}]";
  auto balancer = Balancer::with_config(config_json(port, {{a.target.port(), ""}}, options));
  const std::string got = ask(port, "/dp/B07/").body;
  EXPECT_NE(got.find("GET /product.php?id=B07 HTTP/1.1\r\nHost: internal.example\r\n"), std::string::npos)
      << got;
  EXPECT_EQ(ask(port, "/bad").status, 500);
  EXPECT_NE(ask(port, "/other?x=1").body.find("GET /other?x=1 HTTP/1.1\r\nHost: shop.example"),
            std::string::npos);
}

TEST(BalancerRules, ResponseHeadersOfAListenerAreOnEveryAnswer) {
  Mirror a("a", "X-Frame-Options: ALLOWALL\r\nX-Powered-By: it\r\n");
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = R"("response_headers": [{"name": "X-Frame-Options", "value": "DENY"},
    {"name": "X-Powered-By", "value": ""}])";
  options.rules =
      R"([{"priority": 1, "conditions": [{"field": "path-pattern", "values": ["/fixed"]}], "action":
    {"type": "fixed-response", "fixed_response": {"status": 404, "content_type": "text/plain", "body": "no"}}}])";
  auto balancer = Balancer::with_config(config_json(port, {{a.target.port(), ""}}, options));
  for (const std::string path : {"/", "/fixed"}) {
    const Message answer = ask(port, path);
    EXPECT_EQ(answer.field("X-Frame-Options"), "DENY") << path;
    EXPECT_EQ(answer.head.find("ALLOWALL"), std::string::npos);
    EXPECT_EQ(answer.head.find("X-Powered-By"), std::string::npos);
  }
}

}  // namespace
}  // namespace balancer::test
