// What must hold in every state, whatever happened before: for the simulation and for tests, which call it
// after every step. Walks all rows; not for production paths.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/control/state/state.h"

namespace agent::control {

// Each violated one as a sentence naming the rows; empty if all hold.
std::vector<std::string> check_invariants(const State& state);

// What must hold between one state and the next. Feed it every state that was made durable, in order; a
// restarted control plane goes on with the same checker.
class TransitionChecker {
 public:
  std::vector<std::string> check(const State& state);

 private:
  std::set<std::string> stopped_;  // task ARNs
  std::map<std::string, model::TaskStatus> last_status_;
  std::uint64_t config_version_ = 0;
  std::uint64_t message_counter_ = 0;
};

}  // namespace agent::control
