#include <algorithm>
#include <set>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/listeners.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

// A rule, or the default rule of a listener.
struct AnyRule {
  const model::Rule* rule = nullptr;
  const model::Listener* listener = nullptr;
};

void write(XmlElement member, const AnyRule& any) {
  if (any.rule != nullptr) {
    write_rule(member, *any.rule);
  } else {
    write_default_rule(member, *any.listener);
  }
}

shared::Result<AnyRule> find_any(const control::State& state, const std::string& arn) {
  if (const auto* rule = state.rules.find(arn)) return AnyRule{rule, nullptr};
  if (const auto* listener = control::find_by_default_rule(state, arn)) return AnyRule{nullptr, listener};
  return fault("RuleNotFound", "One or more rules not found");
}

// Pages are ordered by priority, the default rule last; rules of several listeners by ARN.
std::string priority_key(int priority) {
  std::string digits = std::to_string(priority);
  return std::string(6 - digits.size(), '0') + digits;
}

}  // namespace

Done create_rule(Step& step, In in, XmlElement out) {
  control::CreateRule request;
  request.listener_arn = required_arn(step, in, "ListenerArn", ElbKind::kListener);
  request.priority = in.required_integer<int>("Priority");
  request.conditions = read_conditions(in);
  request.actions = read_actions(step, in, "Actions");
  request.tags = read_tags(in);
  std::optional<lb::Rewrites> rewrites;
  read_transforms(in, rewrites);
  request.rewrites = rewrites.value_or(lb::Rewrites());
  if (!in.ok()) return in.error();
  auto arn = control::create_rule(step, request);
  if (!arn) return arn.error();
  write_rule(out.child("Rules").child("member"), *step.state.rules.find(*arn));
  return {};
}

Done describe_rules(Step& step, In in, XmlElement out) {
  const auto listener_arn = arn_or_empty(step, in, "ListenerArn", ElbKind::kListener);
  const auto arns = arns_or_empty(step, in, "RuleArns", ElbKind::kRule);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (!listener_arn.empty() && !arns.empty()) {
    return validation_error("Listener rule ARNs and a listener ARN cannot be specified at the same time");
  }
  if (listener_arn.empty() && arns.empty()) {
    return validation_error("You must specify either listener rule ARNs or a listener ARN");
  }
  std::vector<std::pair<std::string, AnyRule>> found;
  if (!listener_arn.empty()) {
    auto listener = control::find_listener(step.state, listener_arn);
    if (!listener) return listener.error();
    for (const model::Rule* rule : control::rules_of(step.state, listener_arn)) {
      found.emplace_back(priority_key(rule->priority), AnyRule{rule, nullptr});
    }
    found.emplace_back("default", AnyRule{nullptr, *listener});
  }
  for (const auto& arn : std::set<std::string>(arns.begin(), arns.end())) {
    auto rule = find_any(step.state, arn);
    if (!rule) return rule.error();
    found.emplace_back(arn, *rule);
  }
  write_page(out, "Rules", page, found, write);
  return {};
}

Done modify_rule(Step& step, In in, XmlElement out) {
  control::ModifyRule request;
  request.arn = required_arn(step, in, "RuleArn", ElbKind::kRule);
  auto conditions = read_conditions(in);
  if (!conditions.empty()) request.conditions = std::move(conditions);
  auto actions = read_actions(step, in, "Actions");
  if (!actions.empty()) request.actions = std::move(actions);
  read_transforms(in, request.rewrites);
  if (in.boolean("ResetTransforms").value_or(false)) {
    if (request.rewrites) {
      in.fail(validation_error("Transforms and ResetTransforms cannot both be specified"));
    }
    request.rewrites.emplace();
  }
  if (!in.ok()) return in.error();
  if (auto ok = control::modify_rule(step, request); !ok) return ok;
  auto rule = find_any(step.state, request.arn);
  if (!rule) return rule.error();
  write(out.child("Rules").child("member"), *rule);
  return {};
}

Done delete_rule(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "RuleArn", ElbKind::kRule);
  if (!in.ok()) return in.error();
  return control::delete_rule(step, arn);
}

Done set_rule_priorities(Step& step, In in, XmlElement out) {
  std::vector<control::RulePriority> priorities;
  for (const QueryReader& each : in.children("RulePriorities")) {
    priorities.push_back(
        {required_arn(step, each, "RuleArn", ElbKind::kRule), each.required_integer<int>("Priority")});
  }
  if (!in.ok()) return in.error();
  if (priorities.empty()) {
    return validation_error("At least one rule priority must be specified");
  }
  if (auto ok = control::set_rule_priorities(step, priorities); !ok) return ok;
  XmlElement rules = out.child("Rules");
  for (const auto& each : priorities) write_rule(rules.child("member"), *step.state.rules.find(each.arn));
  return {};
}

}  // namespace agent::api::elbv2
