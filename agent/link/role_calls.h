// Calls of other services than ECS, signed with temporary keys of a task's execution role. Real one:
// http_control_link.h, which calls control. Thread: the executor's; callbacks never run inside the call.
#pragma once
#include <functional>
#include <string>

#include "agent/link/acs.h"
#include "shared/base/result.h"

namespace agent::link {

struct RoleCall {
  std::string service;  // as in signatures: "ssm", "secretsmanager"
  std::string region;
  std::string target;  // X-Amz-Target: "AmazonSSM.GetParameters"
  std::string body;    // JSON
};

class RoleCalls {
 public:
  virtual ~RoleCalls() = default;
  // The error's code is the service's __type, or "connect"/"timeout"/"closed" when there was no answer.
  virtual void call_as(const RoleCredentials& keys, const RoleCall& call,
                       std::function<void(shared::Result<std::string>)> done) = 0;
};

}  // namespace agent::link
