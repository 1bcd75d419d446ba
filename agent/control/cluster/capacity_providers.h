// Capacity providers: made, changed, attached to clusters and given up.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxCapacityProviders = 500;

// FARGATE, FARGATE_SPOT: always there, and place no task here.
const std::vector<std::string>& builtin_providers();

// The name in a name or an ARN. InvalidParameterException for an ARN of anything else.
shared::Result<std::string> capacity_provider_name(const aws::Realm& realm, std::string_view name_or_arn);

// `wanted` is complete but for ARN and times. Error codes: ClientException for a name that is taken or that
// AWS keeps for itself; LimitExceededException.
shared::Result<void> create_capacity_provider(Step& step, model::CapacityProvider wanted);

// What is absent stays.
struct UpdateCapacityProvider {
  std::optional<bool> scaling_enabled;
  std::optional<int> target_capacity, minimum_step, maximum_step, warmup_seconds;
  std::optional<bool> termination_protection, managed_draining;
};
void apply(model::CapacityProvider& row, const UpdateCapacityProvider& update);
// InvalidParameterException when its members do not go together.
shared::Result<void> check_capacity_provider(const model::CapacityProvider& row);
// Error codes: ClientException for one that is not there, or built in; those of check_capacity_provider.
shared::Result<void> update_capacity_provider(Step& step, const std::string& name,
                                              const UpdateCapacityProvider& update);
// The row as it was. Error codes: ClientException for one that is not there, built in, attached to a cluster
// or used by a service.
shared::Result<model::CapacityProvider> delete_capacity_provider(Step& step, const std::string& name);

// What a cluster may be made with: InvalidParameterException for names that are none.
shared::Result<void> check_providers(const State& state, const std::vector<std::string>& names);
// PutClusterCapacityProviders: these, and no others. Also ResourceInUseException while tasks or services use
// one that would go. `cluster` is the name of an existing one.
shared::Result<void> put_cluster_providers(Step& step, const std::string& cluster,
                                           std::vector<std::string> names,
                                           std::vector<model::StrategyItem> default_strategy);

}  // namespace agent::control
