// Where production and test rules send requests while a deployment shifts traffic: from which target group to
// which, and whether balancers do so already.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// The target groups of a deployment's tasks: as the service asks for, and of the two groups of a load
// balancer the one that `source` has (nullptr: the first), or with `other` the one that it does not have.
std::vector<model::ServiceLoadBalancer> groups_for(const std::vector<model::ServiceLoadBalancer>& wanted,
                                                   const model::Deployment* source, bool other);

// What creating a service or a deployment with this strategy asks of its load balancers and rules. `before`:
// what the service had. InvalidParameterException, which names the member.
shared::Result<void> check_traffic(const State& state, const model::Strategy& strategy,
                                   const std::vector<model::ServiceLoadBalancer>& wanted,
                                   const std::vector<model::ServiceLoadBalancer>& before);

// Whom a rule sends requests to, in thousandths of them.
struct Shares {
  std::string rule;  // ARN
  std::string to;    // ARN of the target group that gets `share`
  std::string from;  // of the one that gets the rest
  int share = 0;
};
// What production and test rules are to do for the PRIMARY deployment. Empty: nothing shifts.
std::vector<Shares> shares_of(const model::Service& service);
// The rules do so from now on. Error: a rule is not there, or may not.
shared::Result<void> set_shares(Step& step, const std::vector<Shares>& shares);
// The configuration that was published last does so.
bool is_published(const State& state, const std::vector<Shares>& shares);
// All balancers route by this configuration. One that is away, or says nothing, is waited for until the
// longest deregistration delay of the groups has passed since `begun`, as it would be when targets drain.
// Wakes the step's subject.
bool is_routed(Step& step, const std::vector<Shares>& shares, std::uint64_t version, shared::WallTime begun);

}  // namespace agent::control
