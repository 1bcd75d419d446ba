// What only the release can show: how much memory it takes, and a clock that is another one than the kernel's
// (libfaketime does not go with sanitizers).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/balancer/place.h"

namespace balancer::test {
namespace {

// A control group (of either version) with a limit of memory, for the process that is put into it.
class MemoryGroup {
 public:
  MemoryGroup() {
    const std::string name = "/berth-test-" + std::to_string(::getpid());
    std::error_code error;
    if (std::filesystem::exists(kFirst + "/memory.limit_in_bytes", error)) {
      path_ = kFirst + name;
    } else if (std::filesystem::exists(kSecond + "/cgroup.subtree_control", error)) {
      second_ = true;
      path_ = kSecond + name;
      std::ofstream(kSecond + "/cgroup.subtree_control") << "+memory" << std::flush;
    }
    made_ = !path_.empty() && std::filesystem::create_directory(path_, error) &&
            std::filesystem::exists(file("memory.limit_in_bytes", "memory.max"), error);
    if (!made_) why_ = "no memory controller that takes groups of this test: " + error.message();
  }
  ~MemoryGroup() {
    if (made_) eventually([this] { return ::rmdir(path_.c_str()) == 0; });
  }
  bool made() const { return made_; }
  const std::string& why_not() const { return why_; }
  long used() const {
    long bytes = 0;
    std::ifstream(file("memory.usage_in_bytes", "memory.current")) >> bytes;
    return bytes;
  }
  void limit(long bytes) const {
    std::ofstream(file("memory.limit_in_bytes", "memory.max")) << bytes << std::flush;
  }
  std::string procs() const { return path_ + "/cgroup.procs"; }

 private:
  inline static const std::string kFirst = "/sys/fs/cgroup/memory";
  inline static const std::string kSecond = "/sys/fs/cgroup";
  std::string file(const char* of_first, const char* of_second) const {
    return path_ + "/" + (second_ ? of_second : of_first);
  }
  std::string path_;
  std::string why_;
  bool second_ = false;
  bool made_ = false;
};

TEST(BalancerResilience, NearItsMemoryLimitItTurnsSomeAwayInsteadOfBeingKilled) {
  const MemoryGroup group;
  if (!group.made()) GTEST_SKIP() << group.why_not();
  Target target([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      if (request.head.find("/slow") != std::string::npos) return void(wire.read_to_end());
      if (!wire.send(response(200, "ok"))) return;
    }
  });
  const auto port = free_port();
  const Place place(port);
  const std::string file = place.path + "/balancer.json";
  std::ofstream(file) << config_json(port, {{target.port(), ""}});
  const auto start = [&] {
    return Balancer::with_arguments({"--config", file, "--workers", "1"}, {.group = group.procs()});
  };
  {
    // What it takes by itself; a sanitized one takes much more.
    auto alone = start();
    ASSERT_TRUE(eventually([&] { return status_of(port) == 200; })) << alone->log();
    group.limit(group.used() * 5 / 4 + 64L * 1024 * 1024);
  }
  auto balancer = start();
  ASSERT_TRUE(eventually([&] { return status_of(port) == 200; })) << balancer->log();
  std::vector<Wire> slow;
  const auto shorted = [&] { return balancer->log().find("\"memory_short\"") != std::string::npos; };
  for (int i = 0; i < 3'000 && !shorted(); ++i) {
    // What is pipelined behind a request that is open is kept.
    slow.push_back(Wire::connect(port));
    if (!slow.back().valid() || !slow.back().send(get("/slow") + std::string(30'000, 'G'))) slow.pop_back();
    // It looks at its memory now and then, and has to get to these first.
    if (i % 100 == 99)
      eventually([&] { return balancer->metric("berth_lb_client_connections_active") >= slow.size() || shorted(); });
  }
  ASSERT_TRUE(eventually(shorted)) << slow.size() << balancer->log();
  int refused = 0, served = 0;
  std::vector<Wire> more;
  for (int i = 0; i < 400; ++i) {
    more.push_back(Wire::connect(port));
    more.back().send(get("/slow"));
  }
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_client_connections_rejected_total") > 0; }));
  EXPECT_NE(balancer->admin("/readyz").find("short: "), std::string::npos) << balancer->admin("/readyz");
  for (Wire& each : slow) each.reset();
  for (Wire& each : more) each.reset();
  EXPECT_TRUE(eventually([&] { return status_of(port) == 200; }));
  for (int i = 0; i < 200; ++i) (status_of(port) == 200 ? served : refused) += 1;
  EXPECT_GT(served, 100) << refused;
  EXPECT_EQ(balancer->admin_status("/healthz"), 200) << "it was killed";
}

// Where Debian's libfaketime is: the day jumps back and forth, time goes on.
TEST(BalancerResilience, AClockThatJumpsCostsNoRequestAndNoTarget) {
  const std::string library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  if (::access(library.c_str(), R_OK) != 0) GTEST_SKIP() << library << " is not there";
  Target target(answer_all);
  const auto port = free_port();
  const Place place(port);
  const std::string offset = place.path + "/offset";
  const auto jump = [&](const std::string& to) {
    std::ofstream(offset + ".new") << to << "\n";
    std::filesystem::rename(offset + ".new", offset);
  };
  jump("+0");
  const std::string file = place.path + "/balancer.json";
  ConfigOptions options;
  options.health_check = "\"interval_ms\": 500, \"timeout_ms\": 500, \"unhealthy_threshold\": 4";
  std::ofstream(file) << config_json(port, {{target.port(), ""}}, options);
  auto balancer = Balancer::with_arguments(
      {"--config", file},
      {.environment = {"LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + offset, "FAKETIME_NO_CACHE=1",
                       "FAKETIME_DONT_FAKE_MONOTONIC=1", "ASAN_OPTIONS=verify_asan_link_order=0"}});
  const auto healthy = [&] {
    return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"healthy\"}") == 1;
  };
  ASSERT_TRUE(eventually(healthy)) << balancer->log();
  Wire kept = Wire::connect(port);
  // What the balancer takes for the year.
  const auto year = [&] {
    Wire refused = Wire::connect(port);
    refused.send("GET / HTTP/9.9\r\n\r\n");
    const std::string date = refused.read_message().field("Date");
    return date.size() > 16 ? date.substr(12, 4) : std::string();
  };
  const std::string now = year();
  ASSERT_NE(now, "");
  for (const std::string to : {"+3650d", "-3650d", "+0"}) {
    jump(to);
    const bool jumped = eventually([&] {
      EXPECT_TRUE(kept.send(get("/")));
      EXPECT_EQ(kept.read_message().status, 200) << to;
      EXPECT_EQ(status_of(port), 200) << to;
      const std::string shown = year();
      return !shown.empty() && (shown == now) == (to == "+0");
    });
    if (!jumped) GTEST_SKIP() << "libfaketime does nothing in this program";
  }
  EXPECT_TRUE(healthy());
  EXPECT_EQ(balancer->metric("berth_lb_failopen_requests_total"), 0U);
}

}  // namespace
}  // namespace balancer::test
