// The operator's pages over HTTP, as probes and people ask for them.
#include "balancer/admin/pages.h"

#include <nlohmann/json.hpp>

#include "shared/httpd/client.h"
#include "tests/unit/balancer/admin/rig.h"

namespace balancer::admin {
namespace {

using nlohmann::json;

constexpr shared::Millis kPatience{20'000};  // only a hang reaches it

struct Served : Rig {
  Served() {
    Facts facts;
    facts.metrics = [this] { return sources(); };
    facts.config_json = [this] { return config; };
    facts.readiness = [this] { return readiness; };
    pages = Pages::listen(loop, shared::net::parse_endpoint("127.0.0.1:0").value(), *fleet, std::move(facts))
                .value();
    client = shared::httpd::Client::create(loop, pages->endpoint());
  }

  shared::http::Response ask(const std::string& target, const std::string& method = "GET") {
    std::optional<shared::http::Response> answer;
    shared::http::Request request;
    request.method = method;
    request.target = target;
    const auto call = client->request(std::move(request), {}, [&answer](auto result) {
      EXPECT_TRUE(result) << result.error().text();
      answer = result ? std::move(result).value() : shared::http::Response{};
    });
    EXPECT_TRUE(loop.run_until([&answer] { return answer.has_value(); }, kPatience)) << target;
    return answer.value_or(shared::http::Response{});
  }

  std::optional<std::string> config;
  std::vector<Check> readiness;
  std::unique_ptr<Pages> pages;
  std::unique_ptr<shared::httpd::Client> client;
};

TEST(Pages, HealthzIsGoodWhileEveryWorkerAnswersWhateverReadyzSays) {
  Served served;
  served.readiness = {{"config", false, "no configuration has been applied yet"}};
  const auto alive = served.ask("/healthz");
  EXPECT_EQ(alive.status, 200);
  const json body = json::parse(alive.body);
  EXPECT_EQ(body["status"], "ok");
  EXPECT_EQ(body["checks"],
            json::parse(
                R"([{"name":"worker-0","ok":true,"reason":""},{"name":"worker-1","ok":true,"reason":""}])"));
}

TEST(Pages, ReadyzSaysWhichCheckFailsAndWhyInTheMembersThatTheAgentUsesToo) {
  Served served;
  served.readiness = {{"config", false, "no configuration has been applied yet"}, {"accepting", true, ""}};
  const auto not_ready = served.ask("/readyz");
  EXPECT_EQ(not_ready.status, 503);
  json checks = json::parse(not_ready.body)["checks"];
  ASSERT_EQ(checks.size(), kWorkers + 2);
  EXPECT_EQ(checks[2],
            json::parse(R"({"name":"config","ok":false,"reason":"no configuration has been applied yet"})"));
  EXPECT_EQ(checks[3], json::parse(R"({"name":"accepting","ok":true,"reason":""})"));
  served.readiness = {{"config", true, "version 3"}};
  EXPECT_EQ(served.ask("/readyz").status, 200);
}

TEST(Pages, AReasonThatIsNoUtf8StillMakesAPage) {
  Served served;
  served.readiness = {{"config", false, "cannot read '\xff\xfe'"}};
  const auto answer = served.ask("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(json::accept(answer.body));
}

TEST(Pages, MetricsAndConfigComeInTheirTypesAndOnlyReadingIsAllowed) {
  Served served;
  const auto metrics = served.ask("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.headers.get("Content-Type").value_or(""), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("berth_lb_config_version 7\n"), std::string::npos);
  EXPECT_EQ(served.ask("/config").status, 404) << "nothing is applied yet";
  served.config = R"({"version": 1})";
  const auto config = served.ask("/config?pretty");
  EXPECT_EQ(config.status, 200);
  EXPECT_EQ(json::parse(config.body)["version"], 1);
  EXPECT_EQ(served.ask("/").status, 200);
  const auto unknown = served.ask("/metric");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.body.find("/metrics"), std::string::npos) << "it says what there is";
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    const auto refused = served.ask("/metrics", method);
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_EQ(refused.headers.get("Allow").value_or(""), "GET, HEAD");
  }
}

// The workers answer pings on their own threads, some only when the pages are gone: nothing of them is
// touched.
TEST(Pages, MayGoWhileTheWorkersAreAnswering) {
  constexpr int kTimes = 200;
  Served served;
  for (int i = 0; i < kTimes; ++i) {
    served.client.reset();
    served.pages =
        Pages::listen(served.loop, shared::net::parse_endpoint("127.0.0.1:0").value(), *served.fleet, Facts{})
            .value();
  }
  served.pages.reset();
  EXPECT_FALSE(served.loop.run_until([] { return false; }, shared::Millis(0)));
}

}  // namespace
}  // namespace balancer::admin
