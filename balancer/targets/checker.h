// Health checks: one GET per interval to every active target of a group in use, on a connection of its own
// that is closed afterwards (ELBv2 section "health checks": User-Agent ELB-HealthChecker/2.0, the status code
// decides, redirects are not followed), over TLS with protocol HTTPS, where no certificate is verified; with
// protocol TCP a connection that comes about is a success. The
// first check follows registration at once, further ones are spread over the interval (check_schedule.h).
// While a target was never healthy, further ones come between those of the interval (100 ms after a failed
// one, then twice as long each time); of these only a success counts, so that thresholds keep their meaning.
// Publishes health into the TargetRuntimes, and every change to the owner. Not for traffic. Thread: its
// Loop's, except where said.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/targets/check_schedule.h"
#include "balancer/targets/health.h"
#include "balancer/targets/target.h"
#include "balancer/tls/client_context.h"
#include "shared/env/random.h"

namespace balancer::targets {

struct HealthChange {
  TargetKey key;
  Health health = Health::kInitial;
  std::string reason;
  std::string description;
};

// Targets that were healthy when a process before wrote them down, and when their slow start began; nothing:
// they take their full share.
using HealthyBefore = std::map<TargetKey, std::optional<shared::SteadyTime>>;

class HealthChecker {
 public:
  // `seed`: by which targets' checks are spread over their interval. `on_change` runs on the loop's thread.
  HealthChecker(loop::Loop& loop, std::uint64_t seed, std::function<void(HealthChange)> on_change);
  ~HealthChecker();

  // From any thread, before the first apply(): these go on where they were once they are found healthy, and
  // only others begin a slow start. Without this call nothing is known, and all targets of the first apply()
  // are taken for such as take their full share: who has just been started is not who has just been
  // registered.
  void remember(HealthyBefore before);
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
  tls::ClientContexts client_contexts_;  // for checks with HTTPS
  std::uint64_t generation_ = 0;         // of what apply() was given
  HealthyBefore before_;                 // those that have neither risen nor fallen yet
  bool remembers_ = false;
  std::unordered_map<const TargetRuntime*, std::unique_ptr<Check>> checks_;
  std::map<std::string, std::shared_ptr<const Group>, std::less<>> groups_;  // by id
};

}  // namespace balancer::targets
