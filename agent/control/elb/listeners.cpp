#include "agent/control/elb/listeners.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/control/elb/attributes.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/elb/rules.h"
#include "agent/control/elb/tags.h"
#include "agent/control/elb/target_health.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "shared/lbconfig/tls_policy.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;
using Actions = std::vector<lb::Action>;

constexpr std::size_t kListenerIdDigits = 16;

// Nothing of a connection is looked at before it is forwarded.
Result<void> check_stream_action(const lb::Action& action) {
  if (action.type != lb::ActionType::kForward) {
    return fault("InvalidLoadBalancerAction",
                 "Listeners of network load balancers support only actions of type 'forward'");
  }
  if (action.forward.target_groups.size() == 1 && !action.forward.sticky) return {};
  return fault("InvalidLoadBalancerAction",
               "A forward action of a network load balancer must have exactly one target group and no target "
               "group stickiness");
}

bool may_forward(std::string_view listener, std::string_view group) {
  if (!model::is_stream(listener)) return !model::is_stream(group);
  return group == "TCP" || group == listener;
}

// Values in range, groups there, and none of them with another load balancer.
Result<void> check_usable(const State& state, const std::string& load_balancer_arn, std::string_view protocol,
                          const Actions& actions) {
  if (auto ok = check_actions(actions, protocol); !ok) return ok;
  if (model::is_stream(protocol)) {
    if (auto ok = check_stream_action(actions.front()); !ok) return ok;
  }
  const std::set<std::string> wanted = target_groups_in(actions);
  for (const auto& group : wanted) {
    const auto found = find_target_group(state, group);
    if (!found) return found.error();
    if (!may_forward(protocol, (*found)->protocol)) {
      return fault("InvalidConfigurationRequest", "Listener protocol '" + std::string(protocol) +
                                                      "' is not supported with a target group with the "
                                                      "protocol '" +
                                                      (*found)->protocol + "'");
    }
    if (protocol != "HTTPS" && (*found)->protocol_version != "HTTP1") {
      return fault("InvalidConfigurationRequest",
                   "Listener protocol '" + std::string(protocol) +
                       "' is not supported with a target group with the protocol-version '" +
                       (*found)->protocol_version + "'");
    }
    for (const auto& user : load_balancers_of(state, group)) {
      if (user != load_balancer_arn) {
        return fault("TargetGroupAssociationLimit",
                     "The following target groups cannot be associated with more than one load "
                     "balancer: " +
                         group);
      }
    }
  }
  for (const auto& action : actions) {
    if (!splits_without_stickiness(action)) continue;
    for (const auto& each : action.forward.target_groups) {
      const auto* group = state.target_groups.find(each.target_group);
      if (group != nullptr && target_group_attribute(*group, "stickiness.enabled") == "true")
        return group_stickiness_missing();
    }
  }
  auto all = groups_of_load_balancer(state, load_balancer_arn);
  all.insert(wanted.begin(), wanted.end());
  if (all.size() > kMaxGroupsPerLoadBalancer) {
    return fault("TooManyUniqueTargetGroupsPerLoadBalancer",
                 "The maximum number of target groups for a load balancer has been reached: " +
                     std::to_string(kMaxGroupsPerLoadBalancer));
  }
  return {};
}

Result<void> check_protocol(const std::string& balancer_type, const std::string& protocol) {
  const bool network = balancer_type == model::kNetworkType;
  if (protocol.empty()) return validation_error("A protocol must be specified");
  const bool http = protocol == "HTTP" || protocol == "HTTPS";
  if (network ? model::is_stream(protocol) : http) return {};
  if (network && !http) {
    return fault("UnsupportedProtocol", "Protocol '" + protocol +
                                            "' is not offered here: listeners of network load balancers "
                                            "have the protocol TCP or TLS");
  }
  return validation_error("Listener protocol '" + protocol + "' must be one of '" +
                          (network ? "TCP, TLS" : "HTTP, HTTPS") + "'");
}

Result<std::uint16_t> checked_port(const std::optional<int>& port) {
  if (!port) return validation_error("A port must be specified");
  if (*port < 1 || *port > 65535) {
    return validation_error("Port '" + std::to_string(*port) + "' must be between 1 and 65535");
  }
  return static_cast<std::uint16_t>(*port);
}

