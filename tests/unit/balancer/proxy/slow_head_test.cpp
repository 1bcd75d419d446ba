// A client that sends a head byte by byte, in a time that the test makes.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "balancer/proxy/worker/worker.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/target.h"
#include "tests/support/memory_transport.h"

namespace balancer::proxy {
namespace {

using tests::support::MemoryWire;

constexpr std::string_view kListenAt = "127.0.0.1:80";

TEST(SlowHead, EndsWhenItsTimeIsOverThoughNoPauseIsLong) {
  constexpr shared::Millis kPause{7'000};  // far below the idle timeout
  shared::SteadyTime now{std::chrono::hours(1)};
  StatsRegistry stats(1);
  ListenerCompiler compiler("", stats);
  targets::Registry registry(1);
  targets::DrainTracker drains;
  MemoryWire wire;
  auto [client, served] = wire.ends();
  auto loop = loop::Loop::create([&now] { return now; }).value();
  Worker worker(*loop, {});

  shared::lbconfig::Config config;
  config.version = 1;
  shared::lbconfig::Listener web;
  web.id = "web";
  web.address = "127.0.0.1";
  web.port = 80;
  web.default_action.type = shared::lbconfig::ActionType::kFixedResponse;
  config.listeners.push_back(web);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = 1;
  snapshot->listeners = compiler.compile(config, {}).value();
  snapshot->groups = registry.compile(config, drains).value();
  std::vector<NewSocket> sockets;
  sockets.push_back({std::string(kListenAt), {}});
  worker.apply(std::move(snapshot), std::move(sockets));
  ASSERT_TRUE(worker.adopt(std::string(kListenAt), std::move(served), Peer{}));

  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(200, 'y');
  std::size_t sent = 0;
  std::string answer;
  const shared::SteadyTime began = now;
  std::function<void()> step = [&] {
    char space[1024];
    wire.deliver(MemoryWire::kToA);
    if (const loop::IoResult got = client->read(space); got.state == loop::Io::kDone)
      answer.append(space, got.bytes);
    if (!answer.empty() || sent == head.size()) return loop->stop();
    const iovec byte{const_cast<char*>(head.data()) + sent++, 1};
    ASSERT_EQ(client->write({&byte, 1}).bytes, 1U);
    wire.deliver(MemoryWire::kToB);
    now += kPause;
    loop->post(step);
  };
  loop->post(step);
  loop->run();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_GE(now - began, kHeadLimit);
  EXPECT_LE(now - began, kHeadLimit + 2 * kPause);
}

}  // namespace
}  // namespace balancer::proxy
