#include "agent/scheduler/placement.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace agent::scheduler {
namespace {

using shared::Result;

constexpr std::string_view kAttributePrefix = "attribute:";
constexpr std::string_view kLoggingDriver = "com.amazonaws.ecs.capability.logging-driver.";
constexpr const char* kAttribute = "ATTRIBUTE";
constexpr const char* kNoGpus = "RESOURCE:GPU";
constexpr const char* kNotDistinct = "DistinctInstance placement constraint unsatisfied.";
constexpr const char* kNotMember = "MemberOf placement constraint unsatisfied.";

bool has_other_value(const Candidate& candidate, const model::NameValue& wanted) {
  const auto it = candidate.attributes.find(wanted.name);
  return it != candidate.attributes.end() && it->second != wanted.value;
}

// What an owner can do about a missing capability that depends on settings.
std::string hint_for(std::string_view name) {
  if (!name.starts_with(kLoggingDriver)) return {};
  const std::string driver(name.substr(kLoggingDriver.size()));
  return " No agent passes log driver " + driver +
         " on until its ECS_AVAILABLE_LOGGING_DRIVERS lists it, which needs an engine that has the driver" +
         (driver == "awslogs" ? " and credentials of AWS for it" : "") +
         "; or register a revision with logDriver json-file.";
}

bool shares(const std::set<int>& taken, const std::set<int>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](int port) { return taken.contains(port); });
}

QueryFacts facts_of(const Candidate& candidate) {
  QueryFacts facts;
  facts.attributes = &candidate.attributes;
  facts.groups = &candidate.groups;
  facts.ec2_instance_id = candidate.ec2_instance_id;
  facts.agent_version = candidate.agent_version;
  facts.registered_at = candidate.registered_at;
  facts.running_tasks = candidate.running_tasks;
  facts.agent_connected = candidate.availability != Availability::kDisconnected;
  return facts;
}

int count_of(const std::map<std::string, int>& counts, const std::string& name) {
  const auto it = counts.find(name);
  return it == counts.end() ? 0 : it->second;
}

// The bucket of a spread field; instances without the attribute are one bucket, after all others.
std::string bucket(const Candidate& candidate, std::string_view field) {
  if (!field.starts_with(kAttributePrefix)) return candidate.arn;
  const auto it = candidate.attributes.find(std::string(field.substr(kAttributePrefix.size())));
  return it == candidate.attributes.end() ? std::string() : it->second;
}

class Planner {
 public:
  Planner(std::vector<Candidate> candidates, const Demand& demand, shared::env::Random& random)
      : candidates_(std::move(candidates)), demand_(demand), random_(random), strategies_(demand.strategies) {
    if (strategies_.empty()) {
      strategies_ = {{model::StrategyType::kSpread, "attribute:" + std::string(kZoneAttribute)},
                     {model::StrategyType::kSpread, "instanceId"}};
    }
  }

  Plan run() {
    Plan plan;
    for (int i = 0; i < demand_.count; ++i) {
      const auto best = choose();
      if (best == candidates_.size()) {
        plan.unplaced = demand_.count - i;
        explain(plan);
        return plan;
      }
      take(candidates_[best]);
      plan.placed.push_back(best);
    }
    return plan;
  }

 private:
  std::size_t choose() {
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (misfit(candidates_[i], demand_).empty()) fitting.push_back(i);
    }
    if (fitting.empty()) return candidates_.size();
    for (const model::PlacementStrategy& strategy : strategies_) narrow(fitting, strategy);
    return fitting[fitting.size() == 1 ? 0 : random_.below(fitting.size())];
  }

  // Keeps those that the strategy ranks first.
  void narrow(std::vector<std::size_t>& fitting, const model::PlacementStrategy& strategy) {
    switch (strategy.type) {
      case model::StrategyType::kRandom:
        fitting = {fitting[random_.below(fitting.size())]};
        return;
      case model::StrategyType::kBinpack: {
        const bool by_cpu = strategy.field == "cpu" || strategy.field == "CPU";
        keep_lowest(fitting,
                    [&](std::size_t i) { return by_cpu ? candidates_[i].cpu : candidates_[i].memory; });
        return;
      }
      case model::StrategyType::kSpread: {
        std::map<std::string, std::pair<std::int64_t, std::int64_t>> load;
        for (const Candidate& each : candidates_) {
          auto& [deployment, group] = load[bucket(each, strategy.field)];
          if (!demand_.deployment.empty()) deployment += count_of(each.deployments, demand_.deployment);
          group += count_of(each.groups, demand_.group);
        }
        const bool by_attribute = strategy.field.starts_with(kAttributePrefix);
        keep_lowest(fitting, [&](std::size_t i) {
          const std::string name = bucket(candidates_[i], strategy.field);
          constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
          return by_attribute && name.empty() ? std::pair(kLast, kLast) : load[name];
        });
        return;
      }
    }
  }

  template <class Rank>
  static void keep_lowest(std::vector<std::size_t>& fitting, Rank rank) {
    std::vector<std::invoke_result_t<Rank, std::size_t>> ranks;
    ranks.reserve(fitting.size());
    for (const std::size_t i : fitting) ranks.push_back(rank(i));
    const auto lowest = *std::min_element(ranks.begin(), ranks.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < fitting.size(); ++i) {
      if (ranks[i] == lowest) fitting[kept++] = fitting[i];
    }
    fitting.resize(kept);
  }

  void take(Candidate& candidate) {
    candidate.cpu -= demand_.each.cpu;
    candidate.memory -= demand_.each.memory;
    candidate.tcp_ports.insert(demand_.each.tcp_ports.begin(), demand_.each.tcp_ports.end());
    candidate.udp_ports.insert(demand_.each.udp_ports.begin(), demand_.each.udp_ports.end());
    ++candidate.tasks;
    ++candidate.groups[demand_.group];
    ++candidate.deployments[demand_.deployment];
  }

  void explain(Plan& plan) const {
    for (const Candidate& each : candidates_) {
      const std::string reason = misfit(each, demand_);
      plan.failures.push_back({each.arn, reason, detail_of(reason, each, demand_)});
    }
  }

  std::vector<Candidate> candidates_;
  const Demand& demand_;
  shared::env::Random& random_;
  std::vector<model::PlacementStrategy> strategies_;
};

}  // namespace

