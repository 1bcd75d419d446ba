// Placement by looking at every instance for every task, in the words of the rules: what
// scheduler::CapacityIndex must do, and what it is measured against.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/scheduler/placement.h"

namespace tests {

using agent::scheduler::Candidate;
using agent::scheduler::Demand;

class ExhaustivePlanner {
 public:
  // The candidates of which one, each with the same probability, gets the next task; empty: it fits none.
  static std::vector<std::size_t> first(const std::vector<Candidate>& candidates, const Demand& demand) {
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (agent::scheduler::misfit(candidates[i], demand).empty()) fitting.push_back(i);
    }
    auto strategies = demand.strategies;
    if (strategies.empty()) {
      strategies = {
          {agent::model::StrategyType::kSpread, std::string(kAttribute) + agent::scheduler::kZoneAttribute},
          {agent::model::StrategyType::kSpread, "instanceId"}};
    }
    for (const auto& strategy : strategies) {
      if (fitting.empty() || strategy.type == agent::model::StrategyType::kRandom) break;
      narrow(fitting, candidates, demand, strategy);
    }
    return fitting;
  }

  static void take(Candidate& candidate, const Demand& demand) {
    candidate.cpu -= demand.each.cpu;
    candidate.memory -= demand.each.memory;
    candidate.tcp_ports.insert(demand.each.tcp_ports.begin(), demand.each.tcp_ports.end());
    candidate.udp_ports.insert(demand.each.udp_ports.begin(), demand.each.udp_ports.end());
    ++candidate.tasks;
    ++candidate.groups[demand.group];
    if (!demand.deployment.empty()) ++candidate.deployments[demand.deployment];
  }

 private:
  static constexpr std::string_view kAttribute = "attribute:";
  using Load = std::pair<std::int64_t, std::int64_t>;  // tasks of the deployment, of the group

  static int count_of(const std::map<std::string, int>& counts, const std::string& name) {
    const auto it = counts.find(name);
    return it == counts.end() ? 0 : it->second;
  }

  // What tasks are spread over; instances without the attribute are one bucket, after all others.
  static std::string bucket(const Candidate& candidate, std::string_view field) {
    if (!field.starts_with(kAttribute)) return candidate.arn;
    const auto it = candidate.attributes.find(std::string(field.substr(kAttribute.size())));
    return it == candidate.attributes.end() ? std::string() : it->second;
  }

  static void narrow(std::vector<std::size_t>& fitting, const std::vector<Candidate>& candidates,
                     const Demand& demand, const agent::model::PlacementStrategy& strategy) {
    std::map<std::string, Load> loads;
    if (strategy.type == agent::model::StrategyType::kSpread) {
      for (const Candidate& each : candidates) {
        auto& [deployment, group] = loads[bucket(each, strategy.field)];
        if (!demand.deployment.empty()) deployment += count_of(each.deployments, demand.deployment);
        group += count_of(each.groups, demand.group);
      }
    }
    const auto rank = [&](const Candidate& candidate) -> Load {
      if (strategy.type == agent::model::StrategyType::kBinpack) {
        const bool by_cpu = strategy.field == "cpu" || strategy.field == "CPU";
        return {by_cpu ? candidate.cpu : candidate.memory, 0};
      }
      const std::string name = bucket(candidate, strategy.field);
      constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
      return name.empty() ? Load(kLast, kLast) : loads[name];
    };
    std::vector<Load> ranks;
    for (const std::size_t i : fitting) ranks.push_back(rank(candidates[i]));
    const Load lowest = *std::min_element(ranks.begin(), ranks.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < fitting.size(); ++i) {
      if (ranks[i] == lowest) fitting[kept++] = fitting[i];
    }
    fitting.resize(kept);
  }
};

}  // namespace tests
