// A registered target as the threads share it, and the target groups compiled from one configuration. The
// checker thread writes health, each worker writes its own load, everybody reads; all of it by atomics, so
// that no request ever waits. A TargetRuntime lives as long as any configuration or open connection that
// names it; the same registration keeps its runtime (health, load) over configuration changes.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "balancer/loop/socket.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/matcher.h"
#include "balancer/targets/outlier.h"
#include "balancer/targets/request_gate.h"
#include "balancer/targets/retry_budget.h"
#include "balancer/targets/selection.h"
#include "balancer/targets/traffic.h"
#include "balancer/tls/client_context.h"
#include "shared/base/result.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace balancer::targets {

// Of one group, over all workers; never reset.
struct GroupCounters {
  std::atomic<std::uint64_t> queued{0};      // requests that had to wait
  std::atomic<std::uint64_t> queue_full{0};  // of which could not
  std::atomic<std::uint64_t> queue_timeouts{0};
  std::atomic<std::uint64_t> held{0};       // requests that found no target and had to wait for one
  std::atomic<std::uint64_t> hold_full{0};  // that could not, as so many waited
  std::atomic<std::uint64_t> hold_timeouts{0};
  std::atomic<std::uint64_t> retries{0};  // where there is a budget
  std::atomic<std::uint64_t> retries_denied{0};
  std::atomic<std::uint64_t> ejections{0};
  std::atomic<std::uint64_t> ejections_denied{0};  // of targets that could not be spared
};

// What outlives the configurations of a group.
struct GroupRuntime {
  explicit GroupRuntime(std::size_t worker_count)
      : workers(worker_count), traffic(std::make_unique<GroupTraffic[]>(worker_count)) {}
  // Moves after every change of a member's health or weight; workers rebuild their rotation then.
  std::atomic<std::uint64_t> health_epoch{1};
  RequestGate gate;
  std::mutex mutex;  // of the budget and of the members' ejections
  RetryBudget budget;
  GroupCounters counters;
  const std::size_t workers;
  const std::unique_ptr<GroupTraffic[]> traffic;  // of each worker
};

// What became of the requests that were sent to a target, or should have been: `failures` are 5xx answers of
// it and connections that could not be made or broke before an answer.
struct Outcomes {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
};

class TargetRuntime {
 public:
  TargetRuntime(TargetKey named, const shared::lbconfig::Target& target, const loop::Address& at,
                std::shared_ptr<const tls::ClientContext> secured, shared::lbconfig::ProtocolVersion spoken,
                std::size_t workers,
                shared::lbconfig::ProxyProtocol begins_with = shared::lbconfig::ProxyProtocol::kOff)
      : key(std::move(named)),
        id(target.id),
        port(target.port),
        address(at),
        tls(std::move(secured)),
        version(spoken),
        proxy_protocol(begins_with),
        workers_(workers),
        loads_(std::make_unique<Load[]>(workers)) {}

  const TargetKey key;
  const std::string id;
  const std::uint16_t port;
  const loop::Address address;
  const std::shared_ptr<const tls::ClientContext> tls;  // null: spoken to without
  const shared::lbconfig::ProtocolVersion version;
  const shared::lbconfig::ProxyProtocol proxy_protocol;  // what connections to it begin with

  std::atomic<shared::lbconfig::Health> health{shared::lbconfig::Health::kInitial};
  std::atomic<std::int64_t> slow_start_from{0};  // SteadyTime in ns, 0: none

  // By worker `w` only.
  void opened(std::size_t w) { loads_[w].requests.fetch_add(1, std::memory_order_relaxed); }
  void closed(std::size_t w) { loads_[w].requests.fetch_sub(1, std::memory_order_release); }
  std::uint64_t in_flight() const {
    std::uint64_t sum = 0;
    for (std::size_t w = 0; w < workers_; ++w) sum += loads_[w].requests.load(std::memory_order_acquire);
    return sum;
  }
  // By worker `w` only: once for each request that this target was chosen for, when its outcome is known.
  void count_outcome(std::size_t w, bool failed) {
    loads_[w].outcomes.fetch_add(1, std::memory_order_relaxed);
    if (failed) loads_[w].failures.fetch_add(1, std::memory_order_relaxed);
  }
  Outcomes outcomes() const {
    Outcomes sum;
    for (std::size_t w = 0; w < workers_; ++w) {
      // Failures first: there are never more of them than of requests.
      sum.failures += loads_[w].failures.load(std::memory_order_acquire);
      sum.requests += loads_[w].outcomes.load(std::memory_order_acquire);
    }
    return sum;
  }
  // By AnomalyWatch. True: the weight is another one than before.
  bool stands(std::uint16_t new_weight, bool is_anomalous) {
    anomalous.store(is_anomalous, std::memory_order_relaxed);
    return weight.exchange(new_weight, std::memory_order_acq_rel) != new_weight;
  }
  // Of groups with outlier_ejection only: failed requests since the last one that did not.
  std::atomic<std::uint32_t> failures_in_row{0};
  std::atomic<bool> ejected{false};
  EjectionHistory ejections;  // with GroupRuntime::mutex

