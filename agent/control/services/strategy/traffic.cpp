#include "agent/control/services/strategy/traffic.h"

#include <algorithm>
#include <set>

#include "agent/control/elb/attributes.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"

namespace agent::control {
namespace {

using model::DeploymentStrategy;
using model::ServiceLoadBalancer;
using shared::Millis;
using shared::Result;

constexpr int kPercent = 10;  // thousandths
// After which a connected balancer that has not acknowledged is as good as away.
constexpr Millis kShiftGrace = lb::kFeedSilence;

// A weight is 999 at most: percent where they are whole.
std::pair<int, int> weights(int share) {
  if (share % kPercent == 0) return {share / kPercent, (model::kWhole - share) / kPercent};
  return {share, model::kWhole - share};
}

bool has_group(const ServiceLoadBalancer& balancer, const std::string& group) {
  return !group.empty() &&
         (balancer.target_group_arn == group || balancer.alternate_target_group_arn == group);
}

// The load balancer of `all` that is meant by `wanted`: with one of its groups, or its rule.
const ServiceLoadBalancer* same_in(const std::vector<ServiceLoadBalancer>& all,
                                   const ServiceLoadBalancer& wanted) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const ServiceLoadBalancer& each) {
    return has_group(wanted, each.target_group_arn) ||
           (!wanted.production_rule.empty() && wanted.production_rule == each.production_rule);
  });
  return it == all.end() ? nullptr : &*it;
}

std::vector<lb::Action> with_shares(const std::vector<lb::Action>& actions, const Shares& shares) {
  std::vector<lb::Action> out = actions;
  const auto [to, rest] = weights(shares.share);
  std::vector<lb::WeightedTargetGroup> groups{{shares.to, to}, {shares.from, rest}};
  // Always in the same order, so that who compares sees the weights change and nothing else.
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.target_group < b.target_group; });
  out.back().forward.target_groups = std::move(groups);
  return out;
}

Result<void> check_rule(const State& state, const model::Strategy& strategy, const char* member,
                        const std::string& rule, const ServiceLoadBalancer& wanted,
                        const std::vector<ServiceLoadBalancer>& before) {
  const auto* actions = actions_of_rule(state, rule);
  if (actions == nullptr) {
    return invalid_parameter(std::string(member) + ": the listener rule '" + rule +
                             "' does not exist. Listeners of network load balancers cannot be named there.");
  }
  if (actions->size() != 1 || actions->back().type != lb::ActionType::kForward) {
    return invalid_parameter(std::string(member) + ": the listener rule '" + rule + "' does not forward.");
  }
  for (const lb::WeightedTargetGroup& each : actions->back().forward.target_groups) {
    const bool known = has_group(wanted, each.target_group) ||
                       std::any_of(before.begin(), before.end(), [&](const ServiceLoadBalancer& old) {
                         return has_group(old, each.target_group);
                       });
    if (known) continue;
    return invalid_parameter(std::string(member) + ": the listener rule '" + rule + "' forwards to '" +
                             each.target_group +
                             "', which is neither the targetGroupArn nor the alternateTargetGroupArn.");
  }
  const bool steps = strategy.kind != DeploymentStrategy::kBlueGreen;
  const Shares split{rule, wanted.target_group_arn, wanted.alternate_target_group_arn,
                     steps ? model::kWhole / 2 : model::kWhole};
  if (auto ok = check_rule_actions(state, rule, with_shares(*actions, split)); !ok)
    return invalid_parameter(std::string(member) + ": " + ok.error().text());
  return {};
}

// What its rule may be given without the check of the other members.
Result<void> check_balancer(const State& state, const model::Strategy& strategy,
                            const ServiceLoadBalancer& wanted,
                            const std::vector<ServiceLoadBalancer>& before) {
  if (wanted.alternate_target_group_arn.empty()) {
    return invalid_parameter(
        "advancedConfiguration with an alternateTargetGroupArn and a productionListenerRule must be given "
        "for each "
        "load balancer with the deployment strategy BLUE_GREEN, LINEAR or CANARY.");
  }
  const model::TargetGroup* first = state.target_groups.find(wanted.target_group_arn);
  const model::TargetGroup* other = state.target_groups.find(wanted.alternate_target_group_arn);
  if (other == nullptr) {
    return invalid_parameter("alternateTargetGroupArn: the target group '" +
                             wanted.alternate_target_group_arn + "' does not exist.");
  }
  if (first != nullptr && first->target_type != other->target_type) {
    return invalid_parameter("alternateTargetGroupArn: its target type " + other->target_type +
                             " is not that of targetGroupArn, " + first->target_type + ".");
  }
  if (auto ok = check_rule(state, strategy, "productionListenerRule", wanted.production_rule, wanted, before);
      !ok)
    return ok;
  if (wanted.test_rule.empty()) return {};
  if (wanted.test_rule == wanted.production_rule)
    return invalid_parameter("testListenerRule must not be the productionListenerRule.");
  return check_rule(state, strategy, "testListenerRule", wanted.test_rule, wanted, before);
}

