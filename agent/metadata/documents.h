// What a task and its containers are told of themselves, as the ECS agent's metadata (versions 3 and 4) and
// its introspection have it: JSON of what the node knows. Pure.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/node/task/task_state.h"

namespace agent::metadata {

enum class Version { kV3, kV4 };

// Of the host, as the documents name it.
struct Host {
  std::string cluster;  // as the settings name it
  std::string container_instance_arn;
  std::string agent_version;
  std::string agent_hash;
};

nlohmann::json container_document(const node::Task& task, const node::Container& container, Version version);
// With all of its containers that the engine knows.
nlohmann::json task_document(const node::Task& task, const Host& host, Version version);

// Introspection's: one of "Tasks", and "/v1/metadata".
nlohmann::json introspected_task(const node::Task& task);
nlohmann::json introspected_host(const Host& host);

}  // namespace agent::metadata
