// What this host can give and which task holds what (the ECS agent's host resource accounting). Pure
// bookkeeping.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "agent/node/settings.h"
#include "agent/node/task/task_state.h"

namespace agent::node {

struct Demand {
  std::int64_t cpu = 0;     // ECS units
  std::int64_t memory = 0;  // MiB
  std::set<int> tcp;
  std::set<int> udp;
};
// Task limits where set, else the sum over containers; dynamic ports (0) are not counted.
Demand demand_of(const Task& task);

// Where the engine may choose host ports: the longest part of `range` without a reserved port. Nothing: there
// is none.
std::optional<PortRange> unreserved(PortRange range, const std::set<int>& reserved);

class HostResources {
 public:
  explicit HostResources(const NodeSettings& settings);
  bool fits(const Demand& demand) const;
  // Also without room: a task that runs already when the agent starts holds what it holds.
  void take(const std::string& task_arn, const Demand& demand);
  void release(const std::string& task_arn);

 private:
  std::int64_t cpu_;
  std::int64_t memory_;
  std::set<int> reserved_tcp_;
  std::set<int> reserved_udp_;
  std::map<std::string, Demand> held_;
};

}  // namespace agent::node
