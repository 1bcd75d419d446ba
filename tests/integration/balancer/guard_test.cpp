// What guards targets and the balancer: limits of requests with a queue, the retry budget, ejection, rate
// limits, maintenance, and the trace that a request belongs to.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "tests/integration/balancer/h2_wire.h"
#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

// Holds every request until it is let go.
class Held {
 public:
  Held() {
    target_ = std::make_unique<Target>([this](Wire& wire, int) {
      for (;;) {
        const Message request = wire.read_message();
        if (request.head.empty()) return;
        const std::size_t begin = request.head.find(' ') + 1;
        const std::string path = request.head.substr(begin, request.head.find(' ', begin) - begin);
        {
          std::unique_lock lock(mutex_);
          arrived_.push_back(path);
          most_ = std::max(most_, ++open_);
          changed_.wait(lock, [&] { return all_ || let_go_.count(path) != 0; });
          --open_;
        }
        if (!wire.send(response(200, path))) return;
      }
    });
  }
  ~Held() {
    let_all_go();
    target_.reset();
  }
  void let_go(const std::string& path) {
    std::lock_guard lock(mutex_);
    let_go_.insert(path);
    changed_.notify_all();
  }
  void let_all_go() {
    std::lock_guard lock(mutex_);
    all_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> arrived() {
    std::lock_guard lock(mutex_);
    return arrived_;
  }
  bool has(const std::string& path) {
    const auto all = arrived();
    return std::find(all.begin(), all.end(), path) != all.end();
  }
  int most() {  // at a time, ever
    std::lock_guard lock(mutex_);
    return most_;
  }
  std::uint16_t port() const { return target_->port(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> arrived_;
  std::set<std::string> let_go_;
  bool all_ = false;
  int open_ = 0;
  int most_ = 0;
  std::unique_ptr<Target> target_;
};

ConfigOptions limited(int per_target, int queue, int wait_limit_ms = 60'000) {
  ConfigOptions options;
  options.group = ", \"request_limit\": {\"per_target\": " + std::to_string(per_target) +
                  ", \"queue\": " + std::to_string(queue) +
                  ", \"wait_limit_ms\": " + std::to_string(wait_limit_ms) + "}";
  return options;
}
bool waiting(Balancer& balancer, std::uint64_t count) {
  return eventually([&] { return balancer.metric("berth_lb_requests_waiting") == count; });
}
Wire asking(std::uint16_t port, const std::string& path) {
  Wire client = Wire::connect(port);
  EXPECT_TRUE(client.send(get(path)));
  return client;
}

// Over two workers: they count together, and a request that ends on one lets in one of the other.
TEST(BalancerGuard, ATargetHasNoMoreRequestsThanItMayAndTheOthersWaitInOrder) {
  Held target;
  const auto port = free_port();
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}, limited(2, 100)), {"--workers", "2"});
  std::vector<Wire> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(asking(port, "/" + std::to_string(i)));
    if (i < 2) {
      ASSERT_TRUE(eventually([&] { return target.has("/" + std::to_string(i)); }));
    } else {
      ASSERT_TRUE(waiting(*balancer, static_cast<std::uint64_t>(i - 1)))
          << "it is in the queue before the next";
    }
  }
  for (int i = 0; i < 8; ++i) {
    const std::string path = "/" + std::to_string(i), next = "/" + std::to_string(i + 2);
    target.let_go(path);
    EXPECT_EQ(clients[static_cast<std::size_t>(i)].read_message().body, path);
    if (i + 2 >= 8) continue;
    ASSERT_TRUE(eventually([&] { return target.has(next); })) << next;
  }
  EXPECT_EQ(target.most(), 2);
  EXPECT_EQ(target.arrived(), (std::vector<std::string>{"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"}));
  EXPECT_EQ(balancer->metric("berth_lb_requests_queued_total"), 6U);
  EXPECT_EQ(balancer->metric("berth_lb_requests_waiting"), 0U);
  EXPECT_EQ(balancer->metric("berth_lb_requests_total"), 8U);
}

