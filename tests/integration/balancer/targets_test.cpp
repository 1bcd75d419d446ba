// Connections to targets: reuse, retries, what the client is told when a target fails, health.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <mutex>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

TEST(BalancerTargets, PipelinedRequestsAreAnsweredInOrderOverOneKeptConnection) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/1") + "HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n" + get("/3")));
  EXPECT_EQ(client.read_message().body, "GET /1 HTTP/1.1");
  const Message head = client.read_message(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), "16");
  EXPECT_EQ(client.read_message().body, "GET /3 HTTP/1.1");
  ASSERT_TRUE(client.send(get("/4")));
  EXPECT_EQ(client.read_message().body, "GET /4 HTTP/1.1");
  EXPECT_EQ(target->connections(), 1);
  EXPECT_GE(balancer->metric("berth_lb_target_connections_reused_total"), 3U);
  EXPECT_EQ(balancer->metric("berth_lb_requests_total"), 4U);
}

TEST(BalancerTargets, ATargetThatRefusesIsSkippedForEveryMethodAndIf502OnlyWhenAllRefuse) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{free_port(), ""}, {target->port(), ""}}));
  Wire client = Wire::connect(port);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"));
    EXPECT_EQ(client.read_message().status, 200) << i;
  }
  EXPECT_GE(balancer->metric("berth_lb_retries_total"), 1U);
  balancer->write_config(config_json(port, {{free_port(), ""}, {free_port(), ""}}));
  ASSERT_TRUE(balancer->wait_for_version(2));
  ASSERT_TRUE(client.send(get("/")));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.field("Server"), "awselb/2.0");
  EXPECT_NE(answer.body.find("<title>502 Bad Gateway</title>"), std::string::npos);
}

// Serves one request for each connection, and closes without a word when a second one comes.
TEST(BalancerTargets, AKeptConnectionThatDiesIsReplacedForIdempotentRequestsOnly) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>([&target](Wire& wire, int) {
    const Message first = wire.read_message();
    if (first.head.empty()) return;
    target->note(first.head);
    wire.send(response(200, "ok"));
    wire.read_message();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(get("/" + std::to_string(i))));
    EXPECT_EQ(client.read_message().status, 200) << i;
  }
  EXPECT_EQ(target->seen().size(), 3U) << "each was served exactly once";
  ASSERT_TRUE(client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
  EXPECT_EQ(client.read_message().status, 502) << "it may have been carried out already";
}

TEST(BalancerTargets, WhatATargetDoesWrongIsA502AndItsConnectionIsNotUsedAgain) {
  struct Case {
    const char* name;
    std::string answer;
    int status;
  };
  const std::vector<Case> cases = {
      {"closes silently", "", 502},
      {"garbage", "hello\r\n\r\n", 502},
      {"closes inside the head", "HTTP/1.1 200 OK\r\nContent-", 502},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 502},
      {"head too large", "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n", 502},
      {"unasked 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
       502},
      {"too many interim answers",
       [] {
         std::string flood;
         for (int i = 0; i < 100; ++i) flood += "HTTP/1.1 102 Processing\r\n\r\n";
         return flood;
       }(),
       502},
      {"interim, then final", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       200},
      {"ends by closing", "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200},
      {"bytes too many",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
       200},
  };
  std::atomic<std::size_t> current{0};
  Target target([&](Wire& wire, int) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    if (request.head.rfind("GET /plain", 0) == 0) {
      wire.send(response(200, "plain"));
      return;
    }
    wire.send(cases[current].answer);
    wire.shut_write();
    wire.read_to_end();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  for (current = 0; current < cases.size(); ++current) {
    SCOPED_TRACE(cases[current].name);
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send(get("/case")));
    Message answer = client.read_message();
    while (answer.status / 100 == 1) answer = client.read_message();
    EXPECT_EQ(answer.status, cases[current].status);
    Wire second = Wire::connect(port);
    ASSERT_TRUE(second.send(get("/plain")));
    EXPECT_EQ(second.read_message().body, "plain");
  }
}

