// Members of requests and task definitions that are kept and shown again, and that nothing carries out. Most
// stacks hold one or the other, so they are not refused: their owner is told, a service's by an event, all by
// a line of the log. The table of docs/apis.md lists them; what is not in it is carried out or refused.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

struct KeptOnly {
  std::string member;
  std::string instead;  // what happens, and what can be done
};

std::vector<KeptOnly> kept_only_of_definition(const Context& context, const nlohmann::json& document);
// Of a request of CreateCluster, UpdateCluster, RunTask, StartTask, CreateService, UpdateService.
std::vector<KeptOnly> kept_only_of_request(const Context& context, const nlohmann::json& in);

// One line of the log for each.
void log_kept_only(const Context& context, const std::string& resource_arn,
                   const std::vector<KeptOnly>& members);
// The same for a task of RunTask or StartTask, with what its definition says.
void tell_of_task(const Context& context, const std::string& task_key);
// The same for a service just made or changed, and its events. What its definition says is told when a
// deployment begins: `deployment_before` is the newest one's id before the call, empty for a new service.
void tell_of_service(const Context& context, const std::string& service_key,
                     const std::string& deployment_before);

}  // namespace agent::api::ecs
