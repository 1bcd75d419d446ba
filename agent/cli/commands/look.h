// Finding and describing what commands are about, by names and the beginnings of ids.
// Thread: main.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/commands/frame/command.h"
#include "agent/cli/story/members.h"
#include "agent/cli/story/words.h"

namespace agent::cli {

// All pages of a list operation: the named members' elements one after another.
shared::Result<std::vector<std::string>> ecs_list(Context& context, const char* operation,
                                                  const nlohmann::json& input, const char* member);
// Describes so many at once as ECS takes, with the cluster: JSON arrays.
shared::Result<nlohmann::json> describe_services(Context& context, const std::vector<std::string>& names);
shared::Result<nlohmann::json> describe_tasks(Context& context, const std::vector<std::string>& arns);
shared::Result<nlohmann::json> describe_nodes(Context& context, const std::vector<std::string>& arns);

shared::Result<nlohmann::json> all_services(Context& context);  // by name
shared::Result<nlohmann::json> all_nodes(Context& context);     // by ec2InstanceId
enum class Tasks { kLive, kStopped, kAll };
// Of a service, or of all where it is empty; the newest last.
shared::Result<nlohmann::json> tasks_of(Context& context, const std::string& service, Tasks which);

// Error "not_found" names the nearest one that there is.
shared::Result<nlohmann::json> find_service(Context& context, const std::string& name);
// By its ARN, its id or the beginning of that. Error "not_found", or "ambiguous" with the candidates.
shared::Result<nlohmann::json> find_task(Context& context, const std::string& id);
shared::Result<nlohmann::json> find_node(Context& context, const std::string& name);
shared::Result<nlohmann::json> task_definition(Context& context, const std::string& name);

// Of Elastic Load Balancing: all pages, as JSON arrays.
shared::Result<nlohmann::json> elb_list(Context& context, const char* operation, const nlohmann::json& input,
                                        const char* member);
// {TargetHealthDescriptions} of a group as an array.
shared::Result<nlohmann::json> target_health(Context& context, const std::string& group_arn);

}  // namespace agent::cli
