// Bodies in both directions: back-pressure, early answers, Expect, half-closed clients, websockets.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

constexpr std::size_t kMegabyte = 1024 * 1024;

// Sends until the other side takes no more for a moment; bytes that went.
std::size_t send_until_blocked(Wire& wire, const std::string& chunk, std::size_t most) {
  std::size_t sent = 0;
  const timeval limit{0, 300'000};
  ::setsockopt(wire.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (sent < most) {
    const ssize_t n = ::send(wire.fd(), chunk.data(), std::min(chunk.size(), most - sent), MSG_NOSIGNAL);
    if (n <= 0) return sent;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

TEST(BalancerBodies, ASlowReaderStopsTheTargetAndMemoryStaysBounded) {
  constexpr std::size_t kSize = 256 * kMegabyte;
  std::atomic<std::size_t> first_push{0};
  Target target([&](Wire& wire, int) {
    wire.read_message();
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string chunk(64 * 1024, 'x');
    std::size_t sent = send_until_blocked(wire, chunk, kSize);
    first_push = sent;
    const timeval none{0, 0};
    ::setsockopt(wire.fd(), SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    for (; sent < kSize; sent += chunk.size()) {
      if (!wire.send(chunk.substr(0, std::min(chunk.size(), kSize - sent)))) return;
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  const long before = balancer->resident_kilobytes();
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return first_push != 0; }));
  EXPECT_LT(first_push, 32 * kMegabyte) << "it was held back by the reader, not swallowed";
  EXPECT_LT(balancer->resident_kilobytes() - before, 4 * 1024) << "kilobytes";
  const Message answer = client.read_message();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), kSize);
}

TEST(BalancerBodies, ALargeUploadArrivesWholeWhateverItsFraming) {
  Target target([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      std::size_t sum = 0;
      for (const char c : request.body) sum = sum * 31 + static_cast<unsigned char>(c);
      wire.send(response(200, std::to_string(request.body.size()) + ":" + std::to_string(sum)));
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  std::string body(8 * kMegabyte + 17, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 255);
  std::size_t sum = 0;
  for (const char c : body) sum = sum * 31 + static_cast<unsigned char>(c);
  const std::string expected = std::to_string(body.size()) + ":" + std::to_string(sum);

  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("PUT /l HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                          "\r\n\r\n" + body));
  EXPECT_EQ(client.read_message().body, expected);
  std::string chunked = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0, size = 1; at < body.size(); size = size * 3 % 70'001 + 1) {
    const std::string part = body.substr(at, size);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", part.size());
    chunked += line + part + "\r\n";
    at += part.size();
  }
  ASSERT_TRUE(client.send(chunked + "0\r\n\r\n"));
  EXPECT_EQ(client.read_message().body, expected);
}

TEST(BalancerBodies, AnAnswerBeforeTheEndOfTheBodyReachesTheClientAndTheConnectionCloses) {
  Target target([](Wire& wire, int) {
    wire.read_exactly(40);
    wire.send(response(413, "too much", "Connection: close\r\n"));
    wire.shut_write();
    wire.read_to_end();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(1000, 'x')));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "too much");
  EXPECT_EQ(answer.field("Connection"), "close");
  client.send(std::string(1000, 'y'));
  EXPECT_TRUE(client.ended());
}

TEST(BalancerBodies, AnAnswerToALargeUploadThatNobodyReadsStillReachesTheClient) {
  const auto port = free_port();
  ConfigOptions options;
  options.rules =
      R"([{"priority": 1, "conditions": [{"field": "path-pattern", "values": ["/no"]}],
           "action": {"type": "fixed-response", "fixed_response": {"status": 403, "body": "no"}}}])";
  auto balancer = Balancer::with_config(config_json(port, {}, options));
  constexpr std::size_t kUpload = 32 * 1024 * 1024;
  Wire client = Wire::connect(port);
  ASSERT_TRUE(
      client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kUpload) + "\r\n\r\n"));
  EXPECT_TRUE(client.send(std::string(kUpload, 'x'))) << "reset while the client was sending";
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, "no");
}

TEST(BalancerBodies, AnOldClientWithoutHostIsServedAlsoWhereTheListenerHasNoName) {
  Target target([](Wire& wire, int) {
    const Message request = wire.read_message();
    wire.send(response(200, request.field("Host")));
  });
  const auto port = free_port();
  std::string config = config_json(port, {{target.port(), ""}});
  const std::string name = "\"dns_name\": \"web.example\"";
  config.replace(config.find(name), name.size(), "\"dns_name\": \"\"");
  auto balancer = Balancer::with_config(config);
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(client.read_message().body, "127.0.0.1:" + std::to_string(port));
}

TEST(BalancerBodies, ExpectIsAnsweredAtOnceAndNotPassedOn) {
  std::string seen;
  Target target([&seen](Wire& wire, int) {
    const Message request = wire.read_message();
    seen = request.head;
    wire.send(response(200, request.body));
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.read_message().status, 100);
  ASSERT_TRUE(client.send("body"));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(seen.find("Expect"), std::string::npos) << seen;
}

TEST(BalancerBodies, AClientThatHasSaidEverythingMayCloseItsHalfAndStillGetsItsAnswer) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n"));
  client.shut_write();
  EXPECT_EQ(client.read_message().body, "GET /half HTTP/1.1");
  EXPECT_TRUE(client.ended());
}

TEST(BalancerBodies, AWebsocketIsTunnelledAfterAValid101OnlyAndEndsOfEachSideArePassedOn) {
  Target target([](Wire& wire, int) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    if (request.head.rfind("GET /no", 0) == 0) {
      wire.send(response(200, "no websocket here"));
      wire.read_to_end();
      return;
    }
    wire.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello");
    const std::string heard = wire.read_to_end();
    wire.send("heard " + heard);
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  const auto handshake = [](const std::string& path) {
    return "GET " + path +
           " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  };
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(handshake("/yes") + "early "));
  EXPECT_EQ(client.read_message().status, 101);
  EXPECT_EQ(client.read_exactly(5), "hello");
  EXPECT_EQ(balancer->metric("berth_lb_target_group_in_flight"), 1U) << "an open websocket is in flight";
  ASSERT_TRUE(client.send("late"));
  client.shut_write();
  EXPECT_EQ(client.read_to_end(), "heard early late");
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_target_group_in_flight") == 0; }));

  Wire refused = Wire::connect(port);
  ASSERT_TRUE(refused.send(handshake("/no") + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(refused.read_message().body, "no websocket here");
}

}  // namespace
}  // namespace balancer::test
