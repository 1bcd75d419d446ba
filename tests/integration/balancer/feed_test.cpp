// The control feed against a control played by the test on shared/httpd.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"
#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

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
          handlers.on_open = [this](std::shared_ptr<shared::httpd::WebSocket> opened) {
            socket = std::move(opened);
          };
          handlers.on_text = [this](std::string text) {
            auto message = lb::feed_from_json(text);
            ASSERT_TRUE(message) << text;
            received.push_back(*message);
            follow(*message);
          };
          handlers.on_close = [this](shared::Error) { socket.reset(); };
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

lb::Config config(std::uint64_t version, std::uint16_t port, const std::vector<TargetEntry>& targets) {
  auto parsed = lb::config_from_json(config_json(port, targets));
  EXPECT_TRUE(parsed);
  lb::Config out = std::move(parsed).value();
  out.version = version;
  return out;
}

Message ask(std::uint16_t port) {
  Wire client = Wire::connect(port);
  if (!client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")) return {};
  return client.read_message();
}

TEST(BalancerFeed, FollowsControlAndServesWithoutItAfterARestart) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  const auto control_port = free_port();
  const std::string state = ::testing::TempDir() + "/berth-state-" + std::to_string(port);
  const std::string token = state + ".token";
  std::ofstream(token) << "secret-token\n";
  const std::vector<std::string> arguments{"--control",    "http://127.0.0.1:" + std::to_string(control_port),
                                           "--token-file", token,
                                           "--state-dir",  state};
  std::string id;
  {
    FakeControl control(control_port);
    auto balancer = Balancer::with_arguments(arguments);
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; })) << balancer->log();
    EXPECT_EQ(control.authorization, "Bearer secret-token");
    EXPECT_EQ(control.path, "/berth/v1/feed");
    id = control.last<lb::Hello>()->balancer_id;
    EXPECT_EQ(control.last<lb::Hello>()->applied_version, 0U);
    EXPECT_EQ(balancer->admin_status("/readyz"), 503) << "no configuration yet";

    control.send(lb::Snapshot{config(3, port, {{target->port(), ""}})});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
    EXPECT_EQ(control.last<lb::Ack>()->version, 3U);
    EXPECT_EQ(ask(port).status, 200) << "acknowledged means served";
    EXPECT_EQ(balancer->admin_status("/readyz"), 200);
    ASSERT_TRUE(control.wait([&] {
      const auto* report = control.report();
      return report != nullptr && report->version == 3 && report->targets.size() == 1 &&
             report->targets[0].health == lb::Health::kUnavailable;
    }));

    // A port that is taken: that listener is told and left out, the rest of the version is in force.
    lb::Config with_taken = config(4, port, {{target->port(), ""}});
    lb::Listener taken = *with_taken.listeners[0];
    taken.id = "taken";
    taken.port = target->port();
    with_taken.listeners.push_back(taken);
    control.send(lb::Snapshot{with_taken});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 4; })) << balancer->log();
    EXPECT_EQ(ask(port).status, 200);
    EXPECT_EQ(balancer->admin_status("/readyz"), 200);
    EXPECT_NE(balancer->log().find("listener_unavailable"), std::string::npos);
    EXPECT_NE(balancer->log().find(std::to_string(target->port()) + ": Address already in use"),
              std::string::npos);

    // Draining with nothing open is told as drained.
    control.send(lb::Snapshot{config(5, port, {{target->port(), ", \"state\": \"draining\""}})});
    ASSERT_TRUE(control.wait([&] {
      const auto* report = control.report();
      return report != nullptr && report->version == 5 && report->targets.size() == 1 &&
             report->targets[0].drained;
    }));
    EXPECT_EQ(ask(port).status, 503);
    control.send(lb::Snapshot{config(6, port, {{target->port(), ""}})});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 6; }));
  }
  auto alone = Balancer::with_arguments(arguments);
  ASSERT_TRUE(eventually([&] { return alone->admin_status("/readyz") == 200; })) << alone->log();
  EXPECT_EQ(ask(port).status, 200);
  EXPECT_NE(alone->admin("/readyz").find("not connected"), std::string::npos);

  FakeControl back(control_port);
  ASSERT_TRUE(back.wait([&] { return back.last<lb::Hello>() != nullptr; }));
  EXPECT_EQ(back.last<lb::Hello>()->balancer_id, id);
  EXPECT_EQ(back.last<lb::Hello>()->applied_version, 6U);
  std::filesystem::remove_all(state);
  std::remove(token.c_str());
}