// The listener that has this port at the address of that load balancer.
const model::Listener* listener_on(const Step& step, const std::string& load_balancer, std::uint16_t port) {
  const auto address = [&](const std::string& arn) {
    const auto* row = step.state.load_balancers.find(arn);
    return row == nullptr ? std::string() : address_of(*row, step.settings);
  };
  const std::string wanted = address(load_balancer);
  for (const auto& [arn, listener] : step.state.listeners.rows()) {
    if (listener.port == port && address(listener.load_balancer_arn) == wanted) return &listener;
  }
  return nullptr;
}

Error port_taken(const State& state, const model::Listener& holder, const std::string& load_balancer_arn) {
  if (holder.load_balancer_arn == load_balancer_arn) {
    return fault("DuplicateListener",
                 "A listener already exists on this port for this load balancer '" + load_balancer_arn + "'");
  }
  const auto* other = state.load_balancers.find(holder.load_balancer_arn);
  return fault("DuplicateListener",
               "Port " + std::to_string(holder.port) + " is already used by a listener of load balancer '" +
                   (other == nullptr ? holder.load_balancer_arn : other->name) +
                   "' at the same address: more addresses (--listener-address) have room for more");
}

Result<void> check_certificate(const State& state, const std::string& arn) {
  if (const model::Certificate* found = state.certificates.find(arn)) {
    if (!found->body.empty()) return {};
    return fault("UnsupportedCertificate",
                 "Certificate '" + arn + "' has not been issued: DescribeCertificate tells its status");
  }
  return fault("CertificateNotFound", "Certificate '" + arn.substr(0, aws::kQuotedArnBytes) +
                                          "' not found: import it into ACM first");
}

Result<void> apply_client(const State& state, const lb::ClientAuthentication& client, model::Listener& row) {
  if (client.mode == lb::ClientCertificates::kVerify) {
    if (client.trust_store.empty())
      return validation_error(
          "A trust store ARN must be specified for mutual authentication in mode 'verify'");
    if (state.trust_stores.find(client.trust_store) == nullptr) {
      return fault("TrustStoreNotFound",
                   "Trust store '" + client.trust_store.substr(0, aws::kQuotedArnBytes) + "' not found");
    }
    row.client = client;
    return {};
  }
  const lb::ClientAuthentication plain{client.mode, "", false, false};
  if (client != plain) {
    return validation_error(
        "TrustStoreArn, IgnoreClientCertificateExpiry and AdvertiseTrustStoreCaNames are for mutual "
        "authentication in mode 'verify'");
  }
  row.client = client;
  return {};
}

// What an HTTPS listener has is dropped with the protocol.
Result<void> forget_tls(const TlsChange& change, model::Listener& row) {
  if (change.policy || change.certificates) {
    return fault("InvalidConfigurationRequest",
                 "SslPolicy and Certificates cannot be specified for " + row.protocol + " listeners");
  }
  row.ssl_policy.clear();
  row.certificate.clear();
  row.certificates.clear();
  row.client = {};
  return {};
}

Result<void> apply_alpn(const TlsChange& change, model::Listener& row) {
  if (row.protocol != "TLS") {
    row.alpn.clear();
    if (!change.alpn) return {};
    return fault("InvalidConfigurationRequest",
                 "AlpnPolicy is for TLS listeners of network load balancers: HTTPS listeners offer h2 and "
                 "http/1.1 as routing.http2.enabled says");
  }
  if (change.alpn) row.alpn = *change.alpn;
  return {};
}

Result<void> apply_tls(const State& state, const TlsChange& change, model::Listener& row) {
  if (auto ok = apply_alpn(change, row); !ok) return ok;
  if (row.protocol != "HTTPS" && change.client && change.client->mode != lb::ClientCertificates::kOff) {
    return fault("InvalidConfigurationRequest",
                 "MutualAuthentication cannot be specified for " + row.protocol + " listeners");
  }
  if (!model::has_tls(row.protocol)) return forget_tls(change, row);
  if (change.policy) row.ssl_policy = *change.policy;
  if (row.ssl_policy.empty()) row.ssl_policy = lb::kDefaultTlsPolicy;
  if (lb::find_tls_policy(row.ssl_policy) == nullptr)
    return fault("SSLPolicyNotFound", "SSL policy '" + row.ssl_policy + "' not found");
  if (change.certificates) {
    if (change.certificates->size() > 1) {
      return validation_error("Only one certificate, the default one, can be specified here, but " +
                              std::to_string(change.certificates->size()) +
                              " were: add others with AddListenerCertificates");
    }
    row.certificate = change.certificates->empty() ? std::string() : change.certificates->front();
  }
  if (row.certificate.empty()) {
    return validation_error("A certificate must be specified for " + row.protocol + " listeners");
  }
  if (auto ok = check_certificate(state, row.certificate); !ok) return ok;
  if (change.client && row.protocol == "HTTPS") return apply_client(state, *change.client, row);
  return {};
}

