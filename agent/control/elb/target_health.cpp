#include "agent/control/elb/target_health.h"

#include <algorithm>
#include <set>

namespace agent::control {
namespace {

bool uses(const std::vector<lb::Action>& actions, const std::string& group) {
  return std::any_of(actions.begin(), actions.end(), [&](const lb::Action& action) {
    if (action.type != lb::ActionType::kForward) return false;
    const auto& groups = action.forward.target_groups;
    return std::any_of(groups.begin(), groups.end(),
                       [&](const auto& each) { return each.target_group == group; });
  });
}

bool is_used(const State& state, const std::string& group) {
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (uses(listener.default_actions, group)) return true;
  }
  for (const auto& [arn, rule] : state.rules.rows()) {
    if (uses(rule.actions, group)) return true;
  }
  return false;
}

TargetHealth registering() {
  return {lb::Health::kInitial, "Elb.RegistrationInProgress", "Target registration is in progress"};
}
TargetHealth checking() {
  return {lb::Health::kInitial, "Elb.InitialHealthChecking", "Initial health checks in progress"};
}

// 0 is best. What a balancer calls unused or draining while control holds the target active is an older
// configuration's view: it has yet to begin.
int badness(lb::Health health) {
  switch (health) {
    case lb::Health::kHealthy:
      return 0;
    case lb::Health::kUnavailable:
      return 1;
    case lb::Health::kInitial:
    case lb::Health::kUnused:
    case lb::Health::kDraining:
      return 2;
    case lb::Health::kUnhealthy:
      return 3;
  }
  return 2;
}

TargetHealth from_report(const lb::TargetReport& report) {
  switch (report.health) {
    case lb::Health::kHealthy:
      return {lb::Health::kHealthy, "", ""};
    case lb::Health::kUnavailable:
      return {lb::Health::kUnavailable, "Target.HealthCheckDisabled", "Health checks are disabled"};
    case lb::Health::kUnhealthy:
      if (report.reason.empty()) {
        return {lb::Health::kUnhealthy, "Target.FailedHealthChecks", "Health checks failed"};
      }
      return {lb::Health::kUnhealthy, report.reason, report.description};
    case lb::Health::kInitial:
    case lb::Health::kUnused:
    case lb::Health::kDraining:
      return checking();
  }
  return checking();
}

TargetHealth seen_by(const BalancerView& view, const model::RegisteredTarget& target) {
  const auto it = view.targets.find(target.registration);
  return it == view.targets.end() ? registering() : from_report(it->second);
}

TargetHealth health_in(const State& state, bool used, const model::RegisteredTarget& target) {
  if (target.state == lb::TargetState::kDraining) {
    return {lb::Health::kDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"};
  }
  if (!used) {
    return {lb::Health::kUnused, "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer"};
  }
  std::optional<TargetHealth> worst;
  bool any_connected = false;
  for (const auto& [id, view] : state.live.balancers) any_connected = any_connected || view.connected;
  for (const auto& [id, view] : state.live.balancers) {
    if (any_connected && !view.connected) continue;
    TargetHealth seen = seen_by(view, target);
    if (!worst || badness(seen.state) > badness(worst->state)) worst = std::move(seen);
  }
  if (!worst) return registering();
  // With nobody connected, the last word may be old: good enough to go on, not to condemn a task.
  if (!any_connected && worst->state == lb::Health::kUnhealthy) return checking();
  return *std::move(worst);
}

}  // namespace

const TargetLookup::Group& TargetLookup::group_of(const std::string& arn) {
  const auto [it, fresh] = groups_.try_emplace(arn);
  if (!fresh) return it->second;
  if (const model::TargetGroup* group = state_.target_groups.find(arn)) {
    it->second.used = is_used(state_, arn);
    it->second.rows.reserve(group->targets.size());
    for (const auto& row : group->targets) it->second.rows.emplace(row.registration, &row);
  }
  return it->second;
}

const model::RegisteredTarget* TargetLookup::find(const std::string& target_group_arn,
                                                  const std::string& registration) {
  const auto& rows = group_of(target_group_arn).rows;
  const auto it = rows.find(registration);
  return it == rows.end() ? nullptr : it->second;
}

TargetHealth TargetLookup::health(const std::string& target_group_arn, const model::RegisteredTarget& row) {
  return health_in(state_, group_of(target_group_arn).used, row);
}

std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn) {
  std::set<std::string> found;
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (uses(listener.default_actions, target_group_arn)) found.insert(listener.load_balancer_arn);
  }
  for (const auto& [arn, rule] : state.rules.rows()) {
    if (!uses(rule.actions, target_group_arn)) continue;
    if (const auto* listener = state.listeners.find(rule.listener_arn)) {
      found.insert(listener->load_balancer_arn);
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace agent::control
