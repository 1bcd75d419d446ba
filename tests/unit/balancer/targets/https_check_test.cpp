#include <gtest/gtest.h>

#include "balancer/targets/checker.h"
#include "balancer/tls/server_context.h"
#include "balancer/tls/transport.h"
#include "tests/support/certificates.h"

namespace balancer::targets {
namespace {

namespace lb = shared::lbconfig;

// A target on the loop of the checker that answers each connection's first request with 200.
class HttpsTarget {
 public:
  HttpsTarget(loop::Loop& loop, std::shared_ptr<const tls::ServerContext> context)
      : loop_(loop), context_(std::move(context)) {
    auto listening = loop::open_listener(*loop::make_address("127.0.0.1", 0), loop::Sharing::kExclusive);
    EXPECT_TRUE(listening);
    listening_ = std::move(listening).value();
    EXPECT_TRUE(watch_.start(loop, listening_.get(), loop::FdWatch::Interest::kReadLevel, this,
                             [](void* self, loop::Ready) { static_cast<HttpsTarget*>(self)->accept(); }));
  }
  std::uint16_t port() const { return loop::local_address(listening_.get()).port(); }
  const std::string& request() const { return request_; }

 private:
  void accept() {
    loop::Accepted accepted = loop::accept_one(listening_.get());
    if (!accepted.fd) return;
    request_.clear();
    answered_ = false;
    std::unique_ptr<loop::Transport> socket = std::make_unique<loop::SocketTransport>(std::move(accepted.fd));
    connection_ =
        context_ ? std::make_unique<tls::TlsTransport>(context_, std::move(socket)) : std::move(socket);
    EXPECT_TRUE(connection_->open(loop_, this,
                                  [](void* self, loop::Ready) { static_cast<HttpsTarget*>(self)->serve(); }));
  }
  void serve() {
    char buffer[4096];
    for (;;) {
      const loop::IoResult got = connection_->read(buffer);
      if (got.state != loop::Io::kDone) break;
      request_.append(buffer, got.bytes);
    }
    const bool complete = request_.find("\r\n\r\n") != std::string::npos;
    // A plain server answers what it cannot read with an error.
    if (answered_ || !(complete || (!context_ && !request_.empty()))) return;
    answered_ = true;
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const iovec part{answer.data(), answer.size()};
    connection_->write(std::span(&part, 1));
    connection_->shutdown_write();
  }

  loop::Loop& loop_;
  std::shared_ptr<const tls::ServerContext> context_;  // null: plain HTTP
  shared::UniqueFd listening_;
  loop::FdWatch watch_;
  std::unique_ptr<loop::Transport> connection_;
  std::string request_;
  bool answered_ = false;
};

// What the first check of that target says.
HealthChange first_change(loop::Loop& loop, HttpsTarget& target, Health awaited) {
  lb::Config config;
  config.version = 1;
  lb::TargetGroup group;
  group.id = "tg";
  group.health_check.protocol = lb::Protocol::kHttps;
  group.health_check.path = "/health";
  group.health_check.interval = shared::Millis(60'000);
  group.health_check.unhealthy_threshold = 1;
  lb::Target registered;
  registered.id = registered.registration = "t";
  registered.address = "127.0.0.1";
  registered.port = target.port();
  group.targets.push_back(registered);
  config.target_groups.push_back(group);
  lb::Listener listener;
  listener.id = "web";
  listener.default_action.forward.target_groups = {{"tg", 1}};
  config.listeners.push_back(listener);
  DrainTracker drains;
  drains.on_config(config, loop.now());
  Registry registry(1);
  auto groups = registry.compile(config, drains);
  EXPECT_TRUE(groups);
  HealthChange seen;
  HealthChecker checker(loop, 1, [&](HealthChange change) {
    seen = std::move(change);
    if (seen.health == awaited) loop.stop();
  });
  checker.apply(*groups);
  loop::TimerNode limit;
  limit.bind(&loop, [](void* self) { static_cast<loop::Loop*>(self)->stop(); });
  loop.arm(limit, shared::Millis(20'000));
  loop.run();
  checker.stop();
  loop.timers().remove(limit);
  return seen;
}

TEST(HttpsCheck, PassesWithoutLookingAtTheCertificate) {
  auto loop = std::move(loop::Loop::create()).value();
  tls::ServerSettings settings;
  const auto expired = tests::support::make_certificate({.common_name = "somebody else", .to_seconds = -60});
  settings.certificates = {lb::Certificate{"c", expired.certificate, expired.key, "", ""}};
  auto context = tls::ServerContext::make(settings, std::make_shared<tls::TicketKeys>(), {});
  ASSERT_TRUE(context) << context.error().text();
  HttpsTarget target(*loop, *context);
  EXPECT_EQ(first_change(*loop, target, Health::kHealthy).health, Health::kHealthy);
  EXPECT_EQ(target.request(), "GET /health HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(target.port()) +
                                  "\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
                                  "Accept-Encoding: gzip, compressed\r\n\r\n");
}

TEST(HttpsCheck, FailsAtATargetThatSpeaksPlainHttp) {
  auto loop = std::move(loop::Loop::create()).value();
  HttpsTarget target(*loop, nullptr);
  const HealthChange change = first_change(*loop, target, Health::kUnhealthy);
  EXPECT_EQ(change.health, Health::kUnhealthy);
  EXPECT_EQ(change.reason, "Target.FailedHealthChecks");
}

}  // namespace
}  // namespace balancer::targets
