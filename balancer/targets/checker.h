// Health checks: one GET per interval to every active target of a group in use, on a connection of its own
// that is closed afterwards (ELBv2 section "health checks": User-Agent ELB-HealthChecker/2.0, the status code
// decides, redirects are not followed). The first check follows registration at once, further ones are spread
// over the interval (check_schedule.h). While a target was
// never healthy, further ones come between those of the interval (100 ms after a failed one, then twice as
// long each time); of these only a success counts, so that thresholds keep their meaning. Publishes health
// into the TargetRuntimes, and every change to the owner. Not for traffic. Thread: its Loop's, except where
// said.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/targets/check_schedule.h"
#include "balancer/targets/health.h"
#include "balancer/targets/target.h"
#include "shared/env/random.h"

namespace balancer::targets {

struct HealthChange {
  TargetKey key;
  Health health = Health::kInitial;
  std::string reason;
  std::string description;
};

class HealthChecker {
 public:
  // `seed`: by which targets' checks are spread over their interval. `on_change` runs on the loop's thread.
  HealthChecker(loop::Loop& loop, std::uint64_t seed, std::function<void(HealthChange)> on_change);
  ~HealthChecker();

  // From any thread: from now on check these. Known targets keep their state; others start as initial. Groups
  // that are the same as before cost nothing.
  void apply(std::vector<std::shared_ptr<const Group>> groups);
  // On the loop's thread, before the loop dies: closes probes and stops timers.
  void stop();

  struct Check;  // one target under observation

 private:
  void apply_here(const std::vector<std::shared_ptr<const Group>>& groups);
  void observe(const std::shared_ptr<const Group>& group);
  void forget(const Group& group);
  void finished(Check& check, const CheckOutcome& outcome);
  void publish(Check& check, Health before);
  friend struct Check;

  loop::Loop& loop_;
  shared::env::SeededRandom random_;
  std::function<void(HealthChange)> on_change_;
  std::uint64_t generation_ = 0;  // of what apply() was given
  std::unordered_map<const TargetRuntime*, std::unique_ptr<Check>> checks_;
  std::map<std::string, std::shared_ptr<const Group>, std::less<>> groups_;  // by id
};

}  // namespace balancer::targets
