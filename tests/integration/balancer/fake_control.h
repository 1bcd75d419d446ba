// A control played by the test on shared/httpd: what the balancer says to it, and what it is sent.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"
#include "tests/integration/balancer/harness.h"

namespace balancer::test {

namespace lb = shared::lbconfig;

class FakeControl {
 public:
  explicit FakeControl(std::uint16_t port) {
    auto server = shared::httpd::Server::listen(
        loop, {"127.0.0.1", port, ""}, {},
        [](shared::http::Request, shared::httpd::Reply reply) {
          reply.send(shared::http::make_response(404, "text/plain", ""));
        },
        [this](const shared::http::Request& request)
            -> std::variant<shared::httpd::WebSocketHandlers, shared::http::Response> {
          authorization = std::string(request.headers.get("Authorization").value_or(""));
          path = std::string(request.path());
          shared::httpd::WebSocketHandlers handlers;
          const auto own = std::make_shared<std::weak_ptr<shared::httpd::WebSocket>>();
          handlers.on_open = [this, own](std::shared_ptr<shared::httpd::WebSocket> opened) {
            *own = opened;
            socket = std::move(opened);
          };
          handlers.on_text = [this](std::string text) {
            auto message = lb::feed_from_json(text);
            ASSERT_TRUE(message) << text;
            received.push_back(*message);
            follow(*message);
          };
          // A process that took over may have dialled before the older one's socket is known to be closed.
          handlers.on_close = [this, own](shared::Error) {
            if (own->lock() == socket) socket.reset();
          };
          return handlers;
        });
    EXPECT_TRUE(server);
    if (server) server_ = std::move(server).value();
  }
  bool wait(const std::function<bool()>& done) { return loop.run_until(done, shared::Millis(kLimitMs)); }
  template <class M>
  const M* last() const {
    for (auto it = received.rbegin(); it != received.rend(); ++it) {
      if (const M* message = std::get_if<M>(&*it)) return message;
    }
    return nullptr;
  }
  // What the balancer's reports add up to; null: none yet.
  const lb::Report* report() const { return report_ ? &*report_ : nullptr; }
  void send(const lb::FeedMessage& message) { socket->send(lb::feed_to_json(message)); }

  shared::httpd::IoLoop loop;
  std::string authorization;
  std::string path;
  std::vector<lb::FeedMessage> received;
  std::shared_ptr<shared::httpd::WebSocket> socket;

 private:
  void follow(const lb::FeedMessage& message) {
    if (const auto* whole = std::get_if<lb::Report>(&message)) report_ = *whole;
    const auto* changes = std::get_if<lb::ReportDelta>(&message);
    if (changes == nullptr) return;
    ASSERT_TRUE(report_) << "a whole one comes first";
    EXPECT_EQ(changes->sequence, report_->sequence + 1);
    report_->version = changes->version;
    report_->sequence = changes->sequence;
    const auto forget = [this](const std::string& registration) {
      std::erase_if(report_->targets, [&](const auto& each) { return each.registration == registration; });
    };
    for (const auto& name : changes->removed) forget(name.registration);
    for (const auto& target : changes->targets) {
      forget(target.registration);
      report_->targets.push_back(target);
    }
  }
  std::optional<lb::Report> report_;
  std::unique_ptr<shared::httpd::Server> server_;
};

inline lb::Config config(std::uint64_t version, std::uint16_t port, const std::vector<TargetEntry>& targets) {
  auto parsed = lb::config_from_json(config_json(port, targets));
  EXPECT_TRUE(parsed);
  lb::Config out = std::move(parsed).value();
  out.version = version;
  return out;
}

}  // namespace balancer::test
