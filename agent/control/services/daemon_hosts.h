// Which hosts of its cluster a DAEMON service wants a task on, kept host by host. Derived, never stored.
// Thread: control's.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "agent/control/services/book.h"
#include "agent/control/services/daemon_plan.h"
#include "agent/control/state/step.h"
#include "agent/scheduler/placement.h"

namespace agent::control {

class DaemonHosts {
 public:
  // All hosts anew, by what the service's PRIMARY deployment asks for. Before this was called nothing is
  // wanted anywhere.
  void look_at_all(const Step& step, const model::Service& service);
  // The row of that key changed, or what runs there, or its agent came or went.
  void look_at(const State& state, const std::string& instance_key);
  // What one of its tasks takes.
  const model::Resources& each() const { return each_; }
  // Hosts with what the service has there. The names and keys in it are good until either changes.
  std::vector<DaemonHost> facts(const Book& book) const;

 private:
  struct Facts {
    DaemonStanding standing = DaemonStanding::kUnwanted;
    bool reachable = false;
  };
  std::optional<scheduler::Demand> demand_;  // what a host must be; none: nothing can be wanted
  model::Resources each_;
  std::string group_;
  std::map<std::string, Facts, std::less<>>
      hosts_;  // by instance id; those where something is wanted or left
};

// DAEMON services are of this cluster.
bool has_daemons(const State& state, std::string_view cluster);
// Row keys of its DAEMON services.
std::vector<std::string> daemons_of(const State& state, std::string_view cluster);

}  // namespace agent::control