// CreateListener, called again with the same members, finds what it made.
bool created_alike(const model::Listener& a, const model::Listener& b) {
  return a.load_balancer_arn == b.load_balancer_arn && a.protocol == b.protocol &&
         a.default_actions == b.default_actions && a.ssl_policy == b.ssl_policy &&
         a.certificate == b.certificate && a.client == b.client && a.alpn == b.alpn;
}

// Actions that were right for the protocol of before may not be for this one.
Result<void> check_protocol_of_actions(const State& state, const model::Listener& listener) {
  const auto check = [&](const Actions& actions) {
    return check_usable(state, listener.load_balancer_arn, listener.protocol, actions);
  };
  if (auto ok = check(listener.default_actions); !ok) return ok;
  for (const model::Rule* rule : rules_of(state, listener.arn)) {
    if (auto ok = check(rule->actions); !ok) return ok;
  }
  return {};
}

Result<const model::Listener*> find_https_listener(const State& state, const std::string& arn,
                                                   const std::vector<std::string>& certificates) {
  auto found = find_listener(state, arn);
  if (!found) return found;
  if (!model::has_tls((*found)->protocol))
    return fault("InvalidConfigurationRequest", "Only HTTPS and TLS listeners have certificates");
  if (certificates.empty()) return validation_error("At least one certificate must be specified");
  for (const std::string& each : certificates) {
    if (auto ok = check_certificate(state, each); !ok) return ok.error();
  }
  return found;
}

std::string new_rule_arn(Step& step, const std::string& listener_arn) {
  return aws::rule_arn(listener_arn, step.random.hex(kListenerIdDigits));
}

Result<void> check_priority(int priority) {
  if (priority >= kMinPriority && priority <= kMaxPriority) return {};
  return validation_error("Priority '" + std::to_string(priority) + "' must be between 1 and 50000");
}

Error priority_in_use(int priority) {
  return fault("PriorityInUse", "Priority '" + std::to_string(priority) + "' is currently in use");
}

Error rule_not_found() { return fault("RuleNotFound", "One or more rules not found"); }

std::size_t rules_of_load_balancer(const State& state, const std::string& arn) {
  return static_cast<std::size_t>(
      std::count_if(state.rules.rows().begin(), state.rules.rows().end(), [&](const auto& each) {
        const auto* listener = state.listeners.find(each.second.listener_arn);
        return listener != nullptr && listener->load_balancer_arn == arn;
      }));
}

Result<void> modify_default_rule(Step& step, const model::Listener& listener, const ModifyRule& request) {
  if (request.conditions && !request.conditions->empty()) {
    return fault("OperationNotPermitted", "Conditions of a default rule cannot be modified");
  }
  if (request.rewrites && *request.rewrites != lb::Rewrites()) {
    return fault("OperationNotPermitted", "Transforms cannot be added to a default rule");
  }
  if (!request.actions) return {};
  if (auto ok = check_usable(step.state, listener.load_balancer_arn, listener.protocol, *request.actions);
      !ok)
    return ok;
  rows(step).listeners.edit(listener.arn, [&](auto& row) { row.default_actions = *request.actions; });
  return {};
}

}  // namespace

Result<const model::Listener*> find_listener(const State& state, const std::string& arn) {
  if (const auto* row = state.listeners.find(arn)) return row;
  return fault("ListenerNotFound", "One or more listeners not found");
}

