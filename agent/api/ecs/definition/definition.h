// What RegisterTaskDefinition accepts and what it stores: every modelled member as it was given, with ECS's
// defaults and no others filled in. All errors are ClientException unless said. Pure.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::api::ecs {

inline constexpr std::size_t kMaxContainers = 10;              // per task definition
inline constexpr std::size_t kMaxDefinitionBytes = 64 * 1024;  // of the stored document
inline constexpr std::size_t kMaxDefinitionConstraints = 10;   // placementConstraints
inline constexpr std::size_t kMaxEnvironmentFiles = 10;        // per container
inline constexpr int kMinContainerMemory = 6;                  // MiB
inline constexpr std::int64_t kMinTaskCpu = 128;               // units; EC2 and EXTERNAL
inline constexpr std::int64_t kMaxTaskCpu = 196'608;

// The document to store, from a request that has passed modelled().
shared::Result<nlohmann::json> normalise_definition(const nlohmann::json& in);

// Parts of it.
// "1024", "1 vCPU", ".5 vcpu" -> units; "1024", "1GB", "1 GB" -> MiB. nullopt: neither.
std::optional<std::int64_t> cpu_units(std::string_view text);
std::optional<std::int64_t> memory_mib(std::string_view text);
// Checks containers[] against each other and the task, and fills in their defaults. `document` is the
// definition with networkMode and volumes as given, cpu and memory normalised.
shared::Result<void> normalise_containers(nlohmann::json& document);
// Port mappings of one container for the network mode, with protocol and hostPort filled in.
shared::Result<void> normalise_ports(nlohmann::json& container, std::string_view network_mode);
// Numbers of one container that the engine or the scheduler could do nothing with.
shared::Result<void> check_limits(const nlohmann::json& container);
// GPUs in a list of resourceRequirements; ClientException for another type or what is no number of them.
shared::Result<int> gpus_in(const nlohmann::json& requirements);
// Links, dependencies, volumes: everything that one container says about others by name.
shared::Result<void> check_references(const nlohmann::json& document);
// Launch types that the definition would pass, in ECS's order.
std::vector<std::string> compatibilities_of(const nlohmann::json& document);
// Why it cannot be FARGATE; nullopt: it can.
std::optional<std::string> fargate_obstacle(const nlohmann::json& document);
// Attribute names that a container instance must have, sorted.
std::vector<std::string> required_attributes_of(const nlohmann::json& document);

}  // namespace agent::api::ecs
