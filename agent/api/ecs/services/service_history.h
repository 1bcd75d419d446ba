// Service deployments and revisions as the API shows them.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/control/state/step.h"

namespace agent::api::ecs {

// {arn, requestedTaskCount, runningTaskCount, pendingTaskCount} of a revision of a service that has a row.
nlohmann::json encode_revision_summary(const control::State& state, const std::string& service_key,
                                       const std::string& number);
// deploymentConfiguration of a service, with what is in its document.
nlohmann::json encode_configuration(const model::DeploymentConfiguration& given,
                                    const nlohmann::json& document);

}  // namespace agent::api::ecs