Result<std::string> create_listener(Step& step, const CreateListener& request) {
  State& state = rows(step);
  auto balancer = find_load_balancer(state, request.load_balancer_arn);
  if (!balancer) return balancer.error();
  if (auto ok = check_protocol((*balancer)->type, request.protocol); !ok) return ok.error();
  auto port = checked_port(request.port);
  if (!port) return port.error();
  if (auto ok = check_elb_tags(request.tags); !ok) return ok.error();
  model::Listener row;
  row.load_balancer_arn = request.load_balancer_arn;
  row.port = *port;
  row.protocol = request.protocol;
  row.default_actions = request.default_actions;
  if (auto ok = apply_tls(state, request.tls, row); !ok) return ok.error();
  if (auto ok = check_usable(state, request.load_balancer_arn, request.protocol, request.default_actions);
      !ok)
    return ok.error();
  if (const auto* holder = listener_on(step, request.load_balancer_arn, *port)) {
    if (created_alike(*holder, row)) return holder->arn;
    return port_taken(state, *holder, request.load_balancer_arn);
  }
  const auto count = std::count_if(
      state.listeners.rows().begin(), state.listeners.rows().end(),
      [&](const auto& each) { return each.second.load_balancer_arn == request.load_balancer_arn; });
  if (static_cast<std::size_t>(count) >= kMaxListenersPerLoadBalancer) {
    return fault("TooManyListeners", "The maximum number of listeners has been reached: " +
                                         std::to_string(kMaxListenersPerLoadBalancer));
  }
  row.arn = aws::listener_arn((*balancer)->arn, step.random.hex(kListenerIdDigits));
  row.default_rule_arn = new_rule_arn(step, row.arn);
  row.tags = request.tags;
  row.created_at = step.now;
  const std::string arn = row.arn;
  state.listeners.put(arn, std::move(row));
  return arn;
}

Result<void> modify_listener(Step& step, const ModifyListener& request) {
  State& state = rows(step);
  auto found = find_listener(state, request.arn);
  if (!found) return found.error();
  model::Listener changed = **found;
  if (request.protocol) {
    const auto balancer = find_load_balancer(state, changed.load_balancer_arn);
    if (!balancer) return balancer.error();
    if (auto ok = check_protocol((*balancer)->type, *request.protocol); !ok) return ok;
    changed.protocol = *request.protocol;
  }
  if (request.port) {
    auto port = checked_port(request.port);
    if (!port) return port.error();
    const auto* holder = listener_on(step, changed.load_balancer_arn, *port);
    if (holder != nullptr && holder->arn != request.arn) {
      return port_taken(state, *holder, changed.load_balancer_arn);
    }
    changed.port = *port;
  }
  if (request.default_actions) {
    if (auto ok = check_usable(state, changed.load_balancer_arn, changed.protocol, *request.default_actions);
        !ok)
      return ok;
    changed.default_actions = *request.default_actions;
  }
  if (auto ok = apply_tls(state, request.tls, changed); !ok) return ok;
  if (changed.protocol != (*found)->protocol) {
    if (auto ok = check_protocol_of_actions(state, changed); !ok) return ok;
  }
  state.listeners.put(request.arn, std::move(changed));
  return {};
}

Result<void> add_listener_certificates(Step& step, const std::string& arn,
                                       const std::vector<std::string>& certificates) {
  const auto found = find_https_listener(step.state, arn, certificates);
  if (!found) return found.error();
  auto list = (*found)->certificates;
  for (const std::string& each : certificates) {
    if (std::find(list.begin(), list.end(), each) == list.end()) list.push_back(each);
  }
  std::size_t count = list.size();
  for (const auto& [other, listener] : step.state.listeners.rows()) {
    const bool counts = listener.load_balancer_arn == (*found)->load_balancer_arn && other != arn;
    if (counts) count += listener.certificates.size();
  }
  if (count > kMaxCertificatesPerLoadBalancer) {
    return fault("TooManyCertificates",
                 "The maximum number of certificates for a load balancer has been "
                 "reached: " +
                     std::to_string(kMaxCertificatesPerLoadBalancer));
  }
  rows(step).listeners.edit(arn, [&](auto& row) { row.certificates = std::move(list); });
  return {};
}

