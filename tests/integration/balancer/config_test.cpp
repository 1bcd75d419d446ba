// Configuration changes and endings: draining targets, reloads, taken ports, SIGTERM.
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(kLimitMs), [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Answers "/slow" when the gate opens, everything else at once, with its name.
struct Named {
  explicit Named(std::string n)
      : name(std::move(n)), target([this](Wire& wire, int) {
          for (;;) {
            const Message request = wire.read_message();
            if (request.head.empty()) return;
            target.note(request.head);
            if (request.head.rfind("GET /slow", 0) == 0) {
              ++slow;
              gate.wait();
            }
            if (!wire.send(response(200, name))) return;
          }
        }) {}
  ~Named() { gate.open(); }
  std::string name;
  Gate gate;
  std::atomic<int> slow{0};
  Target target;
};

const char* const kDraining = ", \"state\": \"draining\", \"drain_limit_ms\": 60000";

TEST(BalancerConfig, ADrainingTargetFinishesItsRequestAndGetsNoNewOne) {
  Named old_target("old");
  Named new_target("new");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{old_target.target.port(), ""}}));
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return old_target.slow == 1; }));
  Wire kept = Wire::connect(port);
  ASSERT_TRUE(kept.send(get("/")));
  ASSERT_EQ(kept.read_message().body, "old");

  balancer->write_config(
      config_json(port, {{old_target.target.port(), kDraining}, {new_target.target.port(), ""}}));
  ASSERT_TRUE(balancer->wait_for_version(2));
  const std::size_t seen = old_target.target.seen().size();
  for (int i = 0; i < 20; ++i) {
    Wire& client = kept;  // the same client connection moves on
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_message().body, "new");
  }
  EXPECT_EQ(old_target.target.seen().size(), seen);
  EXPECT_EQ(balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"draining\"}"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_target_group_in_flight"), 1U);
  old_target.gate.open();
  EXPECT_EQ(open.read_message().body, "old");
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_target_connections_active") == 1; }))
      << "the drained target's connections are closed";
}

TEST(BalancerConfig, ChangesUnderASteadyStreamDoNotFavourTheFirstTargets) {
  Named a("a"), b("b"), c("c");
  const auto port = free_port();
  const auto config = [&](int change) {
    ConfigOptions options;
    options.group = ", \"slow_start_ms\": " + std::to_string(change);
    return config_json(port, {{a.target.port(), ""}, {b.target.port(), ""}, {c.target.port(), ""}}, options);
  };
  auto balancer = Balancer::with_config(config(1), {"--workers", "1"});
  Wire client = Wire::connect(port);
  std::map<std::string, int> answers;
  for (int change = 2; change <= 13; ++change) {
    balancer->write_config(config(change));
    ASSERT_TRUE(balancer->wait_for_version(change));
    ASSERT_TRUE(client.send(get("/")));
    ++answers[client.read_message().body];
  }
  EXPECT_EQ(answers, (std::map<std::string, int>{{"a", 4}, {"b", 4}, {"c", 4}}));
}

// Who answered `count` requests.
std::map<std::string, int> answers_of(std::uint16_t port, int count) {
  std::map<std::string, int> out;
  Wire client = Wire::connect(port);
  for (int i = 0; i < count; ++i) {
    if (!client.send(get("/"))) break;
    ++out[client.read_message().body];
  }
  return out;
}

