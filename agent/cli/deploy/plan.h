// What a deployment would change, as a function of the files and of what runs. Pure. Thread: any.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/output/diff.h"
#include "shared/base/result.h"

namespace agent::cli {

struct DeployPlan {
  bool registers = false;  // a new revision
  bool creates = false;    // the service
  bool updates = false;    // the service
  std::vector<Difference> definition;
  std::vector<Difference> service;
  bool nothing() const { return !registers && !creates && !updates; }
};

// `wanted_*`: of the files, {} where they say nothing; `current_*`: as described, null where there is none. A
// task definition is the same when what the file says and what is registered only differ in members that have
// their defaults; of a service only what the file names is compared. Error "document": a member that no
// update can change.
shared::Result<DeployPlan> plan_deployment(const nlohmann::json& wanted_service,
                                           const nlohmann::json& wanted_definition,
                                           const nlohmann::json& current_service,
                                           const nlohmann::json& current_definition);

// The members of UpdateService out of those of CreateService.
nlohmann::json update_of(const nlohmann::json& service);

}  // namespace agent::cli
