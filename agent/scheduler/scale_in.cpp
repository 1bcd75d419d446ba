#include "agent/scheduler/scale_in.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace agent::scheduler {
namespace {

std::vector<std::size_t> shuffled(std::size_t size, shared::env::Random& random) {
  std::vector<std::size_t> order(size);
  for (std::size_t i = 0; i < size; ++i) order[i] = i;
  for (std::size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace

std::vector<std::size_t> scale_in_order(const std::vector<RunningTask>& tasks,
                                        const std::vector<model::PlacementStrategy>& strategies,
                                        shared::env::Random& random) {
  std::vector<std::size_t> rest = shuffled(tasks.size(), random);
  const auto type = strategies.empty() ? model::StrategyType::kSpread : strategies.front().type;
  if (type == model::StrategyType::kRandom) return rest;
  const bool by_cpu =
      !strategies.empty() && (strategies.front().field == "cpu" || strategies.front().field == "CPU");

  std::map<std::string, std::int64_t> in_zone;
  std::map<std::string, std::int64_t> on_instance;  // its tasks, or what is freed there so far
  for (const RunningTask& task : tasks) {
    ++in_zone[task.zone];
    if (type == model::StrategyType::kSpread) ++on_instance[task.instance];
  }
  const auto rank = [&](std::size_t i) {
    const RunningTask& task = tasks[i];
    if (type == model::StrategyType::kSpread) {
      return std::make_pair(in_zone[task.zone], on_instance[task.instance]);
    }
    const std::int64_t free_after = by_cpu ? task.free_cpu + task.cpu : task.free_memory + task.memory;
    return std::make_pair(free_after + on_instance[task.instance], std::int64_t{0});
  };
  std::vector<std::size_t> order;
  while (!rest.empty()) {
    const auto best = std::max_element(rest.begin(), rest.end(),
                                       [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    const RunningTask& task = tasks[*best];
    if (type == model::StrategyType::kSpread) {
      --in_zone[task.zone];
      --on_instance[task.instance];
    } else {
      on_instance[task.instance] += by_cpu ? task.cpu : task.memory;
    }
    order.push_back(*best);
    rest.erase(best);
  }
  return order;
}

}  // namespace agent::scheduler
