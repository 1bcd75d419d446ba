// A configuration as the workers use it: routes compiled, target groups resolved to indices. Immutable,
// shared by all workers; replaced whole.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "balancer/loop/socket.h"
#include "balancer/proxy/stats.h"
#include "balancer/routing/route_table.h"
#include "balancer/targets/target.h"
#include "shared/base/result.h"
#include "shared/lbconfig/config.h"

namespace balancer::proxy {

struct CompiledListener {
  std::string id;
  std::string load_balancer;
  std::string dns_name;
  loop::Address address;
  std::uint16_t port = 0;
  shared::lbconfig::ListenerOptions options;
  routing::RouteTable routes;
  // For each action of `routes`: Snapshot::groups index of each of its target groups.
  std::vector<std::vector<std::size_t>> action_groups;
  std::shared_ptr<ListenerStats> stats;
};

struct Snapshot {
  std::uint64_t version = 0;
  std::vector<std::unique_ptr<const CompiledListener>> listeners;
  std::vector<std::shared_ptr<const targets::Group>> groups;
};

// Keeps the counters of listeners by id, for as long as the process runs. Thread: main.
class StatsRegistry {
 public:
  explicit StatsRegistry(std::size_t workers) : workers_(workers) {}
  std::shared_ptr<ListenerStats> of(const shared::lbconfig::Listener& listener);
  const std::map<std::string, std::shared_ptr<ListenerStats>>& all() const { return listeners_; }
  std::size_t workers() const { return workers_; }

 private:
  std::size_t workers_;
  std::map<std::string, std::shared_ptr<ListenerStats>> listeners_;
};

// `listen_address`: replaces every listener's address when not empty. Errors name the listener and the rule.
shared::Result<std::vector<std::unique_ptr<CompiledListener>>> compile_listeners(
    const shared::lbconfig::Config& config, const std::string& listen_address, StatsRegistry& stats);

}  // namespace balancer::proxy
