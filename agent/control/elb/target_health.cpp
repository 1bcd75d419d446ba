#include "agent/control/elb/target_health.h"

#include <optional>
#include <set>

namespace agent::control {
namespace {

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

}  // namespace

TargetHealth health_of(const State& state, const model::RegisteredTarget& target) {
  if (target.state == lb::TargetState::kDraining) {
    return {lb::Health::kDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"};
  }
  if (!state.forward_index().is_used(target.target_group_arn)) {
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

std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn) {
  const ForwardIndex& forwards = state.forward_index();
  std::set<std::string> found;
  for (const std::string& arn : forwards.listeners_to(target_group_arn)) {
    found.insert(state.listeners.find(arn)->load_balancer_arn);
  }
  for (const std::string& arn : forwards.rules_to(target_group_arn)) {
    if (const auto* listener = state.listeners.find(state.rules.find(arn)->listener_arn)) {
      found.insert(listener->load_balancer_arn);
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace agent::control