TEST(BalancerGuard, BeyondTheQueueAndAfterItsTimeIsA503WithItsReason) {
  Held target;
  const auto port = free_port();
  ConfigOptions options = limited(1, 1, 50);
  options.listener_options = "\"access_log\": true";
  const std::string path = ::testing::TempDir() + "/berth-guard-" + std::to_string(port);
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}, options), {"--access-log", path});
  Wire served = asking(port, "/served");
  ASSERT_TRUE(eventually([&] { return target.has("/served"); }));
  Wire late = asking(port, "/late");
  EXPECT_EQ(late.read_message().status, 503);
  EXPECT_EQ(balancer->metric("berth_lb_request_queue_timeouts_total"), 1U);
  balancer->write_config(config_json(port, {{target.port(), ""}}, [&] {
    ConfigOptions none = limited(1, 0);
    none.listener_options = options.listener_options;
    return none;
  }()));
  ASSERT_TRUE(balancer->wait_for_version(2));
  Wire full = asking(port, "/full");
  EXPECT_EQ(full.read_message().status, 503);
  EXPECT_EQ(balancer->metric("berth_lb_request_queue_full_total"), 1U);
  EXPECT_FALSE(target.has("/late") || target.has("/full"));
  target.let_all_go();
  EXPECT_EQ(served.read_message().status, 200);
  std::string all;
  ASSERT_TRUE(eventually([&] {
    std::ifstream in(path);
    all.assign(std::istreambuf_iterator<char>(in), {});
    return std::count(all.begin(), all.end(), '\n') >= 3;
  }));
  EXPECT_NE(all.find(" balancer request_queue_timeout "), std::string::npos) << all;
  EXPECT_NE(all.find(" balancer request_queue_full "), std::string::npos) << all;
  std::remove(path.c_str());
}

ConfigOptions holding(int requests, int wait_limit_ms = 60'000) {
  ConfigOptions options;
  options.group = ", \"hold_requests\": {\"requests\": " + std::to_string(requests) +
                  ", \"wait_limit_ms\": " + std::to_string(wait_limit_ms) + "}";
  return options;
}

TEST(BalancerGuard, RequestsAreHeldUntilTheFirstTargetIsHealthy) {
  Held target;
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {}, holding(2)), {"--workers", "2"});
  Wire first = asking(port, "/first");
  ASSERT_TRUE(waiting(*balancer, 1));
  auto h2 = H2Wire::connect(port);
  Call& second = h2->get("/second");
  ASSERT_TRUE(h2->wait([&] { return balancer->metric("berth_lb_requests_waiting") == 2; }));
  Wire third = asking(port, "/third");
  EXPECT_EQ(third.read_message().status, 503) << "two are held";
  EXPECT_EQ(balancer->metric("berth_lb_hold_full_total"), 1U);
  // A target that has not answered its first check is not asked.
  ConfigOptions checked = holding(2);
  checked.health_check = R"("path": "/health", "interval_ms": 60000, "timeout_ms": 60000)";
  balancer->write_config(config_json(port, {{target.port(), ""}}, checked));
  ASSERT_TRUE(balancer->wait_for_version(2));
  ASSERT_TRUE(eventually([&] { return target.has("/health"); }));
  EXPECT_EQ(balancer->metric("berth_lb_requests_waiting"), 2U);
  EXPECT_EQ(target.arrived(), (std::vector<std::string>{"/health"}));
  target.let_all_go();
  EXPECT_EQ(first.read_message().body, "/first");
  ASSERT_TRUE(h2->wait(second));
  EXPECT_EQ(second.body, "/second");
  // From now on nothing waits, whatever there is of requests.
  for (const char* path : {"/a", "/b", "/c"}) EXPECT_EQ(asking(port, path).read_message().body, path);
  EXPECT_EQ(balancer->metric("berth_lb_requests_held_total"), 2U);
  EXPECT_EQ(balancer->metric("berth_lb_requests_waiting"), 0U);
}

TEST(BalancerGuard, AHeldRequestIsAnsweredWhenItsTimeIsOver) {
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {}, holding(5, 50)));
  Wire late = asking(port, "/late");
  EXPECT_EQ(late.read_message().status, 503);
  EXPECT_EQ(balancer->metric("berth_lb_hold_timeouts_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_request_queue_timeouts_total"), 0U);
}

