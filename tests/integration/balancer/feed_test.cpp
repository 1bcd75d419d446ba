// The control feed against a control played by the test on shared/httpd.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/balancer/fake_control.h"

namespace balancer::test {
namespace {

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

TEST(BalancerFeed, ADrainIsNotDoneWhileAProcessThatWasTakenOverFromHasARequestOpen) {
  std::atomic<bool> release{false}, asked{false};
  Target target([&](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    asked = true;
    eventually([&] { return release.load(); });
    wire.send(response(200, "finished"));
    wire.read_to_end();
  });
  const auto port = free_port(), control_port = free_port();
  const std::string state = ::testing::TempDir() + "/berth-state-" + std::to_string(port);
  const std::string token = state + ".token";
  std::ofstream(token) << "t";
  FakeControl control(control_port);
  auto old = Balancer::with_arguments({"--control", "http://127.0.0.1:" + std::to_string(control_port),
                                       "--token-file", token, "--state-dir", state});
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr; }));
  control.send(lb::Snapshot{config(1, port, {{target.port(), ""}})});
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Ack>() != nullptr; }));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/")));
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  control.received.clear();
  auto next = old->successor();
  ASSERT_TRUE(control.wait([&] { return control.last<lb::Hello>() != nullptr && control.socket; }))
      << old->log();
  EXPECT_EQ(control.last<lb::Hello>()->applied_version, 1U);
  control.send(lb::Snapshot{config(2, port, {{target.port(), ", \"state\": \"draining\""}})});
  ASSERT_TRUE(control.wait([&] {
    const auto* report = control.report();
    return report != nullptr && report->version == 2 && report->targets.size() == 1;
  }));
  EXPECT_FALSE(control.report()->targets[0].drained);
  release = true;
  EXPECT_EQ(client.read_message().body, "finished");
  EXPECT_TRUE(control.wait([&] { return control.report()->targets[0].drained; }));
  EXPECT_EQ(old->wait_exit(), 0);
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
