// The roles of tasks: who may have which, and the temporary keys that a task has of them, from its placement
// to its end. A role that this installation does not have (another account's, or none of that name) gives
// nothing, and the task runs without it. Follows ECS: the session's name is the task's id, keys are good for
// six hours and renewed long before. Thread: control's.
#pragma once
#include <string>

#include "agent/control/iam/iam.h"

namespace agent::control::iam {

inline constexpr shared::Millis kTaskKeysLife{6 * 3'600'000};
// Those before stay good for the rest of their life, which is longer than SDKs keep keys without looking.
inline constexpr shared::Millis kTaskKeysRenewedAfter{3 * 3'600'000};

inline constexpr const char* kTaskApplication = "TaskApplication";
inline constexpr const char* kTaskExecution = "TaskExecution";

// As a task definition or an override names them: a name, an ARN or nothing.
struct WantedRoles {
  std::string application;
  std::string execution;
};

// Of a name, or the ARN that it is.
std::string role_arn_of(const Step& step, const std::string& named);
// nullptr: this installation has no such role.
const model::IamIdentity* find_role(const Step& step, const std::string& named);
// Whether its trust policy lets `service` ("ecs-tasks.amazonaws.com") take it, for a task of the cluster.
bool trusts_service(const Step& step, const model::IamIdentity& role, const std::string& service,
                    const std::string& source_arn);

// Error ClientException "ECS was unable to assume the role ..." for a role that is there and does not trust
// ecs-tasks.amazonaws.com.
shared::Result<void> check_task_roles(const Step& step, const std::string& cluster,
                                      const WantedRoles& wanted);
// To a task that was just placed. Those that check_task_roles would refuse are left out.
void give_roles(Step& step, const model::Task& task, const WantedRoles& wanted);
// Renews what is due, and takes the keys of tasks that have ended.
void reconcile_task_roles(Step& step);

}  // namespace agent::control::iam