TEST(BalancerConfig, SlowStartsGoOnWhereTheyWereAfterARestartAndATakeOver) {
  Named a("a"), b("b"), c("c");
  const auto port = free_port();
  const std::string state = ::testing::TempDir() + "/berth-slow-start-" + std::to_string(port);
  ConfigOptions options;
  options.group = ", \"slow_start_ms\": 900000";
  options.health_check = "\"enabled\": true, \"interval_ms\": 5000, \"timeout_ms\": 2000";
  const std::vector<TargetEntry> two = {{a.target.port(), ""}, {b.target.port(), ""}};
  std::vector<TargetEntry> three = two;
  three.push_back({c.target.port(), ""});
  const std::vector<std::string> arguments = {"--workers", "1", "--state-dir", state, "--target-metrics"};
  auto balancer = Balancer::with_config(config_json(port, two, options), arguments);
  const auto all_healthy = [&](Balancer& of, std::uint64_t count) {
    return eventually([&] { return of.metric("berth_lb_target_healthy") == count; });
  };
  ASSERT_TRUE(all_healthy(*balancer, 2)) << balancer->log();
  EXPECT_EQ(answers_of(port, 20), (std::map<std::string, int>{{"a", 10}, {"b", 10}}))
      << "who has been started has not been registered just now";
  balancer->write_config(config_json(port, three, options));
  ASSERT_TRUE(all_healthy(*balancer, 3)) << balancer->log();
  const auto starts_slowly = [&](const char* when) {
    const auto answers = answers_of(port, 60);
    EXPECT_LE(answers.count("c") != 0 ? answers.at("c") : 0, 4) << when;
    EXPECT_GE(answers.at("a"), 26) << when;
    EXPECT_GE(answers.at("b"), 26) << when;
  };
  starts_slowly("registered");
  balancer->signal(SIGTERM);
  EXPECT_EQ(balancer->wait_exit(), 0);
  balancer = Balancer::with_config(config_json(port, three, options), arguments);
  ASSERT_TRUE(all_healthy(*balancer, 3)) << balancer->log();
  starts_slowly("restarted");
  auto next = balancer->successor();
  ASSERT_TRUE(eventually([&] { return next->log().find("took_over") != std::string::npos; })) << next->log();
  EXPECT_EQ(balancer->wait_exit(), 0);
  ASSERT_TRUE(all_healthy(*next, 3)) << next->log();
  starts_slowly("taken over");
  next->signal(SIGTERM);
  next->wait_exit();
  std::filesystem::remove_all(state);
}

TEST(BalancerConfig, AtTheDrainLimitOpenRequestsAreCutWith502) {
  Named old_target("old");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{old_target.target.port(), ""}}));
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return old_target.slow == 1; }));
  balancer->write_config(
      config_json(port, {{old_target.target.port(), ", \"state\": \"draining\", \"drain_limit_ms\": 50"}}));
  EXPECT_EQ(open.read_message().status, 502);
}

TEST(BalancerConfig, AReloadKeepsConnectionsAndOpenRequestsAndChangesTheRules) {
  Named target("target");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.target.port(), ""}}));
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return target.slow == 1; }));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/a")));
  ASSERT_EQ(client.read_message().body, "target");
  ConfigOptions options;
  options.rules =
      "[{\"priority\": 1, \"conditions\": [{\"field\": \"path-pattern\", \"values\": [\"/a\"]}], \"action\": "
      "{\"type\": "
      "\"fixed-response\", \"fixed_response\": {\"status\": 200, \"content_type\": \"text/plain\", \"body\": "
      "\"fixed\"}}}]";
  balancer->write_config(config_json(port, {{target.target.port(), ""}}, options));
  balancer->signal(SIGHUP);
  ASSERT_TRUE(balancer->wait_for_version(2));
  ASSERT_TRUE(client.send(get("/a")));
  EXPECT_EQ(client.read_message().body, "fixed");
  target.gate.open();
  EXPECT_EQ(open.read_message().body, "target");
}

TEST(BalancerConfig, ABrokenFileOrATakenPortChangesNothingAndIsExplained) {
  Named target("target");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.target.port(), ""}}));
  Wire client = Wire::connect(port);
  balancer->write_config("{\"version\": 2, \"listeners\": [{\"id\": 7}]}");
  ASSERT_TRUE(eventually([&] { return balancer->log().find("listeners[0]") != std::string::npos; }));
  EXPECT_NE(balancer->log().find(balancer->directory() + "/balancer.json"), std::string::npos);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().body, "target");

  Named squatter("squatter");
  balancer->write_config(config_json(squatter.target.port(), {{target.target.port(), ""}}));
  const std::string expected =
      "127.0.0.1:" + std::to_string(squatter.target.port()) + ": Address already in use";
  ASSERT_TRUE(eventually([&] { return balancer->log().find(expected) != std::string::npos; }))
      << balancer->log();
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().body, "target");
  EXPECT_EQ(balancer->metric("berth_lb_config_version"), 1U);
}

