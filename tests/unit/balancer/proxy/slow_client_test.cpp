// A worker between a target that goes on sending and a client that does not read, with kernel buffers so
// small that what is not sent stays with the worker.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <string>

#include "balancer/codec/head.h"
#include "balancer/proxy/worker/fleet.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/target.h"

namespace balancer::proxy {
namespace {

constexpr int kSmall = 4096;
constexpr int kPatience = 10'000;  // ms, of any one wait

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

shared::UniqueFd listen_anywhere() {
  return std::move(loop::open_listener(*loop::make_address("127.0.0.1", 0), loop::Sharing::kExclusive))
      .value();
}

shared::UniqueFd connect_with_little_room(int port) {
  shared::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kSmall, sizeof kSmall);
  const loop::Address to = *loop::make_address("127.0.0.1", static_cast<std::uint16_t>(port));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length), 0);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(n, 0);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_until(int fd, std::string_view end) {
  std::string got;
  while (!got.ends_with(end)) {
    pollfd wanted{fd, POLLIN, 0};
    char chunk[4096];
    const ssize_t n = ::poll(&wanted, 1, kPatience) == 1 ? ::recv(fd, chunk, sizeof chunk, 0) : 0;
    if (n <= 0) break;
    got.append(chunk, static_cast<std::size_t>(n));
  }
  return got;
}

bool eventually(const std::function<bool()>& condition) {
  for (int waited = 0; !condition(); waited += 5) {
    if (waited > kPatience) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

struct OneListener {
  explicit OneListener(std::uint16_t target_port) {
    shared::lbconfig::Config config;
    config.version = 1;
    shared::lbconfig::Listener web;
    web.id = "web";
    web.address = "127.0.0.1";
    web.port = static_cast<std::uint16_t>(port_of(listen_anywhere().get()));  // free a moment ago
    web.default_action.forward.target_groups = {{"tg", 1}};
    port = web.port;
    shared::lbconfig::TargetGroup group;
    group.id = "tg";
    group.health_check.enabled = false;
    shared::lbconfig::Target target;
    target.address = "127.0.0.1";
    target.port = target_port;
    group.targets.push_back(target);
    config.listeners.push_back(web);
    config.target_groups.push_back(group);

    fleet = Fleet::start({}).value();
    auto listeners = ListenerCompiler("", stats).compile(config, {}).value();
    SocketPlan sockets = fleet->open_sockets(listeners, nullptr).value();
    for (NewSocket& socket : sockets.front())  // accepted connections take it over
      ::setsockopt(socket.fd.get(), SOL_SOCKET, SO_SNDBUF, &kSmall, sizeof kSmall);
    targets::DrainTracker drains;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->version = 1;
    snapshot->groups = registry.compile(config, drains).value();
    snapshot->listeners = std::move(listeners);
    std::promise<void> applied;
    fleet->apply(snapshot, std::move(sockets), [&applied] { applied.set_value(); });
    applied.get_future().wait();
  }
  const TrafficCounters& counters() const { return stats.all().at("web")->per_worker[0]; }
  // The worker has had a look at everything that had arrived before.
  void let_it_turn() const {
    for (int i = 0; i < 3; ++i) {
      std::promise<void> turned;
      fleet->ping([&turned](std::size_t) { turned.set_value(); });
      turned.get_future().wait();
    }
  }

  int port = 0;
  StatsRegistry stats{1};
  targets::Registry registry{1};
  std::unique_ptr<Fleet> fleet;
};

TEST(SlowClient, HoldsUpATargetsInterimResponsesInsteadOfPilingThemUp) {
  const shared::UniqueFd target = listen_anywhere();
  OneListener balancer(static_cast<std::uint16_t>(port_of(target.get())));
  const shared::UniqueFd client = connect_with_little_room(balancer.port);
  send_all(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  pollfd called{target.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&called, 1, kPatience), 1);
  const shared::UniqueFd served(::accept(target.get(), nullptr, nullptr));
  ASSERT_NE(read_until(served.get(), "\r\n\r\n"), "");

  const std::string filler(15 * 1024, 'x');
  const std::string large = "HTTP/1.1 103 Early Hints\r\nA: " + filler + "\r\nB: " + filler + "\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend";
  send_all(served.get(), large + large);
  ASSERT_TRUE(eventually([&] { return balancer.counters().interim_responses.get() == 2; }));
  send_all(served.get(), last);
  balancer.let_it_turn();
  EXPECT_EQ(balancer.counters().target_classes[2].get(), 0U)
      << "more than kMaxOut waits for the client already";

  const std::string got = read_until(client.get(), "\r\n\r\nend");
  EXPECT_EQ(got.substr(0, 2 * large.size()), large + large);
  EXPECT_TRUE(got.ends_with("\r\n\r\nend"));
  EXPECT_EQ(balancer.counters().target_classes[2].get(), 1U);
}

}  // namespace
}  // namespace balancer::proxy
