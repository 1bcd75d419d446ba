#include "agent/scheduler/scale_in.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string_view>
#include <tuple>

namespace agent::scheduler {
namespace {

std::vector<std::size_t> shuffled(std::size_t size, shared::env::Random& random) {
  std::vector<std::size_t> order(size);
  for (std::size_t i = 0; i < size; ++i) order[i] = i;
  for (std::size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

// An instance with tasks of the service.
struct Host {
  std::size_t zone = 0;
  std::int64_t free = 0;         // with what was freed there so far
  std::deque<std::size_t> left;  // its tasks, as positions in the shuffled order
};

std::vector<Host> hosts_of(const std::vector<RunningTask>& tasks, const std::vector<std::size_t>& any,
                           bool by_cpu) {
  std::vector<Host> hosts;
  std::map<std::string_view, std::size_t> zones;
  std::map<std::string_view, std::size_t> known;
  for (std::size_t at = 0; at < any.size(); ++at) {
    const RunningTask& task = tasks[any[at]];
    const auto [it, fresh] = known.try_emplace(task.instance, hosts.size());
    if (fresh) {
      const std::size_t zone = zones.try_emplace(task.zone, zones.size()).first->second;
      hosts.push_back({zone, by_cpu ? task.free_cpu : task.free_memory, {}});
    }
    hosts[it->second].left.push_back(at);
  }
  return hosts;
}

}  // namespace

std::vector<std::size_t> scale_in_order(const std::vector<RunningTask>& tasks,
                                        const std::vector<model::PlacementStrategy>& strategies,
                                        shared::env::Random& random) {
  const std::vector<std::size_t> any = shuffled(tasks.size(), random);
  const auto type = strategies.empty() ? model::StrategyType::kSpread : strategies.front().type;
  if (type == model::StrategyType::kRandom) return any;
  const bool spread = type == model::StrategyType::kSpread;
  const bool by_cpu =
      !strategies.empty() && (strategies.front().field == "cpu" || strategies.front().field == "CPU");
  const auto size_of = [&](std::size_t i) { return by_cpu ? tasks[i].cpu : tasks[i].memory; };

  std::vector<Host> hosts = hosts_of(tasks, any, by_cpu);
  std::vector<std::int64_t> in_zone;
  for (const Host& host : hosts) {
    in_zone.resize(std::max(in_zone.size(), host.zone + 1));
    in_zone[host.zone] += static_cast<std::int64_t>(host.left.size());
  }
  if (!spread) {  // what frees most goes first
    for (Host& host : hosts) {
      std::stable_sort(host.left.begin(), host.left.end(),
                       [&](std::size_t a, std::size_t b) { return size_of(any[a]) > size_of(any[b]); });
    }
  }
  // Higher goes first; among equals the one that the shuffle put first.
  const auto rank = [&](const Host& host) {
    const std::size_t head = host.left.front();
    const auto left = static_cast<std::int64_t>(host.left.size());
    const std::int64_t first = spread ? in_zone[host.zone] : host.free + size_of(any[head]);
    return std::tuple(first, spread ? left : 0, -static_cast<std::int64_t>(head));
  };
  std::vector<std::size_t> order;
  while (order.size() < tasks.size()) {
    Host* best = nullptr;
    for (Host& host : hosts) {
      if (!host.left.empty() && (best == nullptr || rank(*best) < rank(host))) best = &host;
    }
    const std::size_t next = any[best->left.front()];
    --in_zone[best->zone];
    best->free += size_of(next);
    best->left.pop_front();
    order.push_back(next);
  }
  return order;
}

}  // namespace agent::scheduler
