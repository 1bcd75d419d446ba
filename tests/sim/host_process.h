// A host in simulation: a machine whose containers outlive the agent, and the shipped node on it.
#pragma once
#include <memory>
#include <string>

#include "agent/link/control_link.h"
#include "agent/node/node.h"
#include "agent/store/store.h"
#include "tests/sim/control_process.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"

namespace sim {

class HostProcess {
 public:
  HostProcess(World& world, Network& network, ControlProcess& control, std::string name, std::string address,
              agent::node::NodeSettings settings);
  ~HostProcess();

  void boot();
  void crash();
  bool up() const { return node_ != nullptr; }
  Process& process() { return process_; }
  Machine& machine() { return machine_; }
  const agent::node::Node& node() const { return *node_; }

 private:
  class Link;
  World& world_;
  Network& network_;
  ControlProcess& control_;
  Process process_;
  Machine machine_;
  agent::node::NodeSettings settings_;
  std::unique_ptr<agent::store::MemoryStore> store_ = std::make_unique<agent::store::MemoryStore>();
  std::unique_ptr<agent::cgroup::TaskCgroups> cgroups_ = agent::cgroup::disabled_task_cgroups();
  std::unique_ptr<Link> link_;
  std::unique_ptr<MachineRuntime> runtime_;
  std::unique_ptr<agent::node::Node> node_;
};

}  // namespace sim
