// Task sets of services whose deployment controller is EXTERNAL: each is a deployment with a scale of its
// own, and a caller decides which there are and which is PRIMARY.
#pragma once
#include <string>
#include <string_view>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxTaskSets = 5;  // of one service

// ceil of the scale's percent of the service's desired count; 0 for a set that drains.
int computed_desired_count(const model::Service& service, const model::Deployment& set);

// An ACTIVE service with controller EXTERNAL. Error codes: ServiceNotFoundException,
// ServiceNotActiveException, InvalidParameterException for one that has no task sets.
shared::Result<const model::Service*> service_of_task_sets(const State& state, const std::string& key);
// By id or ARN. Error code: TaskSetNotFoundException.
shared::Result<const model::Deployment*> find_task_set(const State& state, const std::string& key,
                                                       std::string_view id_or_arn);

// `wanted` comes filled from the request; returns the id, of an earlier one with the same client token if
// there is one. Error codes: those of service_of_task_sets, runnable_definition and check_load_balancers;
// LimitExceededException.
shared::Result<std::string> create_task_set(Step& step, const std::string& key, model::Deployment wanted);
// Error codes as above; InvalidParameterException for one that drains.
shared::Result<void> scale_task_set(Step& step, const std::string& key, const std::string& id, double scale);
enum class ForceTaskSet { kNo, kYes };
// It drains, and is gone with its last task. InvalidParameterException without force for the PRIMARY one, and
// while it is scaled above 0.
shared::Result<void> delete_task_set(Step& step, const std::string& key, const std::string& id,
                                     ForceTaskSet force);
// What was PRIMARY is ACTIVE from then on; the service shows what the new one has.
shared::Result<void> make_primary(Step& step, const std::string& key, const std::string& id);

}  // namespace agent::control