TEST(BalancerTargets, ABodyThatBreaksOffEndsTheClientsConnectionInsteadOfLookingComplete) {
  Target target([](Wire& wire, int) {
    wire.read_message();
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/")));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_FALSE(answer.complete);
}

// Both are there before the balancer looks: the loop says of them that there is something to read, once.
TEST(BalancerTargets, AResetRightBehindBytesIsNoticedAtOnce) {
  for (const std::string sent :
       {"HTTP/1.1 200 OK\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nX: "}) {
    Target target([&](Wire& wire, int) {
      wire.read_message();
      wire.send(sent);
      wire.reset();
    });
    const auto port = free_port();
    auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
    for (int i = 0; i < 5; ++i) {
      Wire client = Wire::connect(port);
      ASSERT_TRUE(client.send(get("/")));
      const Message answer = client.read_message();
      if (answer.status == 502) continue;
      EXPECT_EQ(answer.status, 200) << sent;
      EXPECT_FALSE(answer.complete) << "it must not pass for a whole one";
      EXPECT_TRUE(client.ended()) << sent;
    }
  }
}

TEST(BalancerTargets, TheClientIsToldWhoWasTooSlow) {
  Target silent([](Wire& wire, int) { wire.read_to_end(); });
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 200";
  auto balancer = Balancer::with_config(config_json(port, {{silent.port(), ""}}, options));
  Wire waits = Wire::connect(port);
  ASSERT_TRUE(waits.send(get("/")));
  EXPECT_EQ(waits.read_message().status, 504);
  Wire stalls = Wire::connect(port);
  ASSERT_TRUE(stalls.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"));
  EXPECT_EQ(stalls.read_message().status, 408);
  Wire halts = Wire::connect(port);
  ASSERT_TRUE(halts.send("GET / HTTP/1.1\r\nHos"));
  EXPECT_EQ(halts.read_message().status, 408) << "the idle timeout holds within a head too";
  Wire idle = Wire::connect(port);
  EXPECT_EQ(idle.read_to_end(), "") << "an idle connection is closed without a word";
  Wire leaves = Wire::connect(port);
  ASSERT_TRUE(leaves.send(get("/")));
  ASSERT_TRUE(eventually([&] { return silent.connections() == 3; }));
  leaves.reset();
  EXPECT_TRUE(eventually([&] {
    return balancer->metric(
               "berth_lb_elb_responses_total{load_balancer=\"\",listener=\"web\",code=\"460\"}") == 1;
  }));
  balancer->write_config(config_json(port, {}, options));
  ASSERT_TRUE(balancer->wait_for_version(2));
  Wire none = Wire::connect(port);
  ASSERT_TRUE(none.send(get("/")));
  const Message unavailable = none.read_message();
  EXPECT_EQ(unavailable.status, 503);
  EXPECT_NE(unavailable.head.find("503 Service Temporarily Unavailable"), std::string::npos);
}

TEST(BalancerTargets, HealthChecksDecideWhoGetsRequests) {
  std::atomic<int> health{200};
  std::atomic<int> checks{0};
  const auto serve = [&](const char* name, std::atomic<int>* status) {
    return [&, name, status](Wire& wire, int) {
      for (;;) {
        const Message request = wire.read_message();
        if (request.head.empty()) return;
        if (request.field("User-Agent") == "ELB-HealthChecker/2.0") {
          ++checks;
          wire.send(response(status->load(), ""));
          return;
        }
        wire.send(response(200, name));
      }
    };
  };
  std::atomic<int> always{200};
  Target steady(serve("steady", &always));
  Target changing(serve("changing", &health));
  const auto port = free_port();
  ConfigOptions options;
  options.health_check =
      "\"interval_ms\": 50, \"timeout_ms\": 50, \"healthy_threshold\": 2, \"unhealthy_threshold\": 2, "
      "\"path\": \"/hc\"";
  auto balancer =
      Balancer::with_config(config_json(port, {{steady.port(), ""}, {changing.port(), ""}}, options));
  const auto healthy = [&](std::uint64_t n) {
    return eventually(
        [&] { return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"healthy\"}") == n; });
  };
  ASSERT_TRUE(healthy(2));
  const auto answers = [&] {
    Wire client = Wire::connect(port);
    std::string all;
    for (int i = 0; i < 4; ++i) {
      client.send(get("/"));
      all += client.read_message().body + " ";
    }
    return all;
  };
  EXPECT_NE(answers().find("changing"), std::string::npos);
  health = 503;
  ASSERT_TRUE(healthy(1));
  EXPECT_EQ(answers(), "steady steady steady steady ");
  EXPECT_NE(balancer->log().find("Health checks failed with these codes: [503]"), std::string::npos);
  health = 200;
  ASSERT_TRUE(healthy(2));
  EXPECT_NE(answers().find("changing"), std::string::npos);
}

// Every check of the target hangs; the answer of the other one is longer than what a check looks at.
TEST(BalancerTargets, AHangingTargetFailsItsChecksAlsoWhenTheTimeoutIsTheWholeInterval) {
  Target hangs([](Wire& wire, int) { wire.read_to_end(); });
  ConfigOptions options;
  options.health_check = "\"interval_ms\": 100, \"timeout_ms\": 100, \"unhealthy_threshold\": 2";
  auto balancer = Balancer::with_config(config_json(free_port(), {{hangs.port(), ""}}, options));
  EXPECT_TRUE(eventually(
      [&] { return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"unhealthy\"}") == 1; }));
  EXPECT_NE(balancer->log().find("Request timed out"), std::string::npos);
}

// A program that listens, or is warm, a moment after its container runs does not wait for the next interval.
TEST(BalancerTargets, ATargetThatComesUpSoonAfterItsFirstCheckIsFoundBeforeTheNext) {
  std::atomic<int> checks{0};
  Target warms_up([&](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send(response(++checks <= 2 ? 503 : 200, ""));
  });
  ConfigOptions options;
  options.health_check = "\"interval_ms\": 300000, \"timeout_ms\": 50000, \"unhealthy_threshold\": 2";
  auto balancer = Balancer::with_config(config_json(free_port(), {{warms_up.port(), ""}}, options));
  EXPECT_TRUE(eventually(
      [&] { return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"healthy\"}") == 1; }));
  EXPECT_EQ(checks, 3);
  EXPECT_EQ(balancer->log().find("Health checks failed"), std::string::npos)
      << "two failed checks between those of the interval made it unhealthy";
}

