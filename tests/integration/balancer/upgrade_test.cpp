// One process takes over from another: what clients of every kind notice of it (nothing), and who keeps what.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/integration/balancer/h2_wire.h"
#include "tests/integration/balancer/tls_wire.h"

namespace balancer::test {
namespace {

using tests::support::Issued;
using tests::support::make_certificate;

std::string text_in_json(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
  return out + "\"";
}

// A listener and one with TLS before the same targets.
std::string two_listeners(std::uint16_t port, std::uint16_t secure, const std::vector<TargetEntry>& targets,
                          const std::string& health_check = "\"enabled\": false") {
  ConfigOptions options;
  options.health_check = health_check;
  std::string config = config_json(port, targets, options);
  const Issued issued = make_certificate({.common_name = "one", .names = {"one.example"}});
  const std::string forward =
      R"("default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "tg"}]}})";
  config.insert(config.find("], \"target_groups\""),
                ", {\"id\": \"secure\", \"address\": \"127.0.0.1\", \"port\": " + std::to_string(secure) +
                    ", \"protocol\": \"https\", \"tls\": {\"policy\": "
                    "\"ELBSecurityPolicy-TLS13-1-2-2021-06\", \"certificates\": [\"one\"]}, " +
                    forward + "}");
  config.insert(config.rfind(", \"target_groups\""),
                ", \"certificates\": [{\"id\": \"one\", \"chain\": " + text_in_json(issued.certificate) +
                    ", \"key\": " + text_in_json(issued.key) + "}]");
  return config;
}

// A directory of a test, gone with it.
struct StateDirectory {
  explicit StateDirectory(std::uint16_t port)
      : path(::testing::TempDir() + "/berth-upgrade-" + std::to_string(port)) {}
  ~StateDirectory() { std::filesystem::remove_all(path); }
  std::vector<std::string> argument() const { return {"--state-dir", path}; }
  // Of the process that has it now.
  pid_t owner() const {
    std::ifstream in(path + "/lock");
    pid_t pid = -1;
    in >> pid;
    return pid;
  }
  const std::string path;
};

