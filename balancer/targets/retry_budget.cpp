#include "balancer/targets/retry_budget.h"

namespace balancer::targets {

RetryBudget::Second& RetryBudget::second_of(shared::SteadyTime now) {
  const std::int64_t at = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  Second& second = seconds_[static_cast<std::size_t>(at) % kRetryWindowSeconds];
  if (second.at != at) second = Second{at, 0, 0};
  return second;
}

bool RetryBudget::take(const shared::lbconfig::RetryBudget& rule, shared::SteadyTime now) {
  Second& current = second_of(now);
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  for (const Second& second : seconds_) {
    if (current.at - second.at >= static_cast<std::int64_t>(kRetryWindowSeconds)) continue;
    requests += second.requests;
    retries += second.retries;
  }
  const std::uint64_t minimum = static_cast<std::uint64_t>(rule.minimum_per_second) * kRetryWindowSeconds;
  if (retries >= minimum + requests * static_cast<std::uint64_t>(rule.percent) / 100) return false;
  ++current.retries;
  return true;
}

}  // namespace balancer::targets
