// Rows of ECS resources as the store keeps them: JSON, one object per row. Decoding accepts missing members
// (older versions wrote fewer) and ignores unknown ones. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>

#include "agent/model/cluster.h"
#include "agent/model/container_instance.h"
#include "agent/model/service.h"
#include "agent/model/service_history.h"
#include "agent/model/task.h"
#include "agent/model/task_definition.h"

namespace agent::control {

std::string encode_cluster(const model::Cluster&);
bool decode_cluster(std::string_view, model::Cluster&);
std::string encode_task_definition(const model::TaskDefinition&);
bool decode_task_definition(std::string_view, model::TaskDefinition&);
std::string encode_family(const model::Family&);
bool decode_family(std::string_view, model::Family&);
std::string encode_instance(const model::ContainerInstance&);
bool decode_instance(std::string_view, model::ContainerInstance&);
std::string encode_task(const model::Task&);
bool decode_task(std::string_view, model::Task&);
std::string encode_service(const model::Service&);
bool decode_service(std::string_view, model::Service&);
std::string encode_service_revision(const model::ServiceRevision&);
bool decode_service_revision(std::string_view, model::ServiceRevision&);
std::string encode_service_deployment(const model::ServiceDeployment&);
bool decode_service_deployment(std::string_view, model::ServiceDeployment&);
std::string encode_service_event(const model::ServiceEvent&);
bool decode_service_event(std::string_view, model::ServiceEvent&);

}  // namespace agent::control
