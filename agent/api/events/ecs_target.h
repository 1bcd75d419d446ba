// A target that runs tasks, as EventBridge and EventBridge Scheduler both have it: EcsParameters, checked
// when they are given, and as the request of RunTask when their time has come.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/model/event.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::events {

// Of `target` ("Arn" is a cluster's). Error ValidationException naming the member.
shared::Result<void> check_ecs_target(const shared::json::Reader& target, int most_tasks);
// RunTask's request. `payload`: the overrides, where the target has an input.
nlohmann::json run_task_request(const model::Invocation& invocation);

}  // namespace agent::api::events
