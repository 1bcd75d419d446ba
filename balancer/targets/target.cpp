#include "balancer/targets/target.h"

#include <set>

namespace balancer::targets {

using shared::Error;
using shared::Result;
using shared::SteadyTime;

namespace {

void collect(const shared::lbconfig::Action& action, std::set<std::string>& used) {
  if (action.type != shared::lbconfig::ActionType::kForward) return;
  for (const auto& weighted : action.forward.target_groups) used.insert(weighted.target_group);
}

std::set<std::string> groups_in_use(const shared::lbconfig::Config& config) {
  std::set<std::string> used;
  for (const auto& listener : config.listeners) {
    collect(listener.default_action, used);
    for (const auto& rule : listener.rules) collect(rule.action, used);
  }
  return used;
}

}  // namespace

Candidate TargetRuntime::candidate() const {
  Candidate out;
  out.health = health.load(std::memory_order_acquire);
  if (const std::int64_t from = slow_start_from.load(std::memory_order_acquire); from != 0)
    out.slow_start_from = SteadyTime(std::chrono::nanoseconds(from));
  return out;
}

Result<std::vector<std::shared_ptr<const Group>>> Registry::compile(const shared::lbconfig::Config& config,
                                                                    const DrainTracker& drains) {
  const std::set<std::string> used = groups_in_use(config);
  std::map<Identity, std::shared_ptr<TargetRuntime>> targets;
  std::map<std::string, std::shared_ptr<GroupRuntime>> groups;
  std::vector<std::shared_ptr<const Group>> out;
  for (const auto& source : config.target_groups) {
    auto matcher = Matcher::parse(source.health_check.matcher);
    if (!matcher) return matcher.error().within("target group '" + source.id + "'");
    auto group = std::make_shared<Group>();
    group->id = source.id;
    group->name = source.name;
    group->selection = selection_options(source);
    group->health_check = source.health_check;
    group->matcher = std::move(matcher).value();
    group->in_use = used.count(source.id) != 0;
    const auto known_group = groups_.find(source.id);
    group->runtime = known_group != groups_.end() ? known_group->second : std::make_shared<GroupRuntime>();
    groups.emplace(source.id, group->runtime);
    for (const auto& target : source.targets) {
      const Identity identity{source.id, target.registration, target.address, target.port};
      const auto known = targets_.find(identity);
      std::shared_ptr<TargetRuntime> runtime;
      if (known != targets_.end()) {
        runtime = known->second;
      } else {
        auto address = loop::make_address(target.address, target.port);
        if (!address) return address.error().within("target '" + target.id + "' of '" + source.id + "'");
        runtime = std::make_shared<TargetRuntime>(TargetKey{source.id, target.registration}, target, *address,
                                                  workers_);
      }
      targets.emplace(identity, runtime);
      if (target.state == shared::lbconfig::TargetState::kActive) {
        group->active.push_back(std::move(runtime));
      } else {
        const auto cut = drains.cut_at({source.id, target.registration});
        BERTH_CHECK(cut.has_value(), "the drain tracker has not seen this configuration");
        group->draining.push_back({std::move(runtime), *cut});
      }
    }
    out.push_back(std::move(group));
  }
  targets_.swap(targets);
  groups_.swap(groups);
  return out;
}

}  // namespace balancer::targets
