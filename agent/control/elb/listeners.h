// Listeners and their rules as control keeps them: creating, changing, deleting, and what ELBv2 forbids.
// Values arrive decoded; texts and codes of errors are ELBv2's, as in load_balancers.h.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct CreateListener {
  std::string load_balancer_arn;
  std::string protocol;
  std::optional<int> port;
  std::vector<lb::Action> default_actions;
  std::vector<model::Tag> tags;
};
// Errors: LoadBalancerNotFound, TargetGroupNotFound, DuplicateListener, TooManyListeners,
// UnsupportedProtocol, TargetGroupAssociationLimit, TooManyUniqueTargetGroupsPerLoadBalancer and those of
// check_actions. All load balancers share the balancers' address: a port belongs to one listener of them all.
shared::Result<std::string> create_listener(Step& step, const CreateListener& request);
struct ModifyListener {
  std::string arn;
  std::optional<std::string> protocol;
  std::optional<int> port;
  std::optional<std::vector<lb::Action>> default_actions;
};
// Errors: ListenerNotFound and those of create_listener.
shared::Result<void> modify_listener(Step& step, const ModifyListener& request);
// Errors: ListenerNotFound and those of attributes.h; all or nothing.
shared::Result<void> modify_listener_attributes(Step& step, const std::string& arn,
                                                const std::vector<model::NameValue>& changes);
// Errors: ListenerNotFound.
shared::Result<void> delete_listener(Step& step, const std::string& arn);
shared::Result<const model::Listener*> find_listener(const State& state, const std::string& arn);

struct CreateRule {
  std::string listener_arn;
  int priority = 0;
  std::vector<lb::Condition> conditions;
  std::vector<lb::Action> actions;
  std::vector<model::Tag> tags;
};
// Errors: ListenerNotFound, PriorityInUse, TooManyRules and those of create_listener's actions.
shared::Result<std::string> create_rule(Step& step, const CreateRule& request);
struct ModifyRule {
  std::string arn;  // of a default rule too: its actions are the listener's default actions
  std::optional<std::vector<lb::Condition>> conditions;
  std::optional<std::vector<lb::Action>> actions;
};
// Errors: RuleNotFound, OperationNotPermitted (conditions of a default rule).
shared::Result<void> modify_rule(Step& step, const ModifyRule& request);
// Errors: RuleNotFound, OperationNotPermitted (a default rule).
shared::Result<void> delete_rule(Step& step, const std::string& arn);
struct RulePriority {
  std::string arn;
  int priority = 0;
};
// Only the outcome must be free of clashes, so that rules can swap. Errors: RuleNotFound, PriorityInUse,
// OperationNotPermitted.
shared::Result<void> set_rule_priorities(Step& step, const std::vector<RulePriority>& priorities);
// Rules of a listener by ascending priority, without the default rule.
std::vector<const model::Rule*> rules_of(const State& state, const std::string& listener_arn);
// The listener whose default rule this is; nullptr if there is none.
const model::Listener* find_by_default_rule(const State& state, const std::string& rule_arn);

}  // namespace agent::control