// Clients that never rest and bear nothing: each request must have its whole answer.
class Load {
 public:
  Load(std::uint16_t port, std::uint16_t secure) {
    for (int i = 0; i < 3; ++i) run([=, this] { keep_alive(port); });
    for (int i = 0; i < 2; ++i) run([=, this] { new_connections(port); });
    run([=, this] { http2(port); });
    run([=, this] { over_tls(secure); });
    run([=, this] { idle_then_ask(port); });
  }
  ~Load() { stop(); }
  void stop() {
    stopping_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  int requests() const { return requests_; }
  std::string failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  void run(std::function<void()> client) { threads_.emplace_back(std::move(client)); }
  bool good(bool answered, const char* what, const std::string& detail) {
    ++requests_;
    if (answered) return true;
    const std::lock_guard lock(mutex_);
    failures_ += std::string(what) + ": " + detail + "\n";
    return false;
  }
  bool answered(const Message& answer, const char* what) {
    return good(answer.status == 200 && answer.complete, what, answer.head + answer.body);
  }
  static bool closes(const Message& answer) { return answer.field("Connection") == "close"; }

  void keep_alive(std::uint16_t port) {
    while (!stopping_) {
      Wire wire = Wire::connect(port);
      if (!wire.valid()) good(false, "keep-alive", "no connection");
      for (bool open = true; open && !stopping_;) {
        const bool sent = wire.send(get("/kept"));
        const Message answer = wire.read_message();
        open = answered(answer, sent ? "keep-alive" : "keep-alive, sending") && !closes(answer);
      }
    }
  }
  void idle_then_ask(std::uint16_t port) {
    while (!stopping_) {
      Wire wire = Wire::connect(port);
      for (bool open = true; open && !stopping_;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        wire.send(get("/idle"));
        const Message answer = wire.read_message();
        open = answered(answer, "idle") && !closes(answer);
      }
    }
  }
  void new_connections(std::uint16_t port) {
    while (!stopping_) {
      Wire wire = Wire::connect(port);
      if (!wire.valid()) good(false, "new connection", "refused");
      wire.send("GET /new HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      answered(wire.read_message(), "new connection");
    }
  }
  void http2(std::uint16_t port) {
    while (!stopping_) {
      auto client = H2Wire::connect(port);
      for (bool open = true; open && !stopping_;) {
        Call& first = client->get("/h2/1");
        Call& second = client->get("/h2/2");
        client->wait([&] { return first.over() && second.over(); });
        for (const Call* call : {&first, &second})
          open &=
              good(call->status == 200 && call->ended, "h2", std::to_string(static_cast<int>(call->code)));
        open &= !client->told_to_go() && !client->ended();
      }
    }
  }
  void over_tls(std::uint16_t port) {
    while (!stopping_) {
      TlsClient client(port, {.server_name = "one.example"});
      if (!good(client.connected(), "TLS", "no handshake")) continue;
      for (bool open = true; open && !stopping_;) {
        client.wire().send(get("/tls"));
        const Message answer = client.wire().read_message();
        open = answered(answer, "TLS") && !closes(answer);
      }
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::mutex mutex_;
  std::string failures_;
  std::vector<std::thread> threads_;
};

void echo_head(Wire& wire, int) {
  for (;;) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    if (!wire.send(response(200, request.head))) return;
  }
}

TEST(BalancerUpgrade, TwentyTimesUnderLoadNobodysRequestFails) {
  Target first(echo_head), second(echo_head);
  const auto port = free_port(), secure = free_port();
  const StateDirectory state(port);
  auto serving =
      Balancer::with_config(two_listeners(port, secure, {{first.port(), ""}, {second.port(), ""}},
                                          R"("interval_ms": 500, "timeout_ms": 400, "path": "/health")"),
                            state.argument());
  Load load(port, secure);
  for (int i = 0; i < 20; ++i) {
    const int before = load.requests();
    // Sockets are handed on also where their number is not that of the workers.
    auto next = serving->successor({"--workers", std::to_string(i % 3 + 1)});
    ASSERT_EQ(serving->wait_exit(), 0) << i << serving->log();
    // It may still be taking up what the one before has left: then there is nobody yet to take over from.
    ASSERT_TRUE(eventually([&] { return next->admin_status("/readyz") == 200; })) << i;
    ASSERT_EQ(state.owner(), next->pid());
    serving = std::move(next);
    ASSERT_TRUE(eventually([&] { return load.requests() > before + 200; })) << load.failures();
  }
  load.stop();
  EXPECT_EQ(load.failures(), "");
  EXPECT_TRUE(eventually([&] { return serving->admin_status("/readyz") == 200; }));
}

TEST(BalancerUpgrade, AnOpenRequestEndsWhereItBeganAndAnIdleConnectionHasOneMore) {
  std::atomic<bool> release{false}, asked{false};
  Target target([&](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      if (request.head.find("/slow") != std::string::npos) {
        asked = true;
        eventually([&] { return release.load(); });
      }
      wire.send(response(200, "done"));
    }
  });
  const auto port = free_port();
  const StateDirectory state(port);
  auto old = Balancer::with_config(config_json(port, {{target.port(), ""}}), state.argument());
  Wire slow = Wire::connect(port), idle = Wire::connect(port);
  slow.send(get("/slow"));
  idle.send(get("/"));
  EXPECT_EQ(idle.read_message().status, 200);
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  auto next = old->successor();
  ASSERT_TRUE(eventually([&] { return state.owner() == next->pid(); })) << old->log();
  idle.send(get("/"));
  const Message last = idle.read_message();
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_TRUE(idle.ended());
  release = true;
  EXPECT_EQ(slow.read_message().body, "done");
  EXPECT_EQ(old->wait_exit(), 0);
}

TEST(BalancerUpgrade, OneThatCannotServeChangesNothing) {
  Target target(echo_head);
  const auto port = free_port();
  const StateDirectory state(port);
  auto serving = Balancer::with_config(config_json(port, {{target.port(), ""}}), state.argument());
  Wire kept = Wire::connect(port);
  const auto ask = [&] {
    kept.send(get("/"));
    return kept.read_message().status;
  };
  EXPECT_EQ(ask(), 200);
  serving->write_config("{\"version\": 2, \"listeners\": 7}");
  {
    auto next = serving->successor();
    EXPECT_EQ(next->wait_exit(), 1);
  }
  {
    serving->write_config(config_json(port, {{target.port(), ""}}));
    auto killed = serving->successor();
    killed->signal(SIGKILL);
    killed->wait_exit();
  }
  ASSERT_TRUE(eventually([&] { return ask() == 200; }));
  EXPECT_EQ(state.owner(), serving->pid());
  // It still follows its file, and may be taken over from.
  serving->write_config(config_json(port, {}));
  ASSERT_TRUE(eventually([&] { return ask() == 503; }));
  auto next = serving->successor();
  EXPECT_EQ(serving->wait_exit(), 0);
  EXPECT_EQ(state.owner(), next->pid());
}

TEST(BalancerUpgrade, ASecondProcessOnTheSameStateIsRefusedAndToldWhoHasIt) {
  Target target(echo_head);
  const auto port = free_port();
  const StateDirectory state(port);
  auto first = Balancer::with_config(config_json(port, {{target.port(), ""}}), state.argument());
  auto second = Balancer::with_arguments(
      {"--config", first->directory() + "/balancer.json", "--state-dir", state.path});
  EXPECT_EQ(second->wait_exit(), 1);
  EXPECT_NE(second->log().find("in use by another balancer (pid " + std::to_string(first->pid()) + ")"),
            std::string::npos)
      << second->log();
  EXPECT_EQ(first->admin_status("/readyz"), 200);
}

TEST(BalancerUpgrade, TwoThatDoNotKnowEachOtherNeverShareAPort) {
  Target target(echo_head);
  const auto port = free_port();
  auto first = Balancer::with_config(config_json(port, {{target.port(), ""}}));
  auto second = Balancer::with_arguments({"--config", first->directory() + "/balancer.json"});
  EXPECT_EQ(second->wait_exit(), 1);
  EXPECT_NE(
      second->log().find(std::to_string(port) + ": Address already in use, held by berth-balancer (pid " +
                         std::to_string(first->pid()) + ")"),
      std::string::npos)
      << second->log();
}

TEST(BalancerUpgrade, OfManyThatStartAtOnceOneHasThePort) {
  Target target(echo_head);
  const auto port = free_port();
  const std::string file = ::testing::TempDir() + "/berth-many-" + std::to_string(port) + ".json";
  std::ofstream(file) << config_json(port, {{target.port(), ""}});
  std::vector<std::unique_ptr<Balancer>> all;
  for (int i = 0; i < 6; ++i) all.push_back(Balancer::with_arguments({"--config", file}));
  int serving = 0;
  for (const auto& each : all) {
    ASSERT_TRUE(eventually([&] {
      return each->log().find("config_applied") != std::string::npos ||
             each->log().find("Address already in use, held by berth-balancer") != std::string::npos;
    })) << each->log();
    serving += each->log().find("config_applied") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(serving, 1);
  std::filesystem::remove(file);
}

TEST(BalancerUpgrade, ASessionOfTlsIsResumedByTheNextProcess) {
  Target target(echo_head);
  const auto port = free_port(), secure = free_port();
  const StateDirectory state(port);
  auto old = Balancer::with_config(two_listeners(port, secure, {{target.port(), ""}}), state.argument());
  TlsClient client(secure, {.server_name = "one.example"});
  ASSERT_TRUE(client.connected());
  client.wire().send(get("/"));
  EXPECT_EQ(client.wire().read_message().status, 200);
  SSL_SESSION* session = client.end_and_take_session();
  ASSERT_NE(session, nullptr);
  auto next = old->successor();
  EXPECT_EQ(old->wait_exit(), 0);
  TlsClient again(secure, {.server_name = "one.example", .session = session});
  EXPECT_TRUE(again.connected());
  EXPECT_TRUE(again.resumed());
  SSL_SESSION_free(session);
}

TEST(BalancerUpgrade, IsDoneByASignalToTheProcessThatRuns) {
  Target target(echo_head);
  const auto port = free_port();
  const StateDirectory state(port);
  auto old = Balancer::with_config(config_json(port, {{target.port(), ""}}), state.argument());
  const pid_t before = old->pid();
  old->signal(SIGUSR2);
  EXPECT_EQ(old->wait_exit(), 0);
  const pid_t next = state.owner();
  ASSERT_NE(next, before);
  Wire wire = Wire::connect(port);
  wire.send(get("/"));
  EXPECT_EQ(wire.read_message().status, 200);
  ::kill(next, SIGTERM);
  EXPECT_TRUE(eventually([&] { return ::kill(next, 0) != 0; }));
}

// A service manager, as far as it concerns a service.
class Manager {
 public:
  explicit Manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }
  // What it was told until now; descriptors that came with it are kept.
  const std::string& told() {
    for (;;) {
      char text[4096];
      iovec part{text, sizeof text};
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const ssize_t n = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
      if (n < 0) return told_;
      told_.append(text, static_cast<std::size_t>(n)).append("\n");
      const cmsghdr* header = CMSG_FIRSTHDR(&message);
      if (header == nullptr) continue;
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      kept.emplace_back(fd);
    }
  }
  std::vector<shared::UniqueFd> kept;

 private:
  shared::UniqueFd socket_;
  std::string told_;
};

TEST(BalancerUpgrade, AServiceManagerKeepsTheSocketsOverARestartAndConnectionsWaitInThem) {
  Target target(echo_head);
  const auto port = free_port();
  const std::string config = ::testing::TempDir() + "/berth-managed-" + std::to_string(port) + ".json";
  const std::string path = ::testing::TempDir() + "/berth-notify-" + std::to_string(port);
  std::ofstream(config) << config_json(port, {{target.port(), ""}});
  Manager manager(path);
  const auto start = [&](int passed) {
    return Balancer::with_arguments({"--config", config, "--workers", "1"},
                                    {.environment = {"NOTIFY_SOCKET=" + path}, .passed = passed});
  };
  auto first = start(-1);
  ASSERT_TRUE(eventually([&] { return manager.told().find("READY=1") != std::string::npos; }));
  ASSERT_TRUE(eventually([&] { return manager.told(), manager.kept.size() == 1; })) << manager.told();
  EXPECT_NE(manager.told().find("FDSTORE=1\nFDNAME=127.0.0.1_" + std::to_string(port)), std::string::npos);
  first->signal(SIGKILL);
  first->wait_exit();
  Wire waits = Wire::connect(port);
  ASSERT_TRUE(waits.valid()) << "the kernel goes on accepting";
  waits.send(get("/"));
  auto second = start(manager.kept[0].get());
  EXPECT_EQ(waits.read_message().status, 200) << second->log();
  second->signal(SIGTERM);
  EXPECT_EQ(second->wait_exit(), 0);
  EXPECT_NE(manager.told().find("STOPPING=1"), std::string::npos);
  std::filesystem::remove(config);
  std::filesystem::remove(path);
}

// systemd signals a main process that is not its child and takes it for ended: it would be killed in its
// drain.
TEST(BalancerUpgrade, UnderAServiceManagerTheNextProcessIsTheManagersChild) {
  Target target(echo_head);
  const auto port = free_port();
  const StateDirectory state(port);
  const std::string config = ::testing::TempDir() + "/berth-sibling-" + std::to_string(port) + ".json";
  const std::string path = ::testing::TempDir() + "/berth-sibling-notify-" + std::to_string(port);
  std::ofstream(config) << config_json(port, {{target.port(), ""}});
  Manager manager(path);
  std::vector<std::string> arguments{"--config", config, "--workers", "1"};
  for (const std::string& each : state.argument()) arguments.push_back(each);
  auto old = Balancer::with_arguments(arguments, {.environment = {"NOTIFY_SOCKET=" + path}});
  ASSERT_TRUE(eventually([&] { return manager.told().find("READY=1") != std::string::npos; }));
  old->signal(SIGUSR2);
  EXPECT_EQ(old->wait_exit(), 0) << old->log();
  const pid_t next = state.owner();
  EXPECT_NE(manager.told().find("MAINPID=" + std::to_string(next)), std::string::npos) << manager.told();
  ::kill(next, SIGTERM);
  int status = -1;
  EXPECT_EQ(::waitpid(next, &status, 0), next) << "this process stands for the manager";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace balancer::test
