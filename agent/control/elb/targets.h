// Targets of target groups: registration and draining, and what the balancers say. The ordering promise is
// kept here: a draining target's row disappears only after every balancer has acknowledged a configuration in
// which it drains and reported it drained, or its deregistration delay has passed.
#pragma once
#include <string>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// What names a target of the group: an IP address for one of type ip. Error: InvalidTarget.
shared::Result<void> check_target_id(const model::TargetGroup& group, const std::string& id);

struct NewTarget {
  std::string target_group_arn;
  std::string id;          // of an instance, or an address, as the group's type has it
  std::uint16_t port = 0;  // 0: the group's
  std::string zone;
  std::string task_arn;  // empty: no task of ours
};
// Registers a target; the same (id, port) again while active is a no-op, while draining a new registration
// replaces nothing: the old one drains on under its own registration. Returns the registration. Errors:
// TargetGroupNotFound, InvalidTarget (unknown instance id, address that is no IP).
shared::Result<std::string> register_target(Step& step, const NewTarget& wanted);
// The host is reached at its present address from now on: active targets of type instance that name it move
// there, and what balancers said of them at the former address no longer counts. Draining ones stay where
// their open requests are.
void follow_host(Step& step, const model::ContainerInstance& host);
// Starts draining; unknown is a no-op. With a task ARN in the row the task keeps waiting until the row is
// gone.
void deregister_target(Step& step, const model::TaskTarget& target);
// The process behind it is gone: nothing to drain, out of the configuration at once.
void drop_target(Step& step, const model::TaskTarget& target);

// Removes targets whose draining is over (see above), forgets balancers that stayed away; of the groups that
// are on the agenda.
void reconcile_targets(Step& step);
// Of a draining target: the balancer routes by a configuration in which it drains; and has said since then
// that nothing is open towards it.
bool has_acknowledged(const BalancerView& view, const model::RegisteredTarget& target);
bool has_drained(const BalancerView& view, const model::RegisteredTarget& target);
// Messages of a balancer's feed, already decoded. They change State::live, and Balancer rows on hello and
// loss.
// A repeated greeting only makes sure of the row.
enum class Greeting { kNew, kRepeated };
void balancer_said_hello(Step& step, const lb::Hello& hello, Greeting greeting = Greeting::kNew);
void balancer_acknowledged(Step& step, const std::string& balancer_id, std::uint64_t version);
void balancer_refused(Step& step, const std::string& balancer_id, const lb::Refusal& refusal);
// False: it speaks of a version that control does not know, or of one before that it spoke of already; it
// says nothing, and nor do changes of it.
bool balancer_reported(Step& step, const std::string& balancer_id, const lb::Report& report);
// The report before was taken.
bool balancer_reported_changes(Step& step, const std::string& balancer_id, const lb::ReportDelta& delta);
void balancer_left(Step& step, const std::string& balancer_id);

}  // namespace agent::control
