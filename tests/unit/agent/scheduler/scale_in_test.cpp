#include "agent/scheduler/scale_in.h"

#include <gtest/gtest.h>

#include <set>

namespace agent::scheduler {
namespace {

RunningTask on(const std::string& instance, const std::string& zone) {
  RunningTask task;
  task.instance = instance;
  task.zone = zone;
  task.memory = 100;
  return task;
}

TEST(ScaleIn, TakesFromTheFullestZoneAndThenTheFullestInstance) {
  const std::vector<RunningTask> tasks = {on("a1", "a"), on("a1", "a"), on("a2", "a"), on("b1", "b")};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    shared::env::SeededRandom random(seed);
    const auto order = scale_in_order(tasks, {}, random);
    ASSERT_EQ(order.size(), tasks.size());
    EXPECT_EQ(tasks[order[0]].instance, "a1") << seed;
    EXPECT_EQ(tasks[order[1]].zone, "a") << seed;
    EXPECT_EQ(std::set<std::size_t>(order.begin(), order.end()).size(), tasks.size());
    EXPECT_NE(tasks[order[2]].zone, tasks[order[3]].zone) << seed;
  }
}

TEST(ScaleIn, EmptiesTheFreestInstanceWhenBinpacking) {
  std::vector<RunningTask> tasks = {on("full", "a"), on("free", "a"), on("free", "a"), on("full", "a")};
  for (RunningTask& task : tasks) task.free_memory = task.instance == "free" ? 150 : 100;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    shared::env::SeededRandom random(seed);
    const auto order = scale_in_order(tasks, {{model::StrategyType::kBinpack, "memory"}}, random);
    EXPECT_EQ(tasks[order[0]].instance, "free") << seed;
    EXPECT_EQ(tasks[order[1]].instance, "free") << seed;
  }
}

}  // namespace
}  // namespace agent::scheduler