std::string misfit(const Candidate& candidate, const Demand& demand) {
  if (candidate.availability == Availability::kDraining) return "INACTIVE";
  if (candidate.availability == Availability::kDisconnected) return "AGENT";
  for (const std::string& name : demand.required_attributes) {
    if (!candidate.attributes.contains(name)) return kAttribute;
  }
  for (const model::NameValue& each : demand.platform) {
    if (has_other_value(candidate, each)) return kAttribute;
  }
  if (demand.gpus > 0) return kNoGpus;
  if (!demand.member_of.empty()) {
    const QueryFacts facts = facts_of(candidate);
    for (const Query& query : demand.member_of) {
      if (!query.matches(facts)) return kNotMember;
    }
  }
  if (demand.max_tasks > 0 && candidate.tasks >= demand.max_tasks) return kTooManyTasks;
  if (candidate.cpu < demand.each.cpu) return "RESOURCE:CPU";
  if (candidate.memory < demand.each.memory) return "RESOURCE:MEMORY";
  if (shares(candidate.tcp_ports, demand.each.tcp_ports)) return "RESOURCE:PORTS";
  if (shares(candidate.udp_ports, demand.each.udp_ports)) return "RESOURCE:PORTS_UDP";
  if (demand.distinct_instance && count_of(candidate.groups, demand.group) > 0) {
    return kNotDistinct;
  }
  return {};
}

std::string detail_of(const std::string& reason, const Candidate& candidate, const Demand& demand) {
  if (reason == kTooManyTasks) {
    return "The container instance has " + std::to_string(demand.max_tasks) +
           " tasks, as many as max_tasks_per_instance allows.";
  }
  if (reason != kAttribute) return {};
  std::string missing;
  std::string hints;
  for (const std::string& name : demand.required_attributes) {
    if (candidate.attributes.contains(name)) continue;
    missing += (missing.empty() ? "Missing: " : ", ") + name;
    hints += hint_for(name);
  }
  std::string detail = missing.empty() ? missing : missing + ".";
  for (const model::NameValue& each : demand.platform) {
    if (!has_other_value(candidate, each)) continue;
    detail += (detail.empty() ? "" : " ") + each.name + " must be " + each.value + ", is " +
              candidate.attributes.at(each.name) + ".";
  }
  return detail + hints;
}

Obstacle obstacle_of(const std::string& reason) {
  if ((reason.starts_with("RESOURCE:") && reason != kNoGpus) || reason == kNotDistinct)
    return Obstacle::kRoom;
  if (reason == kNotMember) return Obstacle::kConstraint;
  return reason == "AGENT" || reason == "INACTIVE" ? Obstacle::kAgent : Obstacle::kAttribute;
}

bool room_would_help(const std::string& reason) { return obstacle_of(reason) == Obstacle::kRoom; }

const Failure& closest(const std::vector<Failure>& failures) {
  return *std::min_element(failures.begin(), failures.end(), [](const Failure& a, const Failure& b) {
    return obstacle_of(a.reason) < obstacle_of(b.reason);
  });
}

Plan place(std::vector<Candidate> candidates, const Demand& demand, shared::env::Random& random) {
  return Planner(std::move(candidates), demand, random).run();
}

Result<std::vector<Query>> parse_constraints(const std::vector<std::string>& expressions) {
  std::vector<Query> queries;
  for (const std::string& each : expressions) {
    auto query = Query::parse(each);
    if (!query) return query.error();
    queries.push_back(std::move(*query));
  }
  return queries;
}

}  // namespace agent::scheduler
