// The apply pipeline: a Config comes in, is validated, gets its new listeners opened (before anything is
// taken away), is compiled, swapped in on every worker, and only then acknowledged. A Config that cannot be
// applied changes nothing. One at a time; of those that wait only the newest is applied. Parts
// that it shares with the one in force, or that are equal, cost nothing. Thread: main.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balancer/feed/board.h"
#include "balancer/proxy/worker/fleet.h"
#include "balancer/proxy/worker/snapshot.h"
#include "balancer/targets/anomaly.h"
#include "balancer/targets/checker.h"
#include "balancer/targets/target.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

// What becomes of a configuration with a listener whose address cannot be opened. A file is refused whole:
// its author waits for the answer. From control it is served but for that listener, or one user's port would
// hold up everybody's deployments; the listener follows once its address is free.
enum class TakenAddress { kRefuse, kServeTheRest };

class ApplyPipeline {
 public:
  // Error code "superseded": a newer Config came before this one's turn.
  using Done = std::function<void(const shared::lbconfig::Config&, const shared::Result<void>&)>;

  struct Parts {
    shared::env::Executor& executor;  // main's
    proxy::Fleet& fleet;
    targets::HealthChecker& checker;
    targets::AnomalyWatch& anomalies;
    proxy::StatsRegistry& stats;
    TargetBoard& board;
    std::string listen_address;  // replaces every listener's; empty: as configured
    TakenAddress taken_address = TakenAddress::kRefuse;
  };
  explicit ApplyPipeline(Parts parts)
      : parts_(std::move(parts)),
        registry_(parts_.fleet.size()),
        listeners_(parts_.listen_address, parts_.stats) {}

  // Errors name listener, address and reason ("listener 'web': bind 0.0.0.0:80: Address already in use").
  void apply(shared::lbconfig::Config config, Done done);
  void rotate_tickets() { listeners_.rotate_tickets(); }  // see proxy::ListenerCompiler
  tls::TicketKeys& tickets() { return listeners_.tickets(); }
  bool busy() const { return running_.has_value(); }  // a configuration is on its way to the workers
  // In force on every worker; null before the first one.
  const shared::lbconfig::Config* applied() const { return applied_ ? &*applied_ : nullptr; }
  // Listeners of the applied configuration that are not served, with the reasons.
  const std::vector<proxy::UnavailableListener>& unavailable() const { return unavailable_; }
  // One of them could be opened now: applying the same configuration again would serve it.
  bool some_became_available() const;

 private:
  struct Job {
    shared::lbconfig::Config config;
    Done done;
  };
  void start(Job job);
  shared::Result<void> hand_out(const shared::lbconfig::Config& config);
  void switched();
  void next();
  void tell_notes(const std::vector<std::shared_ptr<const proxy::CompiledListener>>& listeners);

  Parts parts_;
  targets::Registry registry_;
  proxy::ListenerCompiler listeners_;
  std::optional<shared::lbconfig::Config> applied_;
  std::vector<proxy::UnavailableListener> unavailable_;
  std::vector<std::shared_ptr<const tls::ServerContext>> told_contexts_;  // whose notes were logged
  std::optional<Job> running_;
  std::optional<Job> waiting_;
};

}  // namespace balancer::feed
