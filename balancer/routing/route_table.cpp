#include "balancer/routing/route_table.h"

#include <algorithm>
#include <utility>

#include "balancer/routing/condition.h"
#include "balancer/routing/rule_index.h"
#include "shared/base/check.h"

namespace balancer::routing {

namespace {

using shared::Error;
using shared::Result;
using shared::lbconfig::Condition;
using shared::lbconfig::ConditionField;

// Of the rule's condition of that kind; none when it has none, which is any text.
std::vector<IndexKey> keys_of(const shared::lbconfig::Rule& rule, ConditionField field) {
  std::vector<IndexKey> keys;
  for (const Condition& condition : rule.conditions) {
    if (condition.field != field || !keys.empty()) continue;  // of two conditions either will do
    if (!condition.regex_values.empty()) continue;            // matches what no pattern says
    for (const std::string& value : condition.values) {
      if (field == ConditionField::kPathPattern) {
        keys.push_back(path_key(value));
      } else {
        std::string space;
        keys.push_back(host_key(lower_text(value, space)));
      }
    }
  }
  return keys;
}

struct CompiledRule {
  std::string id;
  int priority = 0;
  std::vector<CompiledCondition> conditions;
  shared::lbconfig::Action action;
  Transforms transforms{};
};

Result<Transforms> compile_transforms(const shared::lbconfig::Rule& rule) {
  Transforms out;
  const auto compile = [](const std::optional<shared::lbconfig::Rewrite>& rewrite,
                          shared::regex::Case letters,
                          std::optional<shared::regex::Rewriter>& to) -> Result<void> {
    if (!rewrite) return {};
    auto compiled = shared::regex::Rewriter::compile(rewrite->regex, rewrite->replace, letters);
    if (!compiled) return compiled.error();
    to = std::move(*compiled);
    return {};
  };
  if (auto done = compile(rule.rewrites.host, shared::regex::Case::kInsensitive, out.host); !done) {
    return done.error().within("host_rewrite");
  }
  if (auto done = compile(rule.rewrites.url, shared::regex::Case::kSensitive, out.url); !done) {
    return done.error().within("url_rewrite");
  }
  return out;
}

}  // namespace

struct RouteTable::Impl {
  std::vector<CompiledRule> rules;  // ascending priority
  RuleIndex index;
  shared::lbconfig::Action default_action;
  Transforms no_transforms;
};

RouteTable::RouteTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;
RouteTable::~RouteTable() = default;

Result<RouteTable> RouteTable::compile(const shared::lbconfig::Listener& listener) {
  auto impl = std::make_unique<Impl>();
  impl->default_action = listener.default_action;
  for (const auto& rule : listener.rules) {
    CompiledRule compiled{rule.id, rule.priority, {}, rule.action};
    for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
      auto condition = CompiledCondition::compile(rule.conditions[i]);
      if (!condition) {
        return condition.error().within("rule with priority " + std::to_string(rule.priority) +
                                        ", conditions[" + std::to_string(i) + "]");
      }
      compiled.conditions.push_back(std::move(*condition));
    }
    auto transforms = compile_transforms(rule);
    if (!transforms) {
      return transforms.error().within("rule with priority " + std::to_string(rule.priority));
    }
    compiled.transforms = std::move(*transforms);
    impl->index.add(static_cast<std::uint32_t>(impl->rules.size()),
                    keys_of(rule, ConditionField::kHostHeader), keys_of(rule, ConditionField::kPathPattern));
    impl->rules.push_back(std::move(compiled));
  }
  const auto by_priority = [](const CompiledRule& a, const CompiledRule& b) {
    return a.priority < b.priority;
  };
  if (!std::is_sorted(impl->rules.begin(), impl->rules.end(), by_priority)) {
    return Error("InvalidRules", "rules are not in ascending order of priority");
  }
  impl->index.build();
  return RouteTable(std::move(impl));
}

Match RouteTable::match(const RequestFacts& facts, Scratch& scratch) const {
  const Prepared request{facts, prepare_host(facts.host, scratch.host),
                         normalise_path(facts.path, scratch.path), scratch.decoded};
  const std::vector<CompiledRule>& rules = impl_->rules;
  const auto none = static_cast<std::uint32_t>(rules.size());
  const std::uint32_t found =
      impl_->index.first(request.host, request.path, scratch.index, none, [&](std::uint32_t i) {
        return std::all_of(rules[i].conditions.begin(), rules[i].conditions.end(),
                           [&](const CompiledCondition& c) { return c.holds(request); });
      });
  if (found == none) return {none, &impl_->default_action, {}, 0};
  return {found, &rules[found].action, rules[found].id, rules[found].priority};
}

std::size_t RouteTable::action_count() const { return impl_->rules.size() + 1; }

const Transforms& RouteTable::transforms(std::size_t index) const {
  BERTH_CHECK(index < action_count(), "no such action");
  return index < impl_->rules.size() ? impl_->rules[index].transforms : impl_->no_transforms;
}

const shared::lbconfig::Action& RouteTable::action(std::size_t index) const {
  BERTH_CHECK(index < action_count(), "no such action");
  return index < impl_->rules.size() ? impl_->rules[index].action : impl_->default_action;
}

}  // namespace balancer::routing
