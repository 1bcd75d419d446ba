// Rows as the store keeps them: JSON, one object per row. Decoding accepts missing members (older versions
// wrote fewer) and ignores unknown ones.
#pragma once
#include <string>
#include <string_view>

#include "agent/model/cluster.h"
#include "agent/model/container_instance.h"
#include "agent/model/load_balancing.h"
#include "agent/model/service.h"
#include "agent/model/task.h"
#include "agent/model/task_definition.h"
#include "shared/base/result.h"

namespace agent::control {

// records_ecs.cpp
std::string encode_cluster(const model::Cluster&);
bool decode_cluster(std::string_view, model::Cluster&);
std::string encode_task_definition(const model::TaskDefinition&);
bool decode_task_definition(std::string_view, model::TaskDefinition&);
std::string encode_instance(const model::ContainerInstance&);
bool decode_instance(std::string_view, model::ContainerInstance&);
std::string encode_task(const model::Task&);
bool decode_task(std::string_view, model::Task&);
std::string encode_service(const model::Service&);
bool decode_service(std::string_view, model::Service&);
// records_elb.cpp
std::string encode_load_balancer(const model::LoadBalancer&);
bool decode_load_balancer(std::string_view, model::LoadBalancer&);
std::string encode_listener(const model::Listener&);
bool decode_listener(std::string_view, model::Listener&);
std::string encode_rule(const model::Rule&);
bool decode_rule(std::string_view, model::Rule&);
std::string encode_target_group(const model::TargetGroup&);
bool decode_target_group(std::string_view, model::TargetGroup&);
std::string encode_balancer(const model::Balancer&);
bool decode_balancer(std::string_view, model::Balancer&);
std::string encode_meta(const model::Meta&);
bool decode_meta(std::string_view, model::Meta&);
std::string encode_installation(const model::Installation&);
bool decode_installation(std::string_view, model::Installation&);

// The typed members of a stored definition, read back from TaskDefinition::document; the API uses it after it
// has normalised a new one, the loader after it has read a row.
shared::Result<void> fill_from_document(model::TaskDefinition& definition);

}  // namespace agent::control
