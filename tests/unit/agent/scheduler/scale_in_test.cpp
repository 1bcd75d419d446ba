#include "agent/scheduler/scale_in.h"

#include <gtest/gtest.h>

#include <map>
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

// At every step the first one is among the best of what is left: the rule itself, walked without any
// bookkeeping.
TEST(ScaleIn, EveryStepTakesABestOfWhatIsLeft) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    shared::env::SeededRandom random(seed);
    const bool spread = random.below(2) == 0;
    std::vector<RunningTask> tasks;
    std::map<std::string, std::int64_t> free;
    for (std::uint64_t i = 0; i < 4; ++i)
      free["i" + std::to_string(i)] = static_cast<std::int64_t>(random.below(300));
    for (std::uint64_t i = random.below(25); i > 0; --i) {
      const std::string host = std::to_string(random.below(4));
      tasks.push_back(on("i" + host, host < "2" ? "a" : "b"));
      tasks.back().memory = 50 * static_cast<std::int64_t>(1 + random.below(3));
      tasks.back().free_memory = free["i" + host];
    }
    const auto order = scale_in_order(
        tasks, {{spread ? model::StrategyType::kSpread : model::StrategyType::kBinpack, "memory"}}, random);
    ASSERT_EQ(std::set<std::size_t>(order.begin(), order.end()).size(), tasks.size());
    for (std::size_t step = 0; step < order.size(); ++step) {
      const auto rank = [&](std::size_t i) {
        std::int64_t zone = 0;
        std::int64_t host = 0;
        for (std::size_t k = step; k < order.size(); ++k) {
          zone += tasks[order[k]].zone == tasks[i].zone ? 1 : 0;
          host += tasks[order[k]].instance == tasks[i].instance ? 1 : 0;
        }
        return std::pair(spread ? zone : free[tasks[i].instance] + tasks[i].memory, spread ? host : 0);
      };
      for (std::size_t k = step; k < order.size(); ++k) {
        ASSERT_GE(rank(order[step]), rank(order[k])) << "seed " << seed << ", step " << step;
      }
      free[tasks[order[step]].instance] += tasks[order[step]].memory;
    }
  }
}

}  // namespace
}  // namespace agent::scheduler
