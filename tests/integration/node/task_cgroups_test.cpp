// The kernel's cgroups, as this host mounts them and whoever makes them here. Needs root.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "shared/httpd/io_loop.h"
#include "tests/integration/node/host_cgroups.h"

namespace agent::cgroup {
namespace {

constexpr shared::Millis kPatience{60'000};
constexpr shared::Millis kTick{20};
constexpr std::int64_t kMiB = 1024 * 1024;

// A child that is put into a task's group before it does anything.
class Child {
 public:
  Child(const tests::HostCgroups& cgroups, const std::string& task, void (*work)()) {
    std::array<int, 2> gate{};
    if (::pipe(gate.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      char go = 0;
      ::close(gate[1]);
      if (::read(gate[0], &go, 1) == 1) work();
      ::_exit(0);
    }
    cgroups.put_in(task, pid_);
    EXPECT_EQ(::write(gate[1], "g", 1), 1);
    ::close(gate[0]);
    ::close(gate[1]);
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = 0;
};

void idle() { ::pause(); }
void spin() {
  for (volatile bool on = true; on;) {
  }
}
// Locked, so that a host with swap cannot give way.
void eat_memory() {
  constexpr std::size_t kBytes = 256 * static_cast<std::size_t>(kMiB);
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || ::mlock2(memory, kBytes, MLOCK_ONFAULT) != 0) ::_exit(1);
  for (std::size_t at = 0; at < kBytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
}

class TaskCgroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (const std::string why = cgroups.open(); !why.empty()) GTEST_SKIP() << why;
  }
  void TearDown() override { cgroups.close(); }
  bool until(const std::function<bool()>& done) {
    shared::env::Timer tick;
    std::function<void()> again = [&] { tick = loop.after(kTick, again); };
    again();
    return loop.run_until(done, kPatience);
  }

  tests::HostCgroups cgroups{tests::group_maker_of_host(), "berthtest"};
  shared::httpd::IoLoop loop;
};

TEST_F(TaskCgroupsTest, LimitsAreSetChangedReadAndRemoved) {
  const auto parent = cgroups->create("t-1", {.cpu = 0.5, .cpu_shares = 0, .memory_mib = 32, .pids = 50});
  ASSERT_TRUE(parent) << parent.error().text();
  EXPECT_EQ(*parent, cgroups.parent_for_engine("t-1"));
  auto limits = cgroups.limits("t-1");
  EXPECT_EQ(limits.cpu_quota, "50000");
  EXPECT_EQ(limits.cpu_period, "100000");
  EXPECT_EQ(limits.memory, std::to_string(32 * kMiB));
  EXPECT_EQ(limits.pids, "50");
  const auto again = cgroups->create("t-1", {.cpu = 1.5, .cpu_shares = 0, .memory_mib = 64, .pids = 70});
  ASSERT_TRUE(again) << "an existing one is brought to the limits: " << again.error().text();
  limits = cgroups.limits("t-1");
  EXPECT_EQ(limits.cpu_quota, "150000");
  EXPECT_EQ(limits.memory, std::to_string(64 * kMiB));
  EXPECT_EQ(limits.pids, "70");
  const auto stats = cgroups->read("t-1");
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_EQ(stats->oom_kills, 0u);
  EXPECT_TRUE(cgroups->remove("t-1"));
  EXPECT_TRUE(cgroups->remove("t-1"));
  EXPECT_EQ(cgroups->read("t-1").error().code(), "not_found");
  EXPECT_FALSE(cgroups.exists("t-1")) << "in every hierarchy";
}

TEST_F(TaskCgroupsTest, GroupWithProcessesIsBusy) {
  ASSERT_TRUE(cgroups->create("t2", {}));
  Child child(cgroups, "t2", idle);
  const auto removed = cgroups->remove("t2");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), "busy");
  EXPECT_EQ(removed.error().retry(), shared::Retry::kYes);
}

TEST_F(TaskCgroupsTest, WhatIsRefusedIsNamed) {
  const auto path = cgroups->create("t3", {.cpu = {}, .cpu_shares = 0, .memory_mib = {}, .pids = -5});
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().text().find("ax=-5"), std::string::npos) << path.error().text();
  EXPECT_NE(path.error().text().find("t3"), std::string::npos) << path.error().text();
  (void)cgroups->remove("t3");
}

// Counted in the kernel's scheduling periods, not in seconds of this machine.
TEST_F(TaskCgroupsTest, HungryProcessIsThrottledToTheTaskCpu) {
  ASSERT_TRUE(cgroups->create("t4", {.cpu = 0.2, .cpu_shares = 0, .memory_mib = {}, .pids = {}}));
  Stats stats;
  {
    Child child(cgroups, "t4", spin);
    ASSERT_TRUE(until([&] {
      if (auto now = cgroups->read("t4")) stats = *now;
      return stats.periods >= 10 && stats.throttled > 0;  // on a busy machine it gets its share late
    }));
  }
  EXPECT_GT(stats.throttled, 0u);
  EXPECT_GT(stats.throttled_ns, 0u);
  EXPECT_LT(static_cast<double>(stats.cpu_usage_ns) / static_cast<double>(stats.periods), 0.2 * 100e6 * 1.5)
      << "of a period of 100 ms";
  EXPECT_TRUE(until([&] { return cgroups->remove("t4").has_value(); }));
}

TEST_F(TaskCgroupsTest, HungryProcessIsKilledAtTheTaskMemoryAndCounted) {
  ASSERT_TRUE(cgroups->create("t5", {.cpu = {}, .cpu_shares = 0, .memory_mib = 32, .pids = {}}));
  Child child(cgroups, "t5", eat_memory);
  const int status = child.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  const auto stats = cgroups->read("t5");
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_EQ(stats->oom_kills, 1u);
  EXPECT_TRUE(until([&] { return cgroups->remove("t5").has_value(); }));
}

// A system bus at a path of the test's own.
class SystemBusAt {
 public:
  SystemBusAt() { ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1); }
  ~SystemBusAt() {
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    ::unlink(path.c_str());
    if (socket_ >= 0) ::close(socket_);
  }
  // Takes connections and says nothing.
  void listen() {
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(socket_, 8), 0);
  }
  std::string path = std::filesystem::temp_directory_path() / ("berth-bus-" + std::to_string(::getpid()));

 private:
  int socket_ = -1;
};

TEST(SystemdSlices, WithoutABusTheReasonIsGiven) {
  SystemBusAt bus;
  const auto opened = open_systemd_task_cgroups({});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text(),
            "systemd cannot be reached over the system bus: No such file or directory");
}

TEST(SystemdSlices, BusThatSaysNothingIsGivenUp) {
  SystemBusAt bus;
  bus.listen();
  const auto opened = open_systemd_task_cgroups({});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text(), "systemd cannot be reached over the system bus: no answer within 5 s");
}

}  // namespace
}  // namespace agent::cgroup