TEST(BalancerTargets, AHealthCheckLetsTheTargetFinishItsAnswer) {
  std::atomic<int> finished{0};
  std::atomic<int> broken{0};
  Target talks([&](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    const bool sent = wire.send(response(200, std::string(600'000, 'x')));
    wire.shut_write();
    char byte = 0;
    ++(sent && ::recv(wire.fd(), &byte, 1, 0) == 0 ? finished : broken);
  });
  ConfigOptions options;
  options.health_check = "\"interval_ms\": 60000, \"timeout_ms\": 50000";
  auto balancer = Balancer::with_config(config_json(free_port(), {{talks.port(), ""}}, options));
  EXPECT_TRUE(eventually([&] { return finished + broken == 1; }));
  EXPECT_EQ(broken, 0) << "reset while it was answering";
  EXPECT_EQ(balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"healthy\"}"), 1U);
}

// More clients than descriptors: those that are let in are served, and nothing is blamed on the target.
TEST(BalancerTargets, RunningOutOfDescriptorsTurnsClientsAwayAndServesTheOthers) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  constexpr int kDescriptors = 200;
  const auto port = free_port();
  ConfigOptions options;
  options.health_check = "\"interval_ms\": 50, \"timeout_ms\": 50, \"unhealthy_threshold\": 2";
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}, options), {}, kDescriptors);
  std::vector<Wire> clients;
  for (int i = 0; i < kDescriptors + 50; ++i) clients.push_back(Wire::connect(port));
  ASSERT_TRUE(eventually([&] {
    return balancer->metric("berth_lb_client_connections_total") +
               balancer->metric("berth_lb_client_connections_rejected_total") ==
           clients.size();
  }));
  std::size_t served = 0;
  for (Wire& client : clients) {
    if (!client.send(get("/"))) continue;
    const int status = client.read_message().status;
    EXPECT_TRUE(status == 200 || status == 0) << status;
    served += status == 200 ? 1U : 0U;
  }
  EXPECT_EQ(served, balancer->metric("berth_lb_client_connections_total"));
  EXPECT_GE(served, static_cast<std::size_t>(kDescriptors / 4));
  EXPECT_EQ(balancer->metric("berth_lb_target_connect_errors_total"), 0U);
  EXPECT_EQ(balancer->log().find("internal error"), std::string::npos) << "a check had no descriptor";
}

// What was there before a request is not its answer, though its report comes behind that of the request.
TEST(BalancerTargets, WhatATargetSaysUnaskedIsNobodysAnswer) {
  std::mutex mutex;
  std::vector<int> open;
  Target target([&](Wire& wire, int connection) {
    {
      std::lock_guard lock(mutex);
      open.push_back(wire.fd());
    }
    while (!wire.read_message().head.empty()) {
      if (!wire.send(response(200, "of " + std::to_string(connection)))) return;
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/first")));
  EXPECT_EQ(client.read_message().body, "of 1");
  balancer->freeze();  // both reports are made while it looks at neither
  ASSERT_TRUE(client.send(get("/second")));
  const std::string unasked = response(200, "unasked");
  ASSERT_EQ(::send(open.at(0), unasked.data(), unasked.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(unasked.size()));
  balancer->signal(SIGCONT);
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "of 2");
}

}  // namespace
}  // namespace balancer::test
