// Lifecycle hooks in simulation: they answer late, sometimes nothing, and for one execution always the same
// in the end.
#pragma once
#include <functional>
#include <set>
#include <string>

#include "agent/hooks/caller.h"
#include "tests/sim/world.h"

namespace sim {

class SimHooks final : public agent::hooks::Caller {
 public:
  // `control` is the process that calls.
  SimHooks(World& world, Process& control) : world_(world), control_(control) {}
  void call(agent::hooks::Call call, std::function<void(agent::hooks::Reply)> done) override;

  std::function<void(const std::string&)> on_violation;
  // ARNs of service deployments of which control has heard that a hook of theirs FAILED.
  std::set<std::string> failed;

 private:
  agent::hooks::Reply answer_of(const std::string& execution);
  World& world_;
  Process& control_;
  std::uint64_t life_ = 0;      // of the process, in which these are open
  std::set<std::string> open_;  // execution ids
};

}  // namespace sim