  std::atomic<bool> anomalous{false};
  std::atomic<std::uint16_t> weight{Candidate().weight};  // below: its share is being lowered

  Candidate candidate() const;

 private:
  struct alignas(64) Load {  // a cache line each: workers do not disturb one another
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> outcomes{0};
    std::atomic<std::uint64_t> failures{0};
  };
  std::size_t workers_;
  std::unique_ptr<Load[]> loads_;
};

// Of DrainingTarget::cut_at: what is open goes on until a side ends it.
inline constexpr shared::SteadyTime kNeverCut = shared::SteadyTime::max();

struct DrainingTarget {
  std::shared_ptr<TargetRuntime> target;
  shared::SteadyTime cut_at{};
};

// One target group of one configuration; immutable.
struct Group {
  std::string id;
  std::string name;
  SelectionOptions selection;
  shared::lbconfig::HealthCheck health_check;
  Matcher matcher;
  bool in_use = false;  // a listener can forward to it
  bool anomaly_mitigation = false;
  shared::lbconfig::Stickiness stickiness{};
  shared::lbconfig::Compression compression{};
  shared::lbconfig::ProtocolVersion protocol_version = shared::lbconfig::ProtocolVersion::kHttp1;
  shared::lbconfig::Protocol protocol = shared::lbconfig::Protocol::kHttp;
  shared::lbconfig::StreamSettings stream{};
  std::optional<shared::lbconfig::RequestLimit> request_limit{};
  std::optional<shared::lbconfig::HoldRequests> hold_requests{};
  bool has_gate() const { return request_limit || hold_requests; }
  std::optional<shared::lbconfig::RetryBudget> retry_budget{};
  std::optional<shared::lbconfig::OutlierEjection> outlier_ejection{};
  std::optional<shared::lbconfig::Maintenance> maintenance{};
  std::uint64_t sequence = 0;  // rises with each Group that a Registry makes
  std::shared_ptr<GroupRuntime> runtime;
  std::vector<std::shared_ptr<TargetRuntime>> active;
  std::vector<DrainingTarget> draining;

  // After a change of a member's health, weight or ejection. Thread: any.
  void tell_of_members() const;
  // A request's outcome at a member; for groups with outlier_ejection. Something: it gets no requests for so
  // long, then readmit() is to be called. Thread: any.
  std::optional<shared::Millis> judge(TargetRuntime& target, bool failed, shared::SteadyTime now) const;
  void readmit(TargetRuntime& target) const;
};

// Compiles target groups and keeps the runtimes of known registrations. A group that a configuration shares
// with the one before is the same Group again. Thread: main.
class Registry {
 public:
  explicit Registry(std::size_t workers) : workers_(workers) {}

  // Errors name the group or the target. `drains` must have seen the configuration already. Changes nothing
  // on error.
  shared::Result<std::vector<std::shared_ptr<const Group>>> compile(const shared::lbconfig::Config& config,
                                                                    const DrainTracker& drains);

 private:
  struct Known {
    const shared::lbconfig::Target* source = nullptr;  // in Compiled::source
    std::shared_ptr<TargetRuntime> runtime;
  };
  struct Compiled {
    shared::lbconfig::Part<shared::lbconfig::TargetGroup> source;
    std::shared_ptr<const Group> group;
    std::unordered_map<std::string_view, Known> targets;  // by registration
  };
  using Source = shared::lbconfig::Part<shared::lbconfig::TargetGroup>;
  shared::Result<std::shared_ptr<const Compiled>> compile_group(const Source& source, const Compiled* former,
                                                                bool in_use, const DrainTracker& drains);

  std::size_t workers_;
  std::uint64_t sequence_ = 0;
  tls::ClientContexts client_contexts_;
  std::map<std::string, std::shared_ptr<const Compiled>, std::less<>> groups_;
  // What groups_in_use() said of these.
  std::vector<shared::lbconfig::Part<shared::lbconfig::Listener>> listeners_;
  std::set<std::string> used_;
};

}  // namespace balancer::targets