TEST(BalancerFeed, FollowsDeltasAndKeepsThemOverAKillAndAsksForTheWholeWhenOneIsMissing) {
  std::unique_ptr<Target> first, second;
  first = std::make_unique<Target>(echo_line(first));
  second = std::make_unique<Target>(echo_line(second));
  const auto port = free_port();
  const auto control_port = free_port();
  const std::string state = ::testing::TempDir() + "/berth-state-" + std::to_string(port);
  const std::string token = state + ".token";
  std::ofstream(token) << "t";
  const std::vector<std::string> arguments{"--control",    "http://127.0.0.1:" + std::to_string(control_port),
                                           "--token-file", token,
                                           "--state-dir",  state};
  const lb::Config one = config(1, port, {{first->port(), ""}});
  const lb::Config two = config(2, port, {{second->port(), ""}});
  {
    FakeControl control(control_port);
    auto balancer = Balancer::with_arguments(arguments);
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; })) << balancer->log();
    EXPECT_TRUE(control.last<lb::Hello>()->deltas);
    control.send(lb::Snapshot{one});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
    control.send(lb::diff(one, two));
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 2; }));
    ASSERT_TRUE(control.wait([&] { return control.report()->version == 2; }));
    ASSERT_EQ(control.report()->targets.size(), 1U);
    EXPECT_EQ(control.report()->targets[0].registration, two.target_groups[0]->targets[0].registration);
    EXPECT_EQ(ask(port).status, 200);

    lb::Config four = two;
    four.version = 4;
    lb::Config three = one;
    three.version = 3;
    control.send(lb::diff(three, four));
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Resync>() != nullptr; }));
    EXPECT_EQ(control.last<lb::Ack>()->version, 2U);
    control.send(lb::Snapshot{three});
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 3; }));
    control.send(lb::diff(three, four));
    ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>()->version == 4; }));
    balancer->signal(SIGKILL);
  }
  FakeControl back(control_port);
  auto again = Balancer::with_arguments(arguments);
  ASSERT_TRUE(back.wait([&] { return back.last<lb::Hello>() != nullptr; }));
  EXPECT_EQ(back.last<lb::Hello>()->applied_version, 4U) << "what was acknowledged is on the disk";
  EXPECT_EQ(ask(port).status, 200);
  std::filesystem::remove_all(state);
  std::remove(token.c_str());
}

TEST(BalancerFeed, ADrainIsReportedDoneOnlyWhenTheOpenRequestHasEnded) {
  std::atomic<bool> release{false};
  std::atomic<bool> asked{false};
  Target target([&](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    asked = true;
    eventually([&] { return release.load(); });
    wire.send(response(200, "finished"));
    wire.read_to_end();
  });
  const auto port = free_port();
  const auto control_port = free_port();
  const std::string token = ::testing::TempDir() + "/berth-token-" + std::to_string(port);
  std::ofstream(token) << "t";
  FakeControl control(control_port);
  auto balancer = Balancer::with_arguments(
      {"--control", "http://127.0.0.1:" + std::to_string(control_port), "--token-file", token});
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; }));
  control.send(lb::Snapshot{config(1, port, {{target.port(), ""}})});
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  control.send(lb::Snapshot{config(2, port, {{target.port(), ", \"state\": \"draining\""}})});
  ASSERT_TRUE(control.wait([&] {
    const auto* report = control.report();
    return report != nullptr && report->version == 2;
  }));
  ASSERT_EQ(control.report()->targets.size(), 1U);
  EXPECT_FALSE(control.report()->targets[0].drained);
  EXPECT_EQ(control.report()->targets[0].in_flight, 1U);
  EXPECT_EQ(control.report()->targets[0].reason, "Target.DeregistrationInProgress");
  release = true;
  EXPECT_EQ(client.read_message().body, "finished");
  EXPECT_TRUE(control.wait([&] { return control.report()->targets[0].drained; }));
  std::remove(token.c_str());
}

}  // namespace
}  // namespace balancer::test
