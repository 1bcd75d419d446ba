#include "agent/control/tasks/strategies.h"

#include <algorithm>

#include "agent/control/state/faults.h"

namespace agent::control {
namespace {

bool is_fargate(const model::StrategyItem& item) { return item.provider.starts_with("FARGATE"); }

}  // namespace

std::vector<std::string> distribute(const std::vector<model::StrategyItem>& strategy,
                                    std::map<std::string, int> present, int count) {
  std::vector<std::string> chosen;
  while (static_cast<int>(chosen.size()) < count) {
    const model::StrategyItem* best = nullptr;
    for (const model::StrategyItem& each : strategy) {
      if (present[each.provider] < each.base) best = &each;
      if (best != nullptr) break;
    }
    const bool by_base = best != nullptr;
    const auto beyond_base = [&](const model::StrategyItem& each) {
      return std::int64_t{std::max(0, present[each.provider] - each.base)} + 1;
    };
    for (const model::StrategyItem& each : strategy) {
      if (by_base || each.weight <= 0) continue;
      if (best == nullptr || beyond_base(each) * best->weight < beyond_base(*best) * each.weight)
        best = &each;
    }
    if (best == nullptr) return chosen;
    ++present[best->provider];
    chosen.push_back(best->provider);
  }
  return chosen;
}

shared::Result<void> check_usable(const State& state, const std::string& cluster,
                                  const std::vector<model::StrategyItem>& strategy) {
  const model::Cluster* row = state.clusters.find(cluster);
  const bool any = std::any_of(strategy.begin(), strategy.end(), is_fargate);
  if (any && !std::all_of(strategy.begin(), strategy.end(), is_fargate)) {
    return invalid_parameter(
        "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups "
        "and "
        "Fargate providers. Specify one or the other and try again.");
  }
  if (any) {
    return fault(
        "UnsupportedFeatureException",
        "The capacity providers FARGATE and FARGATE_SPOT place no tasks here: give launchType EC2 or "
        "EXTERNAL, or a capacity provider of your own.");
  }
  for (const model::StrategyItem& each : strategy) {
    const auto attached = row == nullptr ? std::vector<std::string>() : row->capacity_providers;
    if (std::find(attached.begin(), attached.end(), each.provider) == attached.end()) {
      return invalid_parameter(
          "The specified capacity provider strategy cannot contain a capacity provider that is not "
          "associated "
          "with the cluster. Associate the capacity provider with the cluster and try again.");
    }
  }
  const bool weighed =
      std::any_of(strategy.begin(), strategy.end(), [](const auto& each) { return each.weight > 0; });
  if (strategy.empty() || weighed) return {};
  return invalid_parameter(
      "A capacity provider strategy must have at least one capacity provider with a weight greater than 0.");
}

}  // namespace agent::control
