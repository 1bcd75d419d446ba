#include "agent/cgroup/slice_unit.h"

#include <gtest/gtest.h>

namespace agent::cgroup {
namespace {

TEST(SliceUnit, IsNamedInsideItsParentAndEscapesWhatWouldBeALevel) {
  EXPECT_EQ(slice_name("berth", "0a1b"), "berth-0a1b.slice");
  EXPECT_EQ(slice_path("berth", "0a1b"), "berth.slice/berth-0a1b.slice");
  EXPECT_EQ(slice_name("berth", ""), "berth.slice");
  EXPECT_EQ(slice_path("berth", ""), "berth.slice");
  EXPECT_EQ(slice_name("berth", "a-b/c d"), R"(berth-a\x2db\x2fc\x20d.slice)");
  EXPECT_EQ(slice_name("berth", ".."), R"(berth-\x2e..slice)");
  EXPECT_NE(slice_name("berth", "a-b"), slice_name("berth", "ab"));
}

std::string text_of(const Limits& limits) {
  const auto properties = slice_properties(limits, kCpuPeriodMicros);
  if (!properties) return properties.error().text();
  std::string text;
  for (const auto& p : *properties) text += to_text(p) + " ";
  return text;
}

TEST(SliceUnit, LimitsBecomeProperties) {
  EXPECT_EQ(text_of({.cpu = 0.5, .cpu_shares = 512, .memory_mib = 64, .pids = 100}),
            "CPUAccounting=yes MemoryAccounting=yes TasksAccounting=yes CPUQuotaPeriodUSec=100000 "
            "CPUQuotaPerSecUSec=500000 CPUWeight=infinity MemoryMax=67108864 TasksMax=100 ");
}

TEST(SliceUnit, AbsentLimitsAreLiftedAndSharesHoldOnlyWithoutATaskCpu) {
  EXPECT_EQ(text_of({.cpu = {}, .cpu_shares = 1024, .memory_mib = {}, .pids = {}}),
            "CPUAccounting=yes MemoryAccounting=yes TasksAccounting=yes CPUQuotaPeriodUSec=100000 "
            "CPUQuotaPerSecUSec=infinity CPUWeight=39 MemoryMax=infinity TasksMax=infinity ");
}

TEST(SliceUnit, QuotaNeverFallsBelowWhatTheKernelTakes) {
  EXPECT_NE(text_of({.cpu = 0.001, .cpu_shares = 0, .memory_mib = {}, .pids = {}})
                .find("CPUQuotaPerSecUSec=10000 "),
            std::string::npos);
}

TEST(SliceUnit, LimitThatIsNoneIsNamed) {
  EXPECT_NE(text_of({.cpu = {}, .cpu_shares = 0, .memory_mib = 0, .pids = {}}).find("MemoryMax=0"),
            std::string::npos);
  EXPECT_NE(text_of({.cpu = {}, .cpu_shares = 0, .memory_mib = {}, .pids = -5}).find("TasksMax=-5"),
            std::string::npos);
}

}  // namespace
}  // namespace agent::cgroup
