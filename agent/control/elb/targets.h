// Targets of target groups: registration, draining, health as the balancers report it, and the configuration
// that balancers apply. The ordering promise is kept here: a draining target's row disappears only after
// every balancer has acknowledged a configuration in which it drains and reported it drained, or its
// deregistration delay has passed.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Registers a target; the same (id, port) again while active is a no-op, while draining a new registration
// replaces nothing: the old one drains on under its own registration. Returns the registration. Errors:
// TargetGroupNotFound, InvalidTarget (unknown instance id, address that is no IP).
shared::Result<std::string> register_target(Step& step, const std::string& target_group_arn,
                                            const std::string& id, std::uint16_t port,
                                            const std::string& zone, const std::string& task_arn);
// The host is reached at its present address from now on: active targets of type instance that name it move
// there, and what balancers said of them at the former address no longer counts. Draining ones stay where
// their open requests are.
void follow_host(Step& step, const model::ContainerInstance& host);
// Starts draining; unknown is a no-op. With a task ARN in the row the task keeps waiting until the row is
// gone.
void deregister_target(Step& step, const std::string& target_group_arn, const std::string& registration);
// The process behind it is gone: nothing to drain, out of the configuration at once.
void drop_target(Step& step, const std::string& target_group_arn, const std::string& registration);

struct TargetHealth {
  lb::Health state = lb::Health::kInitial;
  std::string reason;  // ELBv2 reason code, empty when healthy
  std::string description;
};
// Finds rows and tells their health without walking groups, listeners and rules each time. Valid until target
// groups, listeners or rules change.
class TargetLookup {
 public:
  explicit TargetLookup(const State& state) : state_(state) {}
  // nullptr: no such row.
  const model::RegisteredTarget* find(const std::string& target_group_arn, const std::string& registration);
  // Of a row of that group. Over all connected balancers: the worst; unused when no listener or rule uses the
  // group.
  TargetHealth health(const std::string& target_group_arn, const model::RegisteredTarget& row);
  const State& state() const { return state_; }

 private:
  struct Group {
    bool used = false;
    std::unordered_map<std::string_view, const model::RegisteredTarget*> rows;
  };
  const Group& group_of(const std::string& arn);
  const State& state_;
  std::map<std::string, Group> groups_;
};
// ARNs of the load balancers whose listeners or rules use the group.
std::vector<std::string> load_balancers_of(const State& state, const std::string& target_group_arn);
// Attribute value, or ELBv2's default.
std::string target_group_attribute(const model::TargetGroup& group, const std::string& key);
std::string load_balancer_attribute(const model::LoadBalancer& balancer, const std::string& key);

// Removes targets whose draining is over (see above), forgets balancers that stayed away, sets step.wake.
void reconcile_targets(Step& step);
// Rebuilds the balancers' configuration if load balancing rows changed; raises config_version and notes
// drain_version of newly draining targets when it differs. Runs last in every batch.
void publish(Step& step);
std::shared_ptr<const lb::Config> build_config(const State& state, const Settings& settings);

// Messages of a balancer's feed, already decoded. They change State::live, and Balancer rows on hello and
// loss.
void balancer_said_hello(Step& step, const lb::Hello& hello);
void balancer_acknowledged(Step& step, const std::string& balancer_id, std::uint64_t version);
void balancer_refused(Step& step, const std::string& balancer_id, const lb::Refusal& refusal);
void balancer_reported(Step& step, const std::string& balancer_id, const lb::Report& report);
void balancer_left(Step& step, const std::string& balancer_id);

}  // namespace agent::control