std::vector<std::string> groups_in(const std::vector<Shares>& shares) {
  std::vector<std::string> groups;
  for (const Shares& each : shares) {
    groups.push_back(each.to);
    groups.push_back(each.from);
  }
  return groups;
}

Millis longest_delay(const State& state, const std::vector<Shares>& shares) {
  Millis longest{0};
  for (const std::string& arn : groups_in(shares)) {
    const model::TargetGroup* group = state.target_groups.find(arn);
    if (group == nullptr) continue;
    longest =
        std::max(longest, Millis(target_group_number(*group, "deregistration_delay.timeout_seconds") * 1000));
  }
  return longest;
}

}  // namespace

std::vector<ServiceLoadBalancer> groups_for(const std::vector<ServiceLoadBalancer>& wanted,
                                            const model::Deployment* source, bool other) {
  std::vector<ServiceLoadBalancer> out = wanted;
  for (ServiceLoadBalancer& each : out) {
    if (each.alternate_target_group_arn.empty() || source == nullptr) continue;
    const ServiceLoadBalancer* present = same_in(source->load_balancers, each);
    if (present == nullptr || !has_group(each, present->target_group_arn)) continue;
    const bool has_first = present->target_group_arn == each.target_group_arn;
    if (has_first == other) std::swap(each.target_group_arn, each.alternate_target_group_arn);
  }
  return out;
}

Result<void> check_traffic(const State& state, const model::Strategy& strategy,
                           const std::vector<ServiceLoadBalancer>& wanted,
                           const std::vector<ServiceLoadBalancer>& before) {
  if (strategy.kind == DeploymentStrategy::kRolling) return {};
  const bool steps = strategy.kind != DeploymentStrategy::kBlueGreen;
  if (wanted.empty() && steps) {
    return invalid_parameter(
        "The deployment strategies LINEAR and CANARY shift traffic in steps and need loadBalancers. Without "
        "any use BLUE_GREEN or ROLLING.");
  }
  for (const ServiceLoadBalancer& each : wanted) {
    if (auto ok = check_balancer(state, strategy, each, before); !ok) return ok;
  }
  return {};
}

std::vector<Shares> shares_of(const model::Service& service) {
  std::vector<Shares> shares;
  if (service.deployments.empty()) return shares;
  const model::Deployment& primary = service.deployments.front();
  const model::Deployment* source = find_deployment(service, primary.rollout.source);
  for (const ServiceLoadBalancer& each : primary.load_balancers) {
    if (each.production_rule.empty()) continue;
    std::string from = each.alternate_target_group_arn;
    if (source != nullptr) {
      const ServiceLoadBalancer* present = same_in(source->load_balancers, each);
      if (present != nullptr && present->target_group_arn != each.target_group_arn)
        from = present->target_group_arn;
    }
    shares.push_back({each.production_rule, each.target_group_arn, from, primary.rollout.production});
    if (!each.test_rule.empty())
      shares.push_back({each.test_rule, each.target_group_arn, from, primary.rollout.test});
  }
  return shares;
}

Result<void> set_shares(Step& step, const std::vector<Shares>& shares) {
  for (const Shares& each : shares) {
    const auto* actions = actions_of_rule(step.state, each.rule);
    if (actions == nullptr || actions->empty() || actions->back().type != lb::ActionType::kForward) {
      return shared::Error("rule", "the listener rule '" + each.rule + "' does not forward any more");
    }
    auto wanted = with_shares(*actions, each);
    if (wanted == *actions) continue;
    ModifyRule change;
    change.arn = each.rule;
    change.actions = std::move(wanted);
    if (auto ok = modify_rule(step, change); !ok)
      return shared::Error("rule", "the listener rule '" + each.rule + "': " + ok.error().text());
  }
  return {};
}

bool is_published(const State& state, const std::vector<Shares>& shares) {
  if (state.published == nullptr || state.published->version == 0) return false;
  return std::all_of(shares.begin(), shares.end(), [&](const Shares& each) {
    const auto* actions = actions_of_rule(state, each.rule);
    if (actions == nullptr || actions->empty()) return false;
    const lb::Action* routed = published_action_of_rule(*state.published, state, each.rule);
    // A listener that is in no configuration, without certificates say, routes nobody.
    return routed == nullptr || *routed == with_shares(*actions, each).back();
  });
}

bool is_routed(Step& step, const std::vector<Shares>& shares, std::uint64_t version, shared::WallTime begun) {
  if (BERTH_PLANTED(kShiftWithoutAcknowledgement)) return true;
  const State& state = step.state;
  bool all = true;
  bool connected = true;
  for (const auto& [id, row] : state.balancers.rows()) {
    const auto view = state.live.balancers.find(id);
    const bool here = view != state.live.balancers.end() && view->second.connected;
    const bool routes = view != state.live.balancers.end() && view->second.acked_version >= version;
    all = all && routes;
    connected = connected && (!here || routes);
  }
  if (all) return true;
  const shared::WallTime limit = begun + longest_delay(state, shares);
  if (step.now < limit) {
    step.wake_at(limit);
    return false;
  }
  if (connected || step.now >= limit + kShiftGrace) return true;
  step.wake_at(limit + kShiftGrace);
  return false;
}

}  // namespace agent::control
