// A configuration as the workers use it: routes compiled, target groups resolved to indices. Immutable,
// shared by all workers; replaced whole, of parts that are the same again where nothing changed.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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
  std::vector<std::shared_ptr<const CompiledListener>> listeners;
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

// Compiles listeners. Those that a configuration shares with the one before are the same again as long as it
// has the same target groups in the same order. Thread: main.
class ListenerCompiler {
 public:
  // `listen_address`: replaces every listener's address when not empty.
  ListenerCompiler(std::string listen_address, StatsRegistry& stats)
      : listen_address_(std::move(listen_address)), stats_(stats) {}

  // Errors name the listener and the rule.
  shared::Result<std::vector<std::shared_ptr<const CompiledListener>>> compile(
      const shared::lbconfig::Config& config);

 private:
  using Source = shared::lbconfig::Part<shared::lbconfig::Listener>;
  using GroupIndex = std::map<std::string_view, std::size_t>;
  shared::Result<std::shared_ptr<const CompiledListener>> compile_one(
      const shared::lbconfig::Listener& source, const GroupIndex& groups);
  const std::string listen_address_;
  StatsRegistry& stats_;
  std::vector<std::string> groups_;  // ids, in order
  std::vector<std::pair<Source, std::shared_ptr<const CompiledListener>>> known_;
};

}  // namespace balancer::proxy