Result<void> remove_listener_certificates(Step& step, const std::string& arn,
                                          const std::vector<std::string>& certificates) {
  const auto found = find_https_listener(step.state, arn, certificates);
  if (!found) return found.error();
  auto list = (*found)->certificates;
  for (const std::string& each : certificates) {
    if (std::erase(list, each) == 0 && each == (*found)->certificate) {
      return fault(
          "OperationNotPermitted",
          "Certificate '" + each + "' is the default certificate of the listener and cannot be removed");
    }
  }
  rows(step).listeners.edit(arn, [&](auto& row) { row.certificates = std::move(list); });
  return {};
}

Result<void> modify_listener_attributes(Step& step, const std::string& arn,
                                        const std::vector<model::NameValue>& changes) {
  return modify_attributes(rows(step).listeners, find_listener(step.state, arn), changes);
}

Result<void> delete_listener(Step& step, const std::string& arn) {
  if (auto found = find_listener(step.state, arn); !found) return found.error();
  std::vector<std::string> rules;
  for (const model::Rule* rule : rules_of(step.state, arn)) rules.push_back(rule->arn);
  for (const auto& rule : rules) rows(step).rules.erase(rule);
  rows(step).listeners.erase(arn);
  return {};
}

std::set<std::string> groups_of_load_balancer(const State& state, const std::string& arn) {
  std::set<std::string> groups;
  for (const auto& [key, listener] : state.listeners.rows()) {
    if (listener.load_balancer_arn == arn) groups.merge(target_groups_in(listener.default_actions));
  }
  for (const auto& [key, rule] : state.rules.rows()) {
    const auto* listener = state.listeners.find(rule.listener_arn);
    if (listener != nullptr && listener->load_balancer_arn == arn)
      groups.merge(target_groups_in(rule.actions));
  }
  return groups;
}

std::vector<const model::Rule*> rules_of(const State& state, const std::string& listener_arn) {
  std::vector<const model::Rule*> rules;
  for (const auto& [arn, rule] : state.rules.rows()) {
    if (rule.listener_arn == listener_arn) rules.push_back(&rule);
  }
  std::sort(rules.begin(), rules.end(),
            [](const model::Rule* a, const model::Rule* b) { return a->priority < b->priority; });
  return rules;
}

const model::Listener* find_by_default_rule(const State& state, const std::string& rule_arn) {
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (listener.default_rule_arn == rule_arn) return &listener;
  }
  return nullptr;
}

Result<std::string> create_rule(Step& step, const CreateRule& request) {
  State& state = rows(step);
  auto listener = find_listener(state, request.listener_arn);
  if (!listener) return listener.error();
  const std::string load_balancer = (*listener)->load_balancer_arn;
  if (model::is_stream((*listener)->protocol)) {
    return fault(
        "InvalidConfigurationRequest",
        "Rules cannot be added to listeners of network load balancers: their default action forwards "
        "every connection");
  }
  if (auto ok = check_priority(request.priority); !ok) return ok.error();
  if (auto ok = check_conditions(request.conditions); !ok) return ok.error();
  if (auto ok = check_rewrites(request.rewrites); !ok) return ok.error();
  if (auto ok = check_elb_tags(request.tags); !ok) return ok.error();
  if (auto ok = check_usable(state, load_balancer, (*listener)->protocol, request.actions); !ok)
    return ok.error();
  for (const model::Rule* rule : rules_of(state, request.listener_arn)) {
    if (rule->priority == request.priority) return priority_in_use(request.priority);
  }
  if (rules_of_load_balancer(state, load_balancer) >= kMaxRulesPerLoadBalancer) {
    return fault("TooManyRules",
                 "The maximum number of rules has been reached: " + std::to_string(kMaxRulesPerLoadBalancer));
  }
  model::Rule row;
  row.arn = new_rule_arn(step, request.listener_arn);
  row.listener_arn = request.listener_arn;
  row.priority = request.priority;
  row.conditions = request.conditions;
  row.actions = request.actions;
  row.rewrites = request.rewrites;
  row.tags = request.tags;
  const std::string arn = row.arn;
  state.rules.put(arn, std::move(row));
  return arn;
}

