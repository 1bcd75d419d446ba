// Clients that are slow on purpose: what they hold is little, and ends.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/balancer/h2_wire.h"

namespace balancer::test {
namespace {

// Answers without an end until nobody reads any more, and counts those answers.
Target::Serve endless(std::atomic<int>& broken_off) {
  return [&broken_off](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    while (wire.send(chunk)) {
    }
    ++broken_off;
  };
}

TEST(BalancerSlow, AClientThatReadsNothingIsGivenUpAfterTheIdleTimeoutAndItsTargetIsFree) {
  std::atomic<int> broken_off{0};
  Target target(endless(broken_off));
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 300";
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_TRUE(eventually([&] { return broken_off == 1; }));
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_client_connections_active") == 0; }));
}

TEST(BalancerSlow, AStreamWhoseClientOpensNoWindowIsGivenUpAfterTheIdleTimeoutAndItsTargetIsFree) {
  std::atomic<int> broken_off{0};
  Target target(endless(broken_off));
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 300";
  auto balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options));
  auto client = H2Wire::connect(port);
  Call& call = client->get("/");
  call.hold = true;
  EXPECT_TRUE(client->wait([&] { return broken_off == 1; }));
  EXPECT_FALSE(call.ended) << "a part of the answer was taken for all of it";
}

TEST(BalancerSlow, ManyUnfinishedHeadsHoldLittleMemoryAndTheOthersAreServed) {
  constexpr std::size_t kClients = 400;
  constexpr long kKilobytesEach =
      kSanitized ? 2'000 : 40;  // the buffer that the head is in, the connection, its exchange
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}));
  const long before = balancer->resident_kilobytes();
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(8'000, 'y');
  std::vector<Wire> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(Wire::connect(port));
    ASSERT_TRUE(clients.back().send(head));
  }
  ASSERT_TRUE(eventually([&] { return balancer->metric("berth_lb_client_connections_total") == kClients; }));
  Wire honest = Wire::connect(port);
  ASSERT_TRUE(honest.send(get("/honest")));
  EXPECT_EQ(honest.read_message().body, "GET /honest HTTP/1.1");
  EXPECT_LT(balancer->resident_kilobytes() - before, static_cast<long>(kClients) * kKilobytesEach);
}

}  // namespace
}  // namespace balancer::test
