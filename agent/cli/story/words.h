// Words for parts of answers. Pure. Thread: any.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/output/text.h"

namespace agent::cli {

// "no service 'web' in cluster c (did you mean 'web2'?)". Pure.
std::string not_found_text(std::string_view what, std::string_view name,
                           const std::vector<std::string>& known, const std::string& where);
// "i-local" or what else a container instance is called.
std::string node_name(const nlohmann::json& instance);
// The name of a task's service; empty of one that was run by itself.
std::string service_of_task(const nlohmann::json& task);
// "10.0.0.2:8001" of a task's containers and their ports on the host, without the host.
std::string ports_of_task(const nlohmann::json& task);
// The name of a target group, load balancer or listener in its ARN.
std::string elb_name(std::string_view arn);
// A word for how a task is: RUNNING, PENDING, STOPPED ... and STOPPING where it is to end.
std::string state_of_task(const nlohmann::json& task);
Style style_of_state(std::string_view state);
// Why a task ended, in one line: exit codes, reasons.
std::string end_of_task(const nlohmann::json& task);

}  // namespace agent::cli
