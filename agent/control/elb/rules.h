// What makes the actions and conditions of listeners and rules valid (ELBv2 user guide: listener rules). Pure
// checks of values; whether target groups exist and may be used is load_balancers.h's part.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/load_balancing.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr int kMinPriority = 1;
inline constexpr int kMaxPriority = 50'000;
inline constexpr std::size_t kMaxGroupsPerAction =
    5;  // target-groups-per-action-on-application-load-balancer
inline constexpr std::size_t kMaxConditionValues = 5;  // condition-values-per-alb-rule
inline constexpr std::size_t kMaxWildcards = 6;        // condition-wildcards-per-alb-rule (newest quota page)

// A forward action that chooses one of several target groups anew for each request: none of these may keep
// clients with its targets, who would come to another group's the next time.
bool splits_without_stickiness(const model::lb::Action& action);
shared::Error group_stickiness_missing();
// Exactly one routing action, with values in range, on a listener of this protocol. Errors: ValidationError,
// InvalidLoadBalancerAction, TooManyActions, TooManyTargetGroups.
shared::Result<void> check_actions(const std::vector<model::lb::Action>& actions, std::string_view protocol);
// At least one condition, each of its kind's form. Errors: ValidationError, InvalidConfigurationRequest.
shared::Result<void> check_conditions(const std::vector<model::lb::Condition>& conditions);
// Expressions of the dialect, replacements with groups that are there. Errors: ValidationError.
shared::Result<void> check_rewrites(const model::lb::Rewrites& rewrites);
// A health check's status codes: "200", "200,202", "200-299" within 200..499. ValidationError.
shared::Result<void> check_matcher(const std::string& codes);
shared::Result<void> check_grpc_matcher(const std::string& codes);

// ELBv2's word: "host-header".
std::string_view field_word(model::lb::ConditionField field);
std::optional<model::lb::ConditionField> field_from_word(std::string_view word);

}  // namespace agent::control
