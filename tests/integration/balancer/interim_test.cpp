// Interim (1xx) responses: who gets them, what they keep alive, and where they end.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

using namespace std::chrono_literals;

const std::string kProcessing = "HTTP/1.1 102 Processing\r\n\r\n";

TEST(BalancerInterim, EveryInterimResponseReachesAnHttp11ClientUnchangedAndNoneAnHttp10Client) {
  const std::vector<std::string> heads = {
      "HTTP/1.1 100 Continue\r\nX-Why: early\r\n\r\n", kProcessing,
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n",
      "HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 1234\r\n\r\n",
      "HTTP/1.1 199 Odd\r\nA: b\r\n\r\n"};
  Target target([&heads](Wire& wire, int) {
    while (!wire.read_message().head.empty()) {
      for (const std::string& head : heads) wire.send(head);
      wire.send(
          "HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nLink: </c>\r\n\r\n");
      wire.send(response(200, "done"));
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    for (const std::string& head : heads) EXPECT_EQ(client.read_message().head, head);
    EXPECT_EQ(client.read_message().head, "HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n")
        << "what speaks about the target's connection stays there";
    EXPECT_EQ(client.read_message().body, "done");
  }
  Wire old = Wire::connect(port);
  ASSERT_TRUE(old.send(get("/", "HTTP/1.0")));
  const Message answer = old.read_message();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(balancer->metric("berth_lb_interim_responses_total"), 12U);
  EXPECT_EQ(balancer->metric("berth_lb_interim_floods_total"), 0U);
  EXPECT_EQ(
      balancer->metric("berth_lb_target_responses_total{load_balancer=\"\",listener=\"web\",class=\"2xx\"}"),
      3U)
      << "one answer for each request";
}

TEST(BalancerInterim, PipelinedRequestsKeepTheirOwnInterimResponses) {
  Target target([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      const std::string name = request.head.substr(4, 2);
      wire.send("HTTP/1.1 103 Early Hints\r\nFor: " + name + "\r\n\r\n" + response(200, name));
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/1") + get("/2") + get("/3")));
  for (const char* name : {"/1", "/2", "/3"}) {
    EXPECT_EQ(client.read_message().field("For"), name);
    EXPECT_EQ(client.read_message().body, name);
  }
}

TEST(BalancerInterim, AClientThatAsksIsToldOnceToContinue) {
  Target target([](Wire& wire, int) {
    const Message request = wire.read_message();  // with its body
    wire.send("HTTP/1.1 100 Continue\r\n\r\n" + kProcessing + response(200, request.body));
    wire.read_to_end();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.read_message().status, 100) << "before the body, so it is the balancer's";
  ASSERT_TRUE(client.send("body"));
  EXPECT_EQ(client.read_message().status, 102) << "the target's own 100 would be the second";
  EXPECT_EQ(client.read_message().body, "body");
}

TEST(BalancerInterim, OneThatComesWhileTheClientStillSendsDoesNotCostItsConnection) {
  Target target([](Wire& wire, int) {
    while (!wire.read_message(true).head.empty()) {
      wire.send(kProcessing);
      wire.send(response(200, wire.read_exactly(7)));
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nfir"));
    EXPECT_EQ(client.read_message().status, 102);
    ASSERT_TRUE(client.send("stly"));
    const Message answer = client.read_message();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "firstly");
    EXPECT_EQ(answer.field("Connection"), "");
  }
  EXPECT_EQ(target.connections(), 1);
}

// Nor is the next one on the same connection: each request has the whole budget.
TEST(BalancerInterim, AJobThatReportsEachStepIsNotCutOffByTheirNumber) {
  Target target([](Wire& wire, int) {
    while (!wire.read_message().head.empty()) {
      for (int i = 0; i < 60; ++i)
        wire.send("HTTP/1.1 102 Processing\r\nStep: " + std::to_string(i) + "\r\n\r\n");
      wire.send(response(200, "done"));
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  for (int job = 0; job < 2; ++job) {
    ASSERT_TRUE(client.send(get("/job")));
    for (int i = 0; i < 60; ++i) ASSERT_EQ(client.read_message().field("Step"), std::to_string(i));
    EXPECT_EQ(client.read_message().body, "done");
  }
}

// The whole takes longer than the idle timeout, no pause comes near it.
TEST(BalancerInterim, EachOneIsLifeForTheIdleTimeout) {
  Target target([](Wire& wire, int) {
    wire.read_message();
    const auto end = std::chrono::steady_clock::now() + 3s;
    while (std::chrono::steady_clock::now() < end) {
      wire.send(kProcessing);
      std::this_thread::sleep_for(100ms);
    }
    wire.send(response(200, "done"));
    wire.read_to_end();
  });
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 2000";
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options));
  Wire client = Wire::connect(port);
  Wire old = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/job")));
  ASSERT_TRUE(old.send(get("/job", "HTTP/1.0")));
  Message answer;
  do answer = client.read_message();
  while (answer.status == 102);
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(old.read_message().body, "done") << "also when the client is not told";
}

TEST(BalancerInterim, ATargetThatFloodsIsA502WithAReasonAndACount) {
  Target target([](Wire& wire, int) {
    wire.read_message();
    while (wire.send(kProcessing)) {
    }
  });
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"access_log\": true";
  const std::string path = ::testing::TempDir() + "/berth-access-" + std::to_string(port);
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}, options), {"--access-log", path});
  for (const char* version : {"HTTP/1.1", "HTTP/1.0"}) {
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send(get("/flood", version)));
    Message answer = client.read_message();
    while (answer.status == 102) answer = client.read_message();
    EXPECT_EQ(answer.status, 502);
  }
  EXPECT_EQ(balancer->metric("berth_lb_interim_floods_total"), 2U);
  std::string first, second;
  ASSERT_TRUE(eventually([&] {
    std::ifstream in(path);
    return std::getline(in, first) && std::getline(in, second);
  }));
  EXPECT_NE(first.find(" 502 - "), std::string::npos) << first;
  EXPECT_TRUE(first.ends_with(" target too_many_interim_responses \"-\"")) << first;
  std::remove(path.c_str());
}

// A request that could be repeated, on a kept connection that dies: but not after its client was told
// something.
TEST(BalancerInterim, ARequestIsNotSentAgainOnceItsClientHasAnInterimResponse) {
  std::atomic<int> asked{0};
  Target target([&asked](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send(response(200, "warm"));
    if (wire.read_message().head.empty()) return;
    ++asked;
    wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/warm")));
  ASSERT_EQ(client.read_message().body, "warm");
  ASSERT_TRUE(client.send(get("/once")));
  EXPECT_EQ(client.read_message().status, 103);
  EXPECT_EQ(client.read_message().status, 502);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(target.connections(), 1);
}

TEST(BalancerInterim, AHealthCheckWaitsForTheAnswerBehindThem) {
  Target target([](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>");  // a head may come in pieces
    std::this_thread::sleep_for(20ms);
    wire.send("\r\n\r\n" + kProcessing + response(200, ""));
  });
  ConfigOptions options;
  options.health_check =
      "\"interval_ms\": 1000, \"timeout_ms\": 1000, \"healthy_threshold\": 2, "
      "\"unhealthy_threshold\": 2, \"path\": \"/hc\"";
  auto balancer = Balancer::with_config(config_json(free_port(), {{target.port(), ""}}, options));
  EXPECT_TRUE(eventually([&] {
    return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"healthy\"}") == 1;
  })) << balancer->log();
}

}  // namespace
}  // namespace balancer::test