// Nothing of it is repeated because some other file of the directory was written, and what could not be
// served is tried again when the operator asks.
TEST(BalancerConfig, ARefusedFileIsToldOncePerContentAndByReadyzAndTriedAgainOnSighup) {
  Named target("target");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.target.port(), ""}}));
  const auto refusals = [&balancer] {
    const std::string log = balancer->log();
    int count = 0;
    for (auto at = log.find("config_refused"); at != std::string::npos;
         at = log.find("config_refused", at + 1))
      ++count;
    return count;
  };
  balancer->write_config("{");
  ASSERT_TRUE(eventually([&] { return refusals() == 1; }));
  EXPECT_EQ(balancer->admin_status("/readyz"), 200);
  EXPECT_NE(balancer->admin("/readyz").find("version 1; the file was refused"), std::string::npos);
  std::ofstream(balancer->directory() + "/neighbour") << "x";

  auto squatter = std::make_unique<Named>("squatter");
  const auto taken = squatter->target.port();
  balancer->write_config(config_json(taken, {{target.target.port(), ""}}));
  ASSERT_TRUE(
      eventually([&] { return balancer->log().find("Address already in use") != std::string::npos; }));
  EXPECT_EQ(refusals(), 2);
  squatter.reset();
  balancer->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return balancer->metric("berth_lb_config_version") > 1; })) << balancer->log();
  Wire client = Wire::connect(taken);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().body, "target");
  EXPECT_EQ(balancer->admin("/readyz").find("refused"), std::string::npos);
}

TEST(BalancerConfig, AConnectionIsCountedForTheListenerThatServesItNow) {
  Named target("target");
  const auto port = free_port();
  const std::string before = config_json(port, {{target.target.port(), ""}});
  auto balancer = Balancer::with_config(before);
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(get("/")));
  ASSERT_EQ(client.read_message().status, 200);
  std::string after = before;
  after.replace(after.find("\"web\""), 5, "\"new\"");
  balancer->write_config(after);
  ASSERT_TRUE(balancer->wait_for_version(2));
  ASSERT_TRUE(client.send(get("/")));
  ASSERT_EQ(client.read_message().status, 200);
  const auto active = [&balancer](const std::string& id) {
    return balancer->metric("berth_lb_client_connections_active{load_balancer=\"\",listener=\"" + id + "\"}");
  };
  EXPECT_EQ(active("new"), 1U);
  EXPECT_EQ(active("web"), 0U);
  client.close();
  EXPECT_TRUE(eventually([&] { return active("new") == 0; })) << active("new");
}

TEST(BalancerConfig, ARemovedListenerEndsItsConnectionsAtTheNextBoundaryOnly) {
  Named target("target");
  const auto port = free_port();
  const auto other = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.target.port(), ""}}));
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return target.slow == 1; }));
  Wire idle = Wire::connect(port);
  ASSERT_TRUE(idle.send(get("/")));
  ASSERT_EQ(idle.read_message().status, 200);
  balancer->write_config(config_json(other, {{target.target.port(), ""}}));
  ASSERT_TRUE(balancer->wait_for_version(2));
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(Wire::connect(port).valid());
  target.gate.open();
  const Message answer = open.read_message();
  EXPECT_EQ(answer.body, "target");
  EXPECT_EQ(answer.field("Connection"), "close");
  Wire client = Wire::connect(other);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_message().status, 200);
}

TEST(BalancerConfig, SigtermFinishesOpenRequestsAndTakesNoNewOnes) {
  Named target("target");
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target.target.port(), ""}}));
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return target.slow == 1; }));
  balancer->signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return !Wire::connect(port).valid(); }));
  EXPECT_EQ(balancer->admin_status("/readyz"), 503);
  EXPECT_EQ(balancer->admin_status("/healthz"), 200);
  target.gate.open();
  const Message answer = open.read_message();
  EXPECT_EQ(answer.body, "target");
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_EQ(balancer->wait_exit(), 0);
}