TEST(BalancerGuard, AClientThatGoesAwayLeavesTheQueue) {
  Held target;
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, limited(1, 10)));
  Wire served = asking(port, "/served");
  ASSERT_TRUE(eventually([&] { return target.has("/served"); }));
  Wire gone = asking(port, "/gone");
  ASSERT_TRUE(waiting(*balancer, 1));
  auto h2 = H2Wire::connect(port);
  Call& cancelled = h2->get("/cancelled");
  ASSERT_TRUE(h2->wait([&] { return balancer->metric("berth_lb_requests_waiting") == 2; }));
  Call& stays = h2->get("/stays");
  ASSERT_TRUE(h2->wait([&] { return balancer->metric("berth_lb_requests_waiting") == 3; }));
  gone.reset();
  h2->cancel(cancelled);
  ASSERT_TRUE(h2->wait([&] { return balancer->metric("berth_lb_requests_waiting") == 1; }));
  target.let_all_go();
  ASSERT_TRUE(h2->wait(stays));
  EXPECT_EQ(stays.body, "/stays");
  EXPECT_EQ(target.arrived(), (std::vector<std::string>{"/served", "/stays"}));
}

TEST(BalancerGuard, ARequestWithABodyWaitsWithIt) {
  Held target;
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, limited(1, 10)));
  Wire served = asking(port, "/served");
  ASSERT_TRUE(eventually([&] { return target.has("/served"); }));
  const std::string body(200'000, 'b');
  Wire upload = Wire::connect(port);
  std::thread sending([&] {
    upload.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
  });
  Wire expects = Wire::connect(port);
  ASSERT_TRUE(waiting(*balancer, 1));
  ASSERT_TRUE(
      expects.send("POST /expects HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  ASSERT_TRUE(waiting(*balancer, 2));
  target.let_all_go();
  EXPECT_EQ(served.read_message().status, 200);
  sending.join();
  EXPECT_EQ(upload.read_message().body, "/upload");
  EXPECT_EQ(expects.read_message().status, 100) << "asked for its body once there is somebody to read it";
  ASSERT_TRUE(expects.send("hi"));
  EXPECT_EQ(expects.read_message().body, "/expects");
}

TEST(BalancerGuard, TheQueueOfATargetThatGoesIsServedByTheOthers) {
  Held leaves, comes;
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{leaves.port(), ""}}, limited(1, 10)));
  Wire served = asking(port, "/served");
  ASSERT_TRUE(eventually([&] { return leaves.has("/served"); }));
  std::vector<Wire> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(asking(port, "/" + std::to_string(i)));
  ASSERT_TRUE(waiting(*balancer, 3));
  balancer->write_config(
      config_json(port, {{leaves.port(), ", \"state\": \"draining\""}, {comes.port(), ""}}, limited(1, 10)));
  comes.let_all_go();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(clients[static_cast<std::size_t>(i)].read_message().body, "/" + std::to_string(i));
  EXPECT_EQ(comes.most(), 1);
  leaves.let_all_go();
  EXPECT_EQ(served.read_message().body, "/served") << "what was open there ends there";
  EXPECT_EQ(leaves.arrived().size(), 1U);
}

TEST(BalancerGuard, TheLimitHoldsForTargetsThatSpeakHttp2) {
  Held target;
  const auto inner_port = free_port(), port = free_port();
  auto inner = Balancer::with_config(config_json(inner_port, {{target.port(), ""}}));
  ConfigOptions options = limited(2, 100);
  options.group += ", \"protocol_version\": \"http2\"";
  auto balancer = Balancer::with_config(config_json(port, {{inner_port, ""}}, options));
  auto client = H2Wire::connect(port);
  std::vector<Call*> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(&client->get("/" + std::to_string(i)));
  ASSERT_TRUE(client->wait([&] { return balancer->metric("berth_lb_requests_waiting") == 8; }));
  target.let_all_go();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    ASSERT_TRUE(client->wait(*calls[i]));
    EXPECT_EQ(calls[i]->body, "/" + std::to_string(i));
  }
  EXPECT_LE(target.most(), 2);
}

// Each answers one request on a connection and ends it with the second one.
Target::Serve dies_with_the_second() {
  return [](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send(response(200, "first"));
    wire.read_message();
  };
}

