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

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;
using Actions = std::vector<lb::Action>;

constexpr std::size_t kListenerIdDigits = 16;

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

// Values in range, groups there, and none of them with another load balancer.
Result<void> check_usable(const State& state, const std::string& load_balancer_arn, const Actions& actions) {
  if (auto ok = check_actions(actions); !ok) return ok;
  const std::set<std::string> wanted = target_groups_in(actions);
  for (const auto& group : wanted) {
    if (auto found = find_target_group(state, group); !found) return found.error();
    for (const auto& user : load_balancers_of(state, group)) {
      if (user != load_balancer_arn) {
        return fault("TargetGroupAssociationLimit",
                     "The following target groups cannot be associated with more than one load "
                     "balancer: " +
                         group);
      }
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

Result<void> check_protocol(const std::string& protocol) {
  if (protocol == "HTTP") return {};
  if (protocol.empty()) return validation_error("A protocol must be specified");
  if (protocol == "HTTPS") {
    return fault("UnsupportedProtocol",
                 "HTTPS listeners are not offered here yet: use protocol HTTP, or end TLS in front of "
                 "the load balancer");
  }
  return fault("UnsupportedProtocol", "Protocol '" + protocol +
                                          "' is not supported on listeners of load balancers of type "
                                          "'application': use HTTP");
}

Result<std::uint16_t> checked_port(const std::optional<int>& port) {
  if (!port) return validation_error("A port must be specified");
  if (*port < 1 || *port > 65535) {
    return validation_error("Port '" + std::to_string(*port) + "' must be between 1 and 65535");
  }
  return static_cast<std::uint16_t>(*port);
}

const model::Listener* listener_on(const State& state, std::uint16_t port) {
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (listener.port == port) return &listener;
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
                   "': all load balancers of one control plane share the balancers' address");
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
  if (!request.actions) return {};
  if (auto ok = check_usable(step.state, listener.load_balancer_arn, *request.actions); !ok) return ok;
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
  if (auto ok = check_protocol(request.protocol); !ok) return ok.error();
  auto port = checked_port(request.port);
  if (!port) return port.error();
  if (auto ok = check_elb_tags(request.tags); !ok) return ok.error();
  if (auto ok = check_usable(state, request.load_balancer_arn, request.default_actions); !ok)
    return ok.error();
  if (const auto* holder = listener_on(state, *port)) {
    const bool same = holder->load_balancer_arn == request.load_balancer_arn &&
                      holder->default_actions == request.default_actions;
    if (same) return holder->arn;
    return port_taken(state, *holder, request.load_balancer_arn);
  }
  const auto count = std::count_if(
      state.listeners.rows().begin(), state.listeners.rows().end(),
      [&](const auto& each) { return each.second.load_balancer_arn == request.load_balancer_arn; });
  if (static_cast<std::size_t>(count) >= kMaxListenersPerLoadBalancer) {
    return fault("TooManyListeners", "The maximum number of listeners has been reached: " +
                                         std::to_string(kMaxListenersPerLoadBalancer));
  }
  model::Listener row;
  row.arn = aws::listener_arn((*balancer)->arn, step.random.hex(kListenerIdDigits));
  row.load_balancer_arn = request.load_balancer_arn;
  row.port = *port;
  row.protocol = request.protocol;
  row.default_actions = request.default_actions;
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
    if (auto ok = check_protocol(*request.protocol); !ok) return ok;
    changed.protocol = *request.protocol;
  }
  if (request.port) {
    auto port = checked_port(request.port);
    if (!port) return port.error();
    const auto* holder = listener_on(state, *port);
    if (holder != nullptr && holder->arn != request.arn) {
      return port_taken(state, *holder, changed.load_balancer_arn);
    }
    changed.port = *port;
  }
  if (request.default_actions) {
    if (auto ok = check_usable(state, changed.load_balancer_arn, *request.default_actions); !ok) return ok;
    changed.default_actions = *request.default_actions;
  }
  state.listeners.put(request.arn, std::move(changed));
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
  if (auto ok = check_priority(request.priority); !ok) return ok.error();
  if (auto ok = check_conditions(request.conditions); !ok) return ok.error();
  if (auto ok = check_elb_tags(request.tags); !ok) return ok.error();
  if (auto ok = check_usable(state, load_balancer, request.actions); !ok) return ok.error();
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
  if (request.actions) {
    const auto* listener = state.listeners.find(changed.listener_arn);
    if (listener == nullptr) return rule_not_found();
    if (auto ok = check_usable(state, listener->load_balancer_arn, *request.actions); !ok) return ok;
    changed.actions = *request.actions;
  }
  state.rules.put(request.arn, std::move(changed));
  return {};
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
