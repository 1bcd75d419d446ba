// The apply pipeline: a Config comes in, is validated, gets its new listeners opened (before anything is
// taken away), is compiled, swapped in on every worker, and only then acknowledged. A Config that cannot be
// applied changes nothing. One at a time; of those that wait only the newest is applied. Thread: main.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balancer/feed/board.h"
#include "balancer/proxy/fleet.h"
#include "balancer/proxy/snapshot.h"
#include "balancer/targets/checker.h"
#include "balancer/targets/target.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

class ApplyPipeline {
 public:
  // Error code "superseded": a newer Config came before this one's turn.
  using Done = std::function<void(const shared::lbconfig::Config&, const shared::Result<void>&)>;

  struct Parts {
    shared::env::Executor& executor;  // main's
    proxy::Fleet& fleet;
    targets::HealthChecker& checker;
    proxy::StatsRegistry& stats;
    TargetBoard& board;
    std::string listen_address;  // replaces every listener's; empty: as configured
  };
  explicit ApplyPipeline(Parts parts) : parts_(std::move(parts)), registry_(parts_.fleet.size()) {}

  // Errors name listener, address and reason ("listener 'web': bind 0.0.0.0:80: Address already in use").
  void apply(shared::lbconfig::Config config, Done done);
  // In force on every worker; null before the first one.
  const shared::lbconfig::Config* applied() const { return applied_ ? &*applied_ : nullptr; }

 private:
  struct Job {
    shared::lbconfig::Config config;
    Done done;
  };
  void start(Job job);
  shared::Result<void> hand_out(const shared::lbconfig::Config& config);
  void switched();
  void next();

  Parts parts_;
  targets::Registry registry_;
  std::optional<shared::lbconfig::Config> applied_;
  std::optional<Job> running_;
  std::optional<Job> waiting_;
};

}  // namespace balancer::feed
