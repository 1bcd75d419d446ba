#include "agent/cgroup/layout.h"

#include <gtest/gtest.h>

namespace agent::cgroup {
namespace {

constexpr std::string_view kV1 =
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
    "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0\n"
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";

TEST(CgroupLayout, HybridHostUsesItsV1Controllers) {
  const auto layout = detect_layout(kV1, "");
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->mode, Mode::kV1);
  EXPECT_EQ(layout->v1_mounts.at("cpu"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout->v1_mounts.at("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout->v1_mounts.at("name=systemd"), "/sys/fs/cgroup/systemd");
  EXPECT_EQ(layout->v2_mount, "/sys/fs/cgroup/unified");
  EXPECT_FALSE(layout->v1_mounts.contains("rw"));
}

TEST(CgroupLayout, UnifiedHostUsesV2) {
  const auto layout = detect_layout("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "cpuset cpu io memory pids\n");
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->mode, Mode::kV2);
  EXPECT_EQ(layout->v2_mount, "/sys/fs/cgroup");
}

TEST(CgroupLayout, MissingControllerIsNamed) {
  const auto text = [](std::string_view mounts, std::string_view v2) {
    const auto layout = detect_layout(mounts, v2);
    return layout ? std::string() : layout.error().text();
  };
  EXPECT_NE(text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "cpu pids\n").find("'memory'"),
            std::string::npos);
  EXPECT_NE(text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "memory\n").find("'cpu'"), std::string::npos);
  EXPECT_NE(text("", "cpu memory").find("no cgroup file system"), std::string::npos);
}

TEST(CgroupLimits, TaskCpuBecomesAQuotaAndSharesOnlyWithoutOne) {
  using Settings = std::vector<Setting>;
  EXPECT_EQ(v1_settings({.cpu = 0.5, .cpu_shares = 512, .memory_mib = 64, .pids = 100}, kCpuPeriodMicros),
            (Settings{{"cpu", "cpu.cfs_period_us", "100000"},
                      {"cpu", "cpu.cfs_quota_us", "50000"},
                      {"memory", "memory.use_hierarchy", "1"},
                      {"memory", "memory.limit_in_bytes", "67108864"},
                      {"pids", "pids.max", "100"}}));
  EXPECT_EQ(v1_settings({.cpu = {}, .cpu_shares = 0, .memory_mib = {}, .pids = {}}, kCpuPeriodMicros),
            (Settings{{"cpu", "cpu.shares", "2"}, {"memory", "memory.use_hierarchy", "1"}}));
  EXPECT_EQ(v2_settings({.cpu = 1.5, .cpu_shares = 0, .memory_mib = 1, .pids = {}}, kCpuPeriodMicros),
            (Settings{{"cpu", "cpu.max", "150000 100000"}, {"memory", "memory.max", "1048576"}}));
  EXPECT_EQ(v2_settings({.cpu = {}, .cpu_shares = 262144, .memory_mib = {}, .pids = {}}, kCpuPeriodMicros),
            (Settings{{"cpu", "cpu.weight", "10000"}}));
}

TEST(CgroupLimits, QuotaNeverFallsBelowWhatTheKernelTakes) {
  EXPECT_EQ(
      v1_settings({.cpu = 0.001, .cpu_shares = 0, .memory_mib = {}, .pids = {}}, kCpuPeriodMicros)[1].value,
      "1000");
}

TEST(CgroupStats, KeyedValuesAreReadByWholeName) {
  constexpr std::string_view kText = "nr_periods 12\nnr_throttled 3\noom_kill_disable 0\noom_kill 2\n";
  EXPECT_EQ(keyed_value(kText, "nr_throttled"), 3u);
  EXPECT_EQ(keyed_value(kText, "oom_kill"), 2u);
  EXPECT_EQ(keyed_value(kText, "nr"), std::nullopt);
}

}  // namespace
}  // namespace agent::cgroup
