#include "balancer/targets/health.h"

namespace balancer::targets {

bool HealthMachine::move_to(Health to) {
  health_ = to;
  successes_ = failures_ = 0;
  checked_ = false;
  return true;
}

bool HealthMachine::on_event(HealthEvent event) {
  const auto to = next_health(health_, event);
  return to && move_to(*to);
}

bool HealthMachine::on_check(const CheckOutcome& outcome, const shared::lbconfig::HealthCheck& check) {
  if (health_ != Health::kInitial && health_ != Health::kHealthy && health_ != Health::kUnhealthy)
    return false;
  const std::string reason_before(reason());
  const std::string description_before = description();
  if (outcome.kind == CheckOutcome::Kind::kPassed) {
    failures_ = 0;
    ++successes_;
    const int needed = health_ == Health::kInitial ? 1 : check.healthy_threshold;
    if (successes_ >= needed && on_event(HealthEvent::kRose)) return true;
  } else {
    successes_ = 0;
    ++failures_;
    last_failure_ = outcome;
    if (failures_ >= check.unhealthy_threshold && on_event(HealthEvent::kFell)) return true;
  }
  checked_ = true;
  return reason_before != reason() || description_before != description();
}

std::string_view HealthMachine::reason() const {
  switch (health_) {
    case Health::kInitial:
      return checked_ ? "Elb.InitialHealthChecking" : "Elb.RegistrationInProgress";
    case Health::kHealthy:
      return "";
    case Health::kDraining:
      return "Target.DeregistrationInProgress";
    case Health::kUnused:
      return "Target.NotInUse";
    case Health::kUnavailable:
      return "Target.HealthCheckDisabled";
    case Health::kUnhealthy:
      break;
  }
  switch (last_failure_.kind) {
    case CheckOutcome::Kind::kWrongCode:
      return "Target.ResponseCodeMismatch";
    case CheckOutcome::Kind::kTimeout:
      return "Target.Timeout";
    case CheckOutcome::Kind::kInternalError:
      return "Elb.InternalError";
    case CheckOutcome::Kind::kPassed:
    case CheckOutcome::Kind::kFailed:
      break;
  }
  return "Target.FailedHealthChecks";
}

std::string HealthMachine::description() const {
  switch (health_) {
    case Health::kInitial:
      return checked_ ? "Initial health checks in progress" : "Target registration is in progress";
    case Health::kHealthy:
      return "";
    case Health::kDraining:
      return "Target deregistration is in progress";
    case Health::kUnused:
      return "Target group is not configured to receive traffic from the load balancer";
    case Health::kUnavailable:
      return "Health checks are disabled";
    case Health::kUnhealthy:
      break;
  }
  switch (last_failure_.kind) {
    case CheckOutcome::Kind::kWrongCode:
      return "Health checks failed with these codes: [" + std::to_string(last_failure_.code) + "]";
    case CheckOutcome::Kind::kTimeout:
      return "Request timed out";
    case CheckOutcome::Kind::kInternalError:
      return "Health checks failed due to an internal error";
    case CheckOutcome::Kind::kPassed:
    case CheckOutcome::Kind::kFailed:
      break;
  }
  return "Health checks failed";
}

}  // namespace balancer::targets
