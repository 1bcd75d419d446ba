#include "agent/control/elb/tags.h"

#include <algorithm>
#include <set>

#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/elb/trust_stores.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control {
namespace {

using shared::Result;
using Tags = std::vector<model::Tag>;

// The kinds in one place: `use` gets the table the ARN belongs to.
template <class AnyState, class Use>
Result<void> with_table(AnyState& state, const std::string& arn, Use use) {
  const auto kind = aws::elb_kind_of(arn);
  if (kind == aws::ElbKind::kLoadBalancer) {
    if (auto found = find_load_balancer(state, arn); !found) return found.error();
    return use(state.load_balancers);
  }
  if (kind == aws::ElbKind::kTargetGroup) {
    if (auto found = find_target_group(state, arn); !found) return found.error();
    return use(state.target_groups);
  }
  if (kind == aws::ElbKind::kListener) {
    if (auto found = find_listener(state, arn); !found) return found.error();
    return use(state.listeners);
  }
  if (kind == aws::ElbKind::kRule) {
    if (state.rules.find(arn) == nullptr) return fault("RuleNotFound", "One or more rules not found");
    return use(state.rules);
  }
  if (kind == aws::ElbKind::kTrustStore) {
    if (auto found = find_trust_store(state, arn); !found) return found.error();
    return use(state.trust_stores);
  }
  return validation_error("'" + arn +
                          "' is not a valid load balancer, target group, listener, rule or trust store ARN");
}

Result<void> refuse_default_rule(const State& state, const std::string& arn) {
  if (find_by_default_rule(state, arn) == nullptr) return {};
  return fault("OperationNotPermitted", "Default rule '" + arn + "' cannot be tagged");
}

}  // namespace

Result<void> check_elb_tags(const Tags& tags) {
  std::set<std::string_view> keys;
  for (const auto& tag : tags) {
    if (!keys.insert(tag.key).second) {
      return fault("DuplicateTagKeys", "Tag keys must be unique; '" + tag.key + "' was given twice");
    }
  }
  if (tags.size() > kMaxTags) {
    return fault("TooManyTags", "A resource can have at most " + std::to_string(kMaxTags) + " tags");
  }
  if (auto ok = check_tags(tags); !ok) return validation_error(ok.error().text());
  return {};
}

Result<Tags> elb_tags(const State& state, const std::string& arn) {
  if (find_by_default_rule(state, arn) != nullptr) return Tags{};
  Tags tags;
  auto ok = with_table(state, arn, [&](const auto& table) -> Result<void> {
    tags = table.find(arn)->tags;
    return {};
  });
  if (!ok) return ok.error();
  return tags;
}

Result<void> add_elb_tags(Step& step, const std::string& arn, const Tags& tags) {
  if (auto ok = refuse_default_rule(step.state, arn); !ok) return ok;
  if (auto ok = check_elb_tags(tags); !ok) return ok;
  return with_table(rows(step), arn, [&](auto& table) -> Result<void> {
    Tags merged = merge_tags(table.find(arn)->tags, tags);
    if (auto ok = check_elb_tags(merged); !ok) return ok;
    table.edit(arn, [&](auto& row) { row.tags = std::move(merged); });
    return {};
  });
}

Result<void> remove_elb_tags(Step& step, const std::string& arn, const std::vector<std::string>& keys) {
  if (auto ok = refuse_default_rule(step.state, arn); !ok) return ok;
  return with_table(rows(step), arn, [&](auto& table) -> Result<void> {
    const auto named = [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    };
    table.edit(arn, [&](auto& row) { std::erase_if(row.tags, named); });
    return {};
  });
}

}  // namespace agent::control
