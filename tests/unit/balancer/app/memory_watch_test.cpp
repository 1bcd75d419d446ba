#include "balancer/app/memory_watch.h"

#include <gtest/gtest.h>

namespace balancer::app {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(MemoryWatch, LooksAtTheLimitsOfItsGroupsAndOfThoseAroundThem) {
  EXPECT_EQ(memory_limit_files("0::/system.slice/lb.service\n", "/cg"),
            (std::vector<std::string>{"/cg/system.slice/lb.service/memory.max", "/cg/system.slice/memory.max",
                                      "/cg/memory.max"}));
  EXPECT_EQ(
      memory_limit_files("5:cpu,cpuacct:/a\n4:hugetlb,memory:/a/b\n0::/\n", "/cg"),
      (std::vector<std::string>{"/cg/memory/a/b/memory.limit_in_bytes", "/cg/memory/a/memory.limit_in_bytes",
                                "/cg/memory/memory.limit_in_bytes", "/cg/memory.max"}));
  EXPECT_TRUE(memory_limit_files("nonsense\n\n:\n", "/cg").empty());
}

TEST(MemoryWatch, KnowsWhatIsNoLimit) {
  EXPECT_EQ(parse_memory_limit("67108864\n"), 64 * kMiB);
  EXPECT_EQ(parse_memory_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_memory_limit("9223372036854771712\n"), std::nullopt);
  EXPECT_EQ(parse_memory_limit(""), std::nullopt);
  EXPECT_EQ(parse_memory_limit("12x"), std::nullopt);
}

TEST(MemoryWatch, ReadsWhatTheKernelSays) {
  EXPECT_EQ(parse_statm("1000 300 100 5 0 200 0\n", 4096), 1000U * 4096);
  EXPECT_EQ(parse_statm("", 4096), 0U);
  const std::string_view stat = "cache 5\ninactive_file 70\ntotal_inactive_file 900\n";
  EXPECT_EQ(memory_stat(stat, "total_inactive_file"), 900U);
  EXPECT_EQ(memory_stat(stat, "inactive_file"), 70U);
  EXPECT_EQ(memory_stat(stat, "inactive"), 0U);
}

using Advice = MemoryGauge::Advice;

TEST(MemoryWatch, IsShortNearTheLimitUntilThereIsRoomAgain) {
  MemoryGauge gauge({100 * kMiB, "", std::nullopt});
  EXPECT_EQ(gauge.look({0, 84 * kMiB}), Advice::kNone);
  EXPECT_EQ(gauge.look({0, 85 * kMiB}), Advice::kLess);
  EXPECT_TRUE(gauge.is_short());
  EXPECT_EQ(gauge.text(), "85 of 100 MiB of its control group");
  EXPECT_EQ(gauge.look({0, 86 * kMiB}), Advice::kNone);
  EXPECT_EQ(gauge.look({0, 87 * kMiB}), Advice::kLess) << "it was not enough";
  EXPECT_EQ(gauge.look({0, 80 * kMiB}), Advice::kNone) << "not back and forth";
  EXPECT_EQ(gauge.look({0, 74 * kMiB}), Advice::kMore);
  EXPECT_FALSE(gauge.is_short());
  EXPECT_EQ(gauge.look({0, 74 * kMiB}), Advice::kNone);
}

TEST(MemoryWatch, MindsTheAddressSpaceAndNothingWithoutLimits) {
  MemoryGauge space({std::nullopt, "", 1000 * kMiB});
  EXPECT_EQ(space.look({900 * kMiB, 1 * kMiB}), Advice::kLess);
  MemoryGauge none({});
  EXPECT_FALSE(none.limited());
  EXPECT_EQ(none.look({900 * kMiB, 900 * kMiB}), Advice::kNone);
}

}  // namespace
}  // namespace balancer::app
