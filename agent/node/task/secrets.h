// Secrets of a task's containers: what to ask of which service, and what an answer gives to whom. Follows the
// ECS agent: each secret of Secrets Manager is a call of its own, parameters go ten at a time by region, and
// the texts of failures are its own. Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/link/role_calls.h"
#include "agent/node/task/task_state.h"
#include "shared/base/result.h"

namespace agent::node {

// One call, and the secrets that it is for, which are all of one provider.
struct SecretRequest {
  link::RoleCall call;
  std::vector<link::SecretPayload> secrets;
};

// Of containers that are still to be made. Error with the agent's text for an ARN that is none of a secret.
shared::Result<std::vector<SecretRequest>> secret_requests(const Task& task);
// The keys of the execution role are not here yet, or no more: control tells them when a session begins.
bool waits_for_keys(const Task& task);
// Into Container::secret_environment. Error: what the answer lacks.
shared::Result<void> take_secrets(Task& task, const SecretRequest& request, const std::string& answer);
// The text that a task stops with when the call failed.
shared::Error cannot_fetch(const SecretRequest& request, const shared::Error& error);

}  // namespace agent::node
