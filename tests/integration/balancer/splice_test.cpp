// Large bodies, which go from the target to the client inside the kernel: byte for byte, around the size at
// which that begins, with slow clients and with either side breaking.
#include <gtest/gtest.h>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

constexpr std::size_t kSpliced = 256 * 1024;  // proxy::kSpliceFrom

std::string patterned(std::size_t size, std::size_t from = 0) {
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>((from + i) * 7 + (from + i) / 251);
  return body;
}

// The request's path says how many bytes it wants: "/262144".
Target::Serve sized(std::unique_ptr<Target>& self) {
  return [&self](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      self->note(request.head);
      if (!wire.send(response(200, patterned(std::strtoul(request.head.c_str() + 5, nullptr, 10))))) return;
    }
  };
}

// -1: none.
int first_difference(const std::string& got, const std::string& wanted) {
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    if (got[i] != wanted[i]) return static_cast<int>(i);
  }
  return got.size() == wanted.size() ? -1 : static_cast<int>(std::min(got.size(), wanted.size()));
}

TEST(BalancerSplice, BodiesOfEverySizeAroundItsBeginningArriveByteForByteOnOneConnection) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(sized(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  Wire client = Wire::connect(port);
  for (const std::size_t size :
       {kSpliced - 1, kSpliced, kSpliced + 1, kSpliced + 16 * 1024 - 1, kSpliced + 16 * 1024,
        kSpliced + 16 * 1024 + 1, 2 * kSpliced - 1, 2 * kSpliced + 1, 3 * kSpliced + 12345, std::size_t{0}}) {
    ASSERT_TRUE(client.send(get("/" + std::to_string(size))));
    const Message answer = client.read_message();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(first_difference(answer.body, patterned(size)), -1) << size;
  }
  EXPECT_EQ(target->connections(), 1) << "its connection serves all of them";
  EXPECT_EQ(balancer->metric("berth_lb_requests_in_flight"), 0U);
}

TEST(BalancerSplice, WhatIsPipelinedBehindALargeBodyIsAnsweredAfterIt) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(sized(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/1000000") + get("/7") + get("/2000000") + get("/8")));
  for (const std::size_t size : {1'000'000UL, 7UL, 2'000'000UL, 8UL})
    EXPECT_EQ(first_difference(client.read_message().body, patterned(size)), -1) << size;
}

TEST(BalancerSplice, AClientThatReadsInSmallPiecesGetsEveryByte) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(sized(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  Wire client = Wire::connect(port);
  constexpr std::size_t kSize = 16 * kSpliced + 77;
  ASSERT_TRUE(client.send(get("/" + std::to_string(kSize))));
  std::string got = client.read_exactly(500);
  const std::size_t all = got.find("\r\n\r\n") + 4 + kSize;
  for (std::size_t piece = 1; got.size() < all; piece = piece * 3 % 9001 + 1) {
    const std::string part = client.read_exactly(std::min(piece, all - got.size()));
    if (part.empty()) break;
    got += part;
  }
  got.erase(0, all - kSize);
  EXPECT_EQ(first_difference(got, patterned(kSize)), -1);
}

// A target that says more than its response's length has put bytes there that nobody asked for: they must not
// become the answer to the next request of somebody else.
TEST(BalancerSplice, BytesBehindALargeBodyAreNobodysAnswer) {
  Target target([](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send(response(200, patterned(2 * kSpliced)) + response(200, "poison"));
    if (!wire.read_message().head.empty()) wire.send(response(200, "poison too late"));
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(get("/large")));
    EXPECT_EQ(first_difference(client.read_message().body, patterned(2 * kSpliced)), -1) << "request " << i;
  }
  EXPECT_EQ(target.connections(), 5) << "such a connection serves once";
}

// The same where the response fills the buffer to its last byte, so that the read was no short one.
TEST(BalancerSplice, BytesBehindABodyThatFillsTheBufferAreNobodysAnswer) {
  static constexpr std::size_t kBuffer = 16 * 1024;
  Target target([](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    std::string whole = response(200, patterned(kBuffer));
    whole = response(200, patterned(2 * kBuffer - whole.size()));
    EXPECT_EQ(whole.size(), kBuffer);
    wire.send(whole + response(200, "poison"));
    if (!wire.read_message().head.empty()) wire.send(response(200, "poison too late"));
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(get("/full")));
    EXPECT_GT(client.read_message().body.size(), kBuffer / 2) << "request " << i;
  }
}

// HTTP/1.0 gets a chunked response without its chunks, so that a large chunk is payload that goes on as it
// is.
TEST(BalancerSplice, LargeChunksReachAnOldClientWhole) {
  const std::string body = patterned(6 * kSpliced);
  Target target([&body](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 3 * kSpliced)
      chunked += "C0000\r\n" + body.substr(at, 3 * kSpliced) + "\r\n";
    wire.send(chunked + "0\r\n\r\n");
    wire.read_to_end();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/", "HTTP/1.0")));
  EXPECT_EQ(first_difference(client.read_message().body, body), -1);
  EXPECT_EQ(balancer->admin_status("/readyz"), 200) << "it lives";
}

TEST(BalancerSplice, ATargetThatBreaksInALargeBodyLeavesTheClientWithFewerBytesThanWerePromised) {
  constexpr std::size_t kPromised = 8 * kSpliced;
  constexpr std::size_t kSent = 3 * kSpliced + 11;
  Target target([](Wire& wire, int connection) {
    if (wire.read_message().head.empty()) return;
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kPromised) + "\r\n\r\n" + patterned(kSent));
    if (connection % 2 == 0) wire.reset();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  for (int i = 0; i < 4; ++i) {
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send(get("/broken") + get("/next")));
    const Message answer = client.read_message();
    EXPECT_FALSE(answer.complete);
    EXPECT_LE(answer.body.size(), kSent);
    EXPECT_EQ(first_difference(answer.body, patterned(answer.body.size())), -1);
    EXPECT_TRUE(client.ended()) << "no answer to another request follows a broken one";
  }
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_target_group_in_flight") == 0; }));
}

TEST(BalancerSplice, AClientThatGoesAwayInALargeBodyLeavesNothingBehind) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(sized(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  for (int i = 0; i < 40; ++i) {
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send(get("/6000000")));
    ASSERT_EQ(client.read_exactly(static_cast<std::size_t>(i) * 50'000 + 1).size(),
              static_cast<std::size_t>(i) * 50'000 + 1);
    i % 2 == 0 ? client.reset() : client.close();
  }
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_target_group_in_flight") == 0; }));
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_client_connections_active") == 0; }));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/600000")));
  EXPECT_EQ(first_difference(client.read_message().body, patterned(600'000)), -1)
      << "a pipe with somebody else's bytes in it is not used again";
}

}  // namespace
}  // namespace balancer::test
