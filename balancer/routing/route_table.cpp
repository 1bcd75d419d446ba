#include "balancer/routing/route_table.h"

#include <algorithm>
#include <utility>

#include "balancer/codec/chars.h"
#include "balancer/codec/rewrite.h"
#include "balancer/routing/pattern.h"
#include "shared/base/check.h"

namespace balancer::routing {

namespace {

using shared::Error;
using shared::Result;
using shared::lbconfig::Condition;
using shared::lbconfig::ConditionField;

struct QueryPattern {
  bool any_key = true;
  Pattern key;
  Pattern value;
};

struct CompiledCondition {
  ConditionField field = ConditionField::kPathPattern;
  std::string header;  // kHttpHeader
  std::vector<Pattern> patterns;
  std::vector<QueryPattern> query;
  std::vector<std::string> methods;
  std::vector<Cidr> cidrs;
};

bool any_matches(const std::vector<Pattern>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern& p) { return p.matches(text); });
}

Result<void> compile_patterns(const Condition& condition, Case letters, CompiledCondition& out) {
  for (const std::string& value : condition.values) {
    auto pattern = Pattern::compile(value, letters, Escapes::kNone);
    if (!pattern) return pattern.error().within("value '" + value + "'");
    out.patterns.push_back(std::move(*pattern));
  }
  return {};
}

Result<void> compile_query(const Condition& condition, CompiledCondition& out) {
  for (const auto& pair : condition.query) {
    auto key = Pattern::compile(pair.key, Case::kInsensitive, Escapes::kBackslash);
    if (!key) return key.error().within("key '" + pair.key + "'");
    auto value = Pattern::compile(pair.value, Case::kInsensitive, Escapes::kBackslash);
    if (!value) return value.error().within("value '" + pair.value + "'");
    out.query.push_back({pair.key.empty(), std::move(*key), std::move(*value)});
  }
  return {};
}

Result<void> compile_condition(const Condition& condition, CompiledCondition& out) {
  out.field = condition.field;
  switch (condition.field) {
    case ConditionField::kHostHeader:
      return compile_patterns(condition, Case::kInsensitive, out);
    case ConditionField::kPathPattern:
      return compile_patterns(condition, Case::kSensitive, out);
    case ConditionField::kHttpHeader:
      out.header = condition.http_header_name;
      return compile_patterns(condition, Case::kInsensitive, out);
    case ConditionField::kHttpRequestMethod:
      out.methods = condition.values;
      return {};
    case ConditionField::kQueryString:
      return compile_query(condition, out);
    case ConditionField::kSourceIp:
      for (const std::string& value : condition.values) {
        const auto cidr = parse_cidr(value);
        if (!cidr) return Error("InvalidCidr", "'" + value + "' is no address range");
        out.cidrs.push_back(*cidr);
      }
      return {};
  }
  return Error("InvalidCondition", "unknown condition");
}

// What match() works out once for all rules.
struct Prepared {
  const RequestFacts& facts;
  std::string_view host;
  std::string_view path;
};

bool header_holds(const CompiledCondition& condition, const codec::MessageHead* head) {
  if (head == nullptr) return false;
  for (const codec::Field& field : head->fields) {
    if ((field.flags & (codec::kBadName | codec::kBadValue | codec::kSuspicious)) != 0) continue;
    if (!codec::equals_ignoring_case(head->name(field), condition.header)) continue;
    if (any_matches(condition.patterns, head->value(field))) return true;
  }
  return false;
}

bool query_holds(const CompiledCondition& condition, std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    for (const QueryPattern& wanted : condition.query) {
      if ((wanted.any_key || wanted.key.matches(key)) && wanted.value.matches(value)) return true;
    }
  }
  return false;
}

bool holds(const CompiledCondition& condition, const Prepared& request) {
  switch (condition.field) {
    case ConditionField::kHostHeader:
      return any_matches(condition.patterns, request.host);
    case ConditionField::kPathPattern:
      return any_matches(condition.patterns, request.path);
    case ConditionField::kHttpHeader:
      return header_holds(condition, request.facts.head);
    case ConditionField::kHttpRequestMethod:
      return std::find(condition.methods.begin(), condition.methods.end(), request.facts.method) !=
             condition.methods.end();
    case ConditionField::kQueryString:
      return query_holds(condition, request.facts.query);
    case ConditionField::kSourceIp:
      return std::any_of(condition.cidrs.begin(), condition.cidrs.end(),
                         [&](const Cidr& cidr) { return cidr.contains(request.facts.source); });
  }
  return false;
}

struct CompiledRule {
  std::string id;
  int priority = 0;
  std::vector<CompiledCondition> conditions;
  shared::lbconfig::Action action;
};

}  // namespace

struct RouteTable::Impl {
  std::vector<CompiledRule> rules;  // ascending priority
  shared::lbconfig::Action default_action;
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
      CompiledCondition condition;
      if (const auto done = compile_condition(rule.conditions[i], condition); !done) {
        return done.error().within("rule with priority " + std::to_string(rule.priority) + ", conditions[" +
                                   std::to_string(i) + "]");
      }
      compiled.conditions.push_back(std::move(condition));
    }
    impl->rules.push_back(std::move(compiled));
  }
  const auto by_priority = [](const CompiledRule& a, const CompiledRule& b) {
    return a.priority < b.priority;
  };
  if (!std::is_sorted(impl->rules.begin(), impl->rules.end(), by_priority)) {
    return Error("InvalidRules", "rules are not in ascending order of priority");
  }
  return RouteTable(std::move(impl));
}

Match RouteTable::match(const RequestFacts& facts, Scratch& scratch) const {
  const Prepared request{facts, codec::split_authority(facts.host).host,
                         normalise_path(facts.path, scratch.path)};
  for (std::size_t i = 0; i < impl_->rules.size(); ++i) {
    const CompiledRule& rule = impl_->rules[i];
    const bool all_hold = std::all_of(rule.conditions.begin(), rule.conditions.end(),
                                      [&](const CompiledCondition& c) { return holds(c, request); });
    if (all_hold) return {i, &rule.action, rule.id, rule.priority};
  }
  return {impl_->rules.size(), &impl_->default_action, {}, 0};
}

std::size_t RouteTable::action_count() const { return impl_->rules.size() + 1; }

const shared::lbconfig::Action& RouteTable::action(std::size_t index) const {
  BERTH_CHECK(index < action_count(), "no such action");
  return index < impl_->rules.size() ? impl_->rules[index].action : impl_->default_action;
}

}  // namespace balancer::routing
