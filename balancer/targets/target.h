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
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "balancer/loop/socket.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/matcher.h"
#include "balancer/targets/selection.h"
#include "shared/base/result.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace balancer::targets {

// Bumped by the checker after every change of a member's health; workers rebuild their rotation when it
// moved.
struct GroupRuntime {
  std::atomic<std::uint64_t> health_epoch{1};
};

class TargetRuntime {
 public:
  TargetRuntime(TargetKey named, const shared::lbconfig::Target& target, const loop::Address& at,
                std::size_t workers)
      : key(std::move(named)),
        id(target.id),
        port(target.port),
        address(at),
        workers_(workers),
        loads_(std::make_unique<Load[]>(workers)) {}

  const TargetKey key;
  const std::string id;
  const std::uint16_t port;
  const loop::Address address;

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
  Candidate candidate() const;

 private:
  struct alignas(64) Load {  // a cache line each: workers do not disturb one another
    std::atomic<std::uint64_t> requests{0};
  };
  std::size_t workers_;
  std::unique_ptr<Load[]> loads_;
};

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
  std::shared_ptr<GroupRuntime> runtime;
  std::vector<std::shared_ptr<TargetRuntime>> active;
  std::vector<DrainingTarget> draining;
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
                                                                bool in_use,
                                                                const DrainTracker& drains) const;

  std::size_t workers_;
  std::map<std::string, std::shared_ptr<const Compiled>, std::less<>> groups_;
  // What groups_in_use() said of these.
  std::vector<shared::lbconfig::Part<shared::lbconfig::Listener>> listeners_;
  std::set<std::string> used_;
};

}  // namespace balancer::targets
