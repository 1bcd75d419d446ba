// Finding rows by what callers send: names, ids or ARNs, as each ECS operation accepts them.
#pragma once
#include <string>
#include <string_view>

#include "agent/control/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Name of an ACTIVE cluster from a name, an ARN or "" (= "default"). Errors: ClusterNotFoundException with
// ECS's texts
// ("Cluster not found.", "The referenced cluster was inactive.").
shared::Result<std::string> cluster_name(const State& state, std::string_view cluster);
// Row key "<cluster>/<id>" from an id or ARN; an ARN of another cluster is an InvalidParameterException. The
// row may not exist: callers decide what that means.
shared::Result<std::string> task_key(const std::string& cluster, std::string_view task);
shared::Result<std::string> instance_key(const std::string& cluster, std::string_view instance);
shared::Result<std::string> service_key(const std::string& cluster, std::string_view service);
// "family", "family:revision", an ARN with or without revision. Bare family: newest ACTIVE. nullptr: there is
// none.
const model::TaskDefinition* find_task_definition(const State& state, std::string_view reference);
const model::ContainerInstance* find_instance_by_arn(const State& state, std::string_view arn);
const model::Task* find_task_by_arn(const State& state, std::string_view arn);
std::string key_of(const model::Task& task);
std::string key_of(const model::Service& service);
std::string key_of(const model::ContainerInstance& instance);

bool is_connected(const State& state, const model::ContainerInstance& instance);

}  // namespace agent::control
