// Targets that speak HTTP/2, of raw frames.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "tests/integration/balancer/h2_wire.h"

namespace balancer::test {
namespace {

std::string answer(std::int32_t stream, const std::string& body) {
  return h2::frame(h2::kHeadersFrame, h2::kEndHeadersFlag, stream, h2::block({{":status", "200"}})) +
         h2::frame(h2::kDataFrame, h2::kEndStreamFlag, stream, body);
}

// Reads frames and hands each head of a request to `on_request`: the stream, and which request it is.
Target::Serve frames(std::function<void(Wire&, std::int32_t stream, int number)> on_request) {
  return
      [on_request = std::move(on_request), asked = std::make_shared<std::atomic<int>>(0)](Wire& wire, int) {
        if (wire.read_exactly(h2::kPreface.size()) != h2::kPreface) return;
        wire.send(h2::frame(h2::kSettingsFrame, 0, 0));
        for (;;) {
          const std::string head = wire.read_exactly(9);
          if (head.size() != 9) return;
          std::string bytes = head + wire.read_exactly(h2::read32(std::string(1, '\0') + head.substr(0, 3)));
          const h2::Frame frame = h2::take_frames(bytes).at(0);
          if (frame.type == h2::kHeadersFrame) on_request(wire, frame.stream, ++*asked);
        }
      };
}

struct OneTarget {
  explicit OneTarget(std::function<void(Wire&, std::int32_t, int)> on_request)
      : target(frames(std::move(on_request))) {
    ConfigOptions options;
    options.group = ", \"protocol_version\": \"http2\"";
    balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options), {"--workers", "1"});
    client = H2Wire::connect(port);
  }
  Target target;
  std::uint16_t port = free_port();
  std::unique_ptr<Balancer> balancer;
  std::unique_ptr<H2Wire> client;
};

TEST(BalancerH2Target, AClientThatCancelsItsRequestHarmsNobody) {
  std::atomic<int> asked{0};
  OneTarget rig([&](Wire& wire, std::int32_t stream, int number) {
    asked = number;
    if (number != 1) wire.send(answer(stream, std::to_string(number)));
  });
  Call& cancelled = rig.client->get("/cancelled");
  ASSERT_TRUE(rig.client->wait([&] { return asked == 1; }));
  rig.client->cancel(cancelled);
  Call& other = rig.client->get("/other");
  ASSERT_TRUE(rig.client->wait(other));
  EXPECT_EQ(other.body, "2");
  EXPECT_EQ(rig.target.connections(), 1);
}

TEST(BalancerH2Target, ABodyWhereNoneMayBeHarmsNobody) {
  OneTarget rig([](Wire& wire, std::int32_t stream, int number) {
    if (number != 1) return void(wire.send(answer(stream, std::to_string(number))));
    wire.send(h2::frame(h2::kHeadersFrame, h2::kEndHeadersFlag, stream, h2::block({{":status", "304"}})));
    wire.send(h2::frame(h2::kDataFrame, h2::kEndStreamFlag, stream, "nobody's"));
  });
  Call& first = rig.client->get("/first");
  ASSERT_TRUE(rig.client->wait(first));
  Call& second = rig.client->get("/second");
  ASSERT_TRUE(rig.client->wait(second));
  EXPECT_EQ(second.body, "2");
}

TEST(BalancerH2Target, ARequestThatIsRepeatedOnAConnectionThatIsThereIsSentAtOnce) {
  OneTarget rig([](Wire& wire, std::int32_t stream, int number) {
    wire.send(number == 2 ? h2::frame(h2::kResetFrame, 0, stream, h2::number32(2))
                          : answer(stream, std::to_string(number)));
  });
  Call& first = rig.client->get("/first");
  ASSERT_TRUE(rig.client->wait(first));
  EXPECT_EQ(first.body, "1");
  Call& second = rig.client->get("/second");
  ASSERT_TRUE(rig.client->wait(second)) << "nobody wrote it";
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, "3");
  EXPECT_EQ(rig.target.connections(), 1);
}

}  // namespace
}  // namespace balancer::test