TEST(BalancerConfig, SigtermCutsWhatIsOpenWhenTheDrainTimeoutPasses) {
  Named target("target");
  const auto port = free_port();
  auto balancer =
      Balancer::with_config(config_json(port, {{target.target.port(), ""}}), {"--drain-timeout", "50ms"});
  Wire open = Wire::connect(port);
  ASSERT_TRUE(open.send(get("/slow")));
  ASSERT_TRUE(eventually([&] { return target.slow == 1; }));
  balancer->signal(SIGTERM);
  EXPECT_EQ(balancer->wait_exit(), 0);
  EXPECT_TRUE(open.ended());
}

TEST(BalancerConfig, TheAccessLogTellsWhatHappenedToEachRequest) {
  Named target("target");
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"access_log\": true";
  const std::string path = ::testing::TempDir() + "/berth-access-" + std::to_string(port);
  auto balancer =
      Balancer::with_config(config_json(port, {{target.target.port(), ""}}, options), {"--access-log", path});
  Wire client = Wire::connect(port);
  const std::string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(client.send(
      "GET /logged?q=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nTraceparent: " + traceparent + "\r\n\r\n"));
  ASSERT_EQ(client.read_message().status, 200);
  std::string line;
  ASSERT_TRUE(eventually([&] {
    std::ifstream in(path);
    return static_cast<bool>(std::getline(in, line));
  }));
  EXPECT_NE(line.find("\"GET http://a:" + std::to_string(port) + "/logged?q=1 HTTP/1.1\" \"test\""),
            std::string::npos)
      << line;
  EXPECT_NE(line.find(" 127.0.0.1:" + std::to_string(target.target.port()) + " "), std::string::npos) << line;
  EXPECT_NE(line.find(" 200 200 "), std::string::npos) << line;
  EXPECT_NE(line.find("\"Root=1-"), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with(" \"" + traceparent + "\"")) << line;
  std::remove(path.c_str());
}

TEST(BalancerConfig, TheAccessLogHasTheRequestsWhoseHeadNeverEnded) {
  const auto port = free_port();
  ConfigOptions options;
  options.listener_options = "\"access_log\": true, \"idle_timeout_ms\": 100";
  const std::string path = ::testing::TempDir() + "/berth-access-" + std::to_string(port);
  auto balancer = Balancer::with_config(config_json(port, {}, options), {"--access-log", path});
  for (const std::string head : {"GET /half HTTP/1.1\r\nHost: a\r\nUser-", "GET /ha"}) {
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send(head));
    ASSERT_EQ(client.read_message().status, 408);
  }
  std::string half, nothing;
  ASSERT_TRUE(eventually([&] {
    std::ifstream in(path);
    return std::getline(in, half) && std::getline(in, nothing);
  }));
  EXPECT_NE(half.find(" 408 - "), std::string::npos) << half;
  EXPECT_NE(half.find("\"GET http://a:" + std::to_string(port) + "/half HTTP/1.1\""), std::string::npos)
      << half;
  EXPECT_TRUE(half.ends_with(" client request_head_timeout \"-\"")) << half;
  EXPECT_NE(nothing.find("\"- http://127.0.0.1:" + std::to_string(port) + "- -\""), std::string::npos)
      << nothing;
  std::remove(path.c_str());
}

TEST(BalancerConfig, WrongCommandLinesAreExplained) {
  for (const auto& [arguments, expected] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "give one of --config and --control"},
           {{"--config", "/nowhere/x.json"}, "/nowhere/x.json: No such file"},
           {{"--config", "x", "--drain-timeout", "soon"}, "'soon' is not a duration"},
           {{"--control", "ftp://a", "--token-file", "/dev/null"}, "must begin with http://"}}) {
    auto balancer = Balancer::with_arguments(arguments);
    EXPECT_NE(balancer->wait_exit(), 0);
    EXPECT_NE(balancer->log().find(expected), std::string::npos) << balancer->log();
  }
}

}  // namespace
}  // namespace balancer::test