TEST(BalancerGuard, ARetryBudgetThatIsSpentAnswersWithTheError) {
  Target target(dies_with_the_second());
  const auto port = free_port();
  ConfigOptions options;
  options.group = ", \"retry_budget\": {\"percent\": 40, \"minimum_per_second\": 0}";
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}, options), {"--workers", "1"});
  Wire client = Wire::connect(port);
  std::vector<int> statuses;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    statuses.push_back(client.read_message().status);
  }
  // 40 percent of two requests is no whole retry, of four it is one, of five two.
  EXPECT_EQ(statuses, (std::vector<int>{200, 502, 200, 200, 200}));
  EXPECT_EQ(balancer->metric("berth_lb_budget_denied_retries_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_budget_retries_total"), 2U);
}

Target::Serve answering(int status) {
  return [status](Wire& wire, int) {
    while (!wire.read_message().head.empty()) {
      if (!wire.send(response(status, std::to_string(status)))) return;
    }
  };
}

TEST(BalancerGuard, ATargetThatFailsAgainAndAgainIsLeftOut) {
  Target bad(answering(500)), good(answering(200));
  const auto port = free_port();
  ConfigOptions options;
  options.group = ", \"outlier_ejection\": {\"failures\": 3, \"time_ms\": 3600000}";
  auto balancer = Balancer::with_config(config_json(port, {{bad.port(), ""}, {good.port(), ""}}, options));
  Wire client = Wire::connect(port);
  std::map<int, int> statuses;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    ++statuses[client.read_message().status];
  }
  EXPECT_EQ(statuses, (std::map<int, int>{{200, 17}, {500, 3}}));
  EXPECT_EQ(balancer->metric("berth_lb_ejections_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_targets_ejected"), 1U);
  EXPECT_NE(balancer->admin("/targets").find("Berth.Ejected"), std::string::npos);
  EXPECT_NE(balancer->log().find("target_ejected"), std::string::npos);
  balancer->write_config(config_json(port, {{bad.port(), ""}, {good.port(), ""}}));
  ASSERT_TRUE(balancer->wait_for_version(2));
  statuses.clear();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    ++statuses[client.read_message().status];
  }
  EXPECT_EQ(statuses, (std::map<int, int>{{200, 2}, {500, 2}})) << "it is back where nobody is ejected";
}

TEST(BalancerGuard, AnEjectedTargetComesBackAndIsEjectedAgainIfItStillFails) {
  Target bad(answering(500)), good(answering(200));
  const auto port = free_port();
  ConfigOptions options;
  options.group = ", \"outlier_ejection\": {\"failures\": 3, \"time_ms\": 20, \"max_time_ms\": 3600000}";
  auto balancer = Balancer::with_config(config_json(port, {{bad.port(), ""}, {good.port(), ""}}, options));
  Wire client = Wire::connect(port);
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(client.send(get("/")));
    client.read_message();
    return balancer->metric("berth_lb_ejections_total") >= 3;
  }));
}

TEST(BalancerGuard, TheLastTargetIsNeverEjected) {
  Target bad(answering(500)), worse(answering(502));
  const auto port = free_port();
  ConfigOptions options;
  options.group = ", \"outlier_ejection\": {\"failures\": 1, \"max_percent\": 100}";
  auto balancer = Balancer::with_config(config_json(port, {{bad.port(), ""}, {worse.port(), ""}}, options));
  Wire client = Wire::connect(port);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    const std::string body = client.read_message().body;
    EXPECT_TRUE(body == "500" || body == "502") << "a target's answer, not ours: " << body;
  }
  EXPECT_EQ(balancer->metric("berth_lb_targets_ejected"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_ejections_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_denied_ejections_total"), 9U);
}

TEST(BalancerGuard, AClientThatAsksTooOftenIsTold429AndWhenToComeBack) {
  Target target(answering(200));
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"rate_limit\": {\"requests\": 2, \"per_seconds\": 3600}";
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}, options), {"--workers", "2"});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(asking(port, "/").read_message().status, 200);
  Wire client = asking(port, "/");
  const Message refused = client.read_message();
  EXPECT_EQ(refused.status, 429) << "from whatever connection, on whatever worker";
  const int after = std::stoi(refused.field("Retry-After"));
  EXPECT_TRUE(after > 1'700 && after <= 1'800) << after;
  EXPECT_EQ(balancer->metric("berth_lb_rate_limited_total"), 1U);
  auto h2 = H2Wire::connect(port);
  Call& call = h2->get("/");
  ASSERT_TRUE(h2->wait(call));
  EXPECT_EQ(call.status, 429);
  // Nobody's word is taken for another address.
  Wire liar = Wire::connect(port);
  ASSERT_TRUE(liar.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"));
  EXPECT_EQ(liar.read_message().status, 429);
}