Result<void> modify_rule(Step& step, const ModifyRule& request) {
  State& state = rows(step);
  if (const auto* listener = find_by_default_rule(state, request.arn)) {
    return modify_default_rule(step, *listener, request);
  }
  const auto* found = state.rules.find(request.arn);
  if (found == nullptr) return rule_not_found();
  model::Rule changed = *found;
  if (request.conditions) {
    if (auto ok = check_conditions(*request.conditions); !ok) return ok;
    changed.conditions = *request.conditions;
  }
  if (request.rewrites) {
    if (auto ok = check_rewrites(*request.rewrites); !ok) return ok;
    changed.rewrites = *request.rewrites;
  }
  if (request.actions) {
    const auto* listener = state.listeners.find(changed.listener_arn);
    if (listener == nullptr) return rule_not_found();
    if (auto ok = check_usable(state, listener->load_balancer_arn, listener->protocol, *request.actions); !ok)
      return ok;
    changed.actions = *request.actions;
  }
  state.rules.put(request.arn, std::move(changed));
  return {};
}

const std::vector<lb::Action>* actions_of_rule(const State& state, const std::string& rule_arn) {
  if (const auto* rule = state.rules.find(rule_arn)) return &rule->actions;
  const auto* listener = find_by_default_rule(state, rule_arn);
  return listener == nullptr ? nullptr : &listener->default_actions;
}

Result<void> check_rule_actions(const State& state, const std::string& rule_arn,
                                const std::vector<lb::Action>& actions) {
  const auto* rule = state.rules.find(rule_arn);
  const auto* listener =
      rule != nullptr ? state.listeners.find(rule->listener_arn) : find_by_default_rule(state, rule_arn);
  if (listener == nullptr) return rule_not_found();
  return check_usable(state, listener->load_balancer_arn, listener->protocol, actions);
}

const lb::Action* published_action_of_rule(const lb::Config& config, const State& state,
                                           const std::string& rule_arn) {
  const auto* rule = state.rules.find(rule_arn);
  const auto* by_default = rule == nullptr ? find_by_default_rule(state, rule_arn) : nullptr;
  const std::string listener = rule != nullptr         ? rule->listener_arn
                               : by_default != nullptr ? by_default->arn
                                                       : std::string();
  for (const auto& each : config.listeners) {
    if (each->id != listener) continue;
    if (rule == nullptr) return &each->default_action;
    const auto found = std::find_if(each->rules.begin(), each->rules.end(),
                                    [&](const lb::Rule& one) { return one.id == rule_arn; });
    return found == each->rules.end() ? nullptr : &found->action;
  }
  return nullptr;
}

Result<void> delete_rule(Step& step, const std::string& arn) {
  if (find_by_default_rule(step.state, arn) != nullptr) {
    return fault("OperationNotPermitted", "Default rule '" + arn + "' cannot be deleted");
  }
  if (step.state.rules.find(arn) == nullptr) return rule_not_found();
  rows(step).rules.erase(arn);
  return {};
}

Result<void> set_rule_priorities(Step& step, const std::vector<RulePriority>& priorities) {
  State& state = rows(step);
  std::map<std::string, int> wanted;
  std::set<std::string> listeners;
  for (const auto& [arn, priority] : priorities) {
    if (find_by_default_rule(state, arn) != nullptr) {
      return fault("OperationNotPermitted", "The priority of default rule '" + arn + "' cannot be modified");
    }
    const auto* rule = state.rules.find(arn);
    if (rule == nullptr) return rule_not_found();
    if (auto ok = check_priority(priority); !ok) return ok;
    if (!wanted.emplace(arn, priority).second) {
      return validation_error("Rule '" + arn + "' was provided multiple times");
    }
    listeners.insert(rule->listener_arn);
  }
  for (const auto& listener : listeners) {
    std::map<int, bool> taken;  // priority -> given in this call
    for (const model::Rule* rule : rules_of(state, listener)) {
      const auto it = wanted.find(rule->arn);
      const bool given = it != wanted.end();
      const int priority = given ? it->second : rule->priority;
      const auto [slot, fresh] = taken.emplace(priority, given);
      if (fresh) continue;
      if (given && slot->second) {
        return fault("PriorityInUse",
                     "Priority '" + std::to_string(priority) + "' was provided multiple times");
      }
      return priority_in_use(priority);
    }
  }
  for (const auto& each : wanted) {
    state.rules.edit(each.first, [&](model::Rule& rule) { rule.priority = each.second; });
  }
  return {};
}

}  // namespace agent::control
