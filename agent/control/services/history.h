// Service deployments and revisions: rows beside the service that say what was asked for and what became of
// it, kept after the deployment itself has left the service.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Newest first; the pointers are good until one of the service comes or goes.
std::vector<const model::ServiceDeployment*> deployments_of(const State& state,
                                                            const std::string& service_key);
// The one that is under way; nullptr: there is none.
const model::ServiceDeployment* current_deployment(const State& state, const std::string& service_key);
const model::ServiceRevision* revision_of(const State& state, const std::string& service_key,
                                          const std::string& number);

// The service's PRIMARY deployment has just begun by a caller's wish. One that was under way is STOPPED.
void note_deployment_begun(Step& step, const std::string& service_key);
// The PRIMARY deployment is completed: SUCCESSFUL, or ROLLBACK_SUCCESSFUL.
void note_deployment_completed(Step& step, const std::string& service_key);
enum class FailedBy { kCircuitBreaker, kCaller, kAlarm, kHook, kStage };
// Of a deployment that was given up: `what` as the statusReason says it, of kAlarm, kHook and kStage; `more`
// are sentences behind it, each with a blank before it.
struct Given {
  FailedBy by = FailedBy::kCircuitBreaker;
  std::string what{};
  std::string more{};
};
// For good: STOPPED, or ROLLBACK_FAILED if it was one that went back.
void note_deployment_failed(Step& step, const std::string& service_key, const Given& up);
// The PRIMARY deployment is one that goes back to where the service was before.
void note_rollback_begun(Step& step, const std::string& service_key, const Given& up);
// The service is being deleted.
void note_service_deleted(Step& step, const std::string& service_key);

}  // namespace agent::control