TEST(BalancerGuard, BehindAProxyThatIsTrustedItsClientsAreToldApart) {
  Target target(answering(200));
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options =
      "\"rate_limit\": {\"requests\": 1, \"per_seconds\": 3600, \"forwarded_for_hops\": 1}";
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options));
  Wire proxy = Wire::connect(port);
  const auto status = [&proxy](const std::string& forwarded) {
    EXPECT_TRUE(proxy.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + forwarded + "\r\n\r\n"));
    return proxy.read_message().status;
  };
  EXPECT_EQ(status("192.0.2.1"), 200);
  EXPECT_EQ(status("192.0.2.2"), 200);
  EXPECT_EQ(status("192.0.2.1"), 429);
  EXPECT_EQ(status("198.51.100.9, 192.0.2.2"), 429) << "what the client said itself does not count";
  EXPECT_EQ(status("2001:db8::1"), 200);
  EXPECT_EQ(status("[2001:db8::2]:80"), 429);
}

TEST(BalancerGuard, MaintenanceAnswersWithoutATarget) {
  Target target(answering(200));
  const auto port = free_port();
  const std::string maintenance =
      "\"maintenance\": {\"body\": \"<p>back soon\", \"content_type\": \"text/html\", "
      "\"retry_after_seconds\": 120}";
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().status, 200);
  const int before = target.connections();
  for (const bool of_group : {true, false}) {
    ConfigOptions options;
    (of_group ? options.group : options.listener_options) = (of_group ? ", " : "") + maintenance;
    balancer->write_config(config_json(port, {{target.port(), ""}}, options));
    ASSERT_TRUE(balancer->wait_for_version(of_group ? 2 : 3));
    ASSERT_TRUE(client.send(get("/")));
    const Message closed = client.read_message();
    EXPECT_EQ(closed.status, 503);
    EXPECT_EQ(closed.body, "<p>back soon");
    EXPECT_EQ(closed.field("Content-Type"), "text/html");
    EXPECT_EQ(closed.field("Retry-After"), "120");
  }
  EXPECT_EQ(balancer->metric("berth_lb_maintenance_responses_total"), 2U);
  EXPECT_EQ(target.connections(), before);
  ConfigOptions plain;
  plain.listener_options = "\"maintenance\": {}";
  balancer->write_config(config_json(port, {{target.port(), ""}}, plain));
  ASSERT_TRUE(balancer->wait_for_version(4));
  ASSERT_TRUE(client.send(get("/")));
  const Message page = client.read_message();
  EXPECT_EQ(page.status, 503);
  EXPECT_NE(page.body.find("503 Service Temporarily Unavailable"), std::string::npos);
  EXPECT_EQ(page.field("Retry-After"), "");
  balancer->write_config(config_json(port, {{target.port(), ""}}));
  ASSERT_TRUE(balancer->wait_for_version(5));
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().status, 200) << "on the same connection";
}

TEST(BalancerGuard, ATraceparentIsPassedOnAndAddedOnlyWhereItIsWanted) {
  Target target([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty() || !wire.send(response(200, request.field("traceparent")))) return;
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  const std::string own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const auto seen = [&client](const std::string& fields) {
    EXPECT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"));
    return client.read_message().body;
  };
  EXPECT_EQ(seen(""), "");
  EXPECT_EQ(seen("traceparent: " + own + "\r\n"), own);
  ConfigOptions options;
  options.listener_options = "\"add_traceparent\": \"sampled\"";
  balancer->write_config(config_json(port, {{target.port(), ""}}, options));
  ASSERT_TRUE(balancer->wait_for_version(2));
  EXPECT_EQ(seen("traceparent: " + own + "\r\n"), own);
  const std::string made = seen("");
  EXPECT_EQ(made.size(), own.size());
  EXPECT_TRUE(made.starts_with("00-") && made.ends_with("-01")) << made;
  EXPECT_NE(made, seen(""));
}

}  // namespace
}  // namespace balancer::test
