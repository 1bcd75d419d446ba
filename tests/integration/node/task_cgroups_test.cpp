// The kernel's cgroups, as this host mounts them. Needs root.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "agent/cgroup/task_cgroups.h"

namespace agent::cgroup {
namespace {

class TaskCgroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto opened = open_task_cgroups({.root = "berth-test-" + std::to_string(::getpid())});
    if (!opened) GTEST_SKIP() << opened.error().text();
    cgroups = std::move(*opened);
  }
  void TearDown() override {
    if (cgroups) (void)cgroups->remove("");  // the root of this program
  }
  std::string root() const { return "/berth-test-" + std::to_string(::getpid()); }
  std::unique_ptr<TaskCgroups> cgroups;
};

TEST_F(TaskCgroupsTest, LimitsAreSetChangedReadAndRemoved) {
  const Limits limits{.cpu = 0.5, .cpu_shares = 0, .memory_mib = 32, .pids = 50};
  const auto path = cgroups->create("t1", limits);
  ASSERT_TRUE(path) << path.error().text();
  EXPECT_EQ(*path, root() + "/t1");
  EXPECT_TRUE(cgroups->create("t1", limits)) << "an existing one is brought to the limits";
  const auto stats = cgroups->read("t1");
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_EQ(stats->oom_kills, 0u);
  if (cgroups->mode() == Mode::kV1) {
    std::int64_t quota = 0;
    std::ifstream("/sys/fs/cgroup/cpu" + *path + "/cpu.cfs_quota_us") >> quota;
    EXPECT_EQ(quota, 50'000);
    std::int64_t memory = 0;
    std::ifstream("/sys/fs/cgroup/memory" + *path + "/memory.limit_in_bytes") >> memory;
    EXPECT_EQ(memory, 32 * 1024 * 1024);
  }
  EXPECT_TRUE(cgroups->remove("t1"));
  EXPECT_TRUE(cgroups->remove("t1"));
  EXPECT_EQ(cgroups->read("t1").error().code(), "not_found");
}

TEST_F(TaskCgroupsTest, GroupWithProcessesIsBusy) {
  const auto path = cgroups->create("t2", {});
  ASSERT_TRUE(path);
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const std::string base = cgroups->mode() == Mode::kV1 ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup";
  std::ofstream(base + *path + "/cgroup.procs") << child << std::flush;
  const auto removed = cgroups->remove("t2");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), "busy");
  EXPECT_EQ(removed.error().retry(), shared::Retry::kYes);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(cgroups->remove("t2"));
}

TEST_F(TaskCgroupsTest, WhatTheKernelRefusesIsNamed) {
  const auto path = cgroups->create("t3", {.cpu = {}, .cpu_shares = 0, .memory_mib = {}, .pids = -5});
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().text().find("pids.max=-5"), std::string::npos) << path.error().text();
  (void)cgroups->remove("t3");
}

}  // namespace
}  // namespace agent::cgroup
