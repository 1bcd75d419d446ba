// Listeners and their rules as control keeps them: creating, changing, deleting, and what ELBv2 forbids.
// Values arrive decoded; texts and codes of errors are ELBv2's, as in load_balancers.h.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Of HTTPS and TLS listeners. What is absent stays as it is, or takes its default in a new listener.
struct TlsChange {
  std::optional<std::string> policy;
  std::optional<std::vector<std::string>> certificates;  // ARNs; exactly one, the default certificate
  std::optional<lb::ClientAuthentication> client;        // HTTPS only
  std::optional<std::string> alpn;                       // TLS only: a word of kAlpnPolicies
};
inline constexpr std::pair<std::string_view, lb::AlpnPolicy> kAlpnPolicies[] = {
    {"HTTP1Only", lb::AlpnPolicy::kHttp1Only},
    {"HTTP2Only", lb::AlpnPolicy::kHttp2Only},
    {"HTTP2Optional", lb::AlpnPolicy::kHttp2Optional},
    {"HTTP2Preferred", lb::AlpnPolicy::kHttp2Preferred},
    {"None", lb::AlpnPolicy::kNone}};
// AWS's 25 can be raised there; these are as many as balancers take of a listener, without the default one.
inline constexpr std::size_t kMaxCertificatesPerLoadBalancer = lb::kMaxListenerCertificates - 1;

struct CreateListener {
  std::string load_balancer_arn;
  std::string protocol;
  std::optional<int> port;
  std::vector<lb::Action> default_actions;
  std::vector<model::Tag> tags;
  TlsChange tls{};
};
// Errors: LoadBalancerNotFound, TargetGroupNotFound, DuplicateListener, TooManyListeners,
// UnsupportedProtocol, TargetGroupAssociationLimit, TooManyUniqueTargetGroupsPerLoadBalancer,
// SSLPolicyNotFound, CertificateNotFound, TrustStoreNotFound and those of check_actions. All load balancers
// share the balancers' address: a port belongs to one listener of them all.
shared::Result<std::string> create_listener(Step& step, const CreateListener& request);
struct ModifyListener {
  std::string arn;
  std::optional<std::string> protocol;
  std::optional<int> port;
  std::optional<std::vector<lb::Action>> default_actions;
  TlsChange tls{};
};
// Errors: ListenerNotFound and those of create_listener.
shared::Result<void> modify_listener(Step& step, const ModifyListener& request);
// Errors: ListenerNotFound and those of attributes.h; all or nothing.
shared::Result<void> modify_listener_attributes(Step& step, const std::string& arn,
                                                const std::vector<model::NameValue>& changes);
// The certificates beside the default one. One that is there already, or is not there any more, is a success.
// Errors: ListenerNotFound, CertificateNotFound, TooManyCertificates, OperationNotPermitted (removing the
// default one).
shared::Result<void> add_listener_certificates(Step& step, const std::string& arn,
                                               const std::vector<std::string>& certificates);
shared::Result<void> remove_listener_certificates(Step& step, const std::string& arn,
                                                  const std::vector<std::string>& certificates);
// Errors: ListenerNotFound.
shared::Result<void> delete_listener(Step& step, const std::string& arn);
shared::Result<const model::Listener*> find_listener(const State& state, const std::string& arn);

struct CreateRule {
  std::string listener_arn;
  int priority = 0;
  std::vector<lb::Condition> conditions;
  std::vector<lb::Action> actions;
  std::vector<model::Tag> tags;
  lb::Rewrites rewrites{};
};
// Errors: ListenerNotFound, PriorityInUse, TooManyRules and those of create_listener's actions.
shared::Result<std::string> create_rule(Step& step, const CreateRule& request);
struct ModifyRule {
  std::string arn;  // of a default rule too: its actions are the listener's default actions
  std::optional<std::vector<lb::Condition>> conditions;
  std::optional<std::vector<lb::Action>> actions;
  std::optional<lb::Rewrites> rewrites;  // empty ones: remove
};
// Errors: RuleNotFound, OperationNotPermitted (conditions or transforms of a default rule).
shared::Result<void> modify_rule(Step& step, const ModifyRule& request);
// The actions of a rule, a default one too; nullptr: there is none. Good until it changes.
const std::vector<lb::Action>* actions_of_rule(const State& state, const std::string& rule_arn);
// What modify_rule says of such actions.
shared::Result<void> check_rule_actions(const State& state, const std::string& rule_arn,
                                        const std::vector<lb::Action>& actions);
// How a configuration routes by the rule; nullptr: its listener or the rule is not in it.
const lb::Action* published_action_of_rule(const lb::Config& config, const State& state,
                                           const std::string& rule_arn);
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
// ARNs of the target groups that its listeners and their rules forward to.
std::set<std::string> groups_of_load_balancer(const State& state, const std::string& load_balancer_arn);
// The listener whose default rule this is; nullptr if there is none.
const model::Listener* find_by_default_rule(const State& state, const std::string& rule_arn);

}  // namespace agent::control
