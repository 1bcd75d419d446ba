// What ECS requests may say: the members of every operation and structure with their types, as one table.
// Decides nothing about values, and knows nothing of answers.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "shared/base/result.h"

namespace agent::api::ecs {

// `value` without what is not modelled: unknown members and nulls are left out, everything else stays as it
// is. Of a value that passed, every member has the type the table says, so that decoders need not look again.
// Error: SerializationException with the path ("containerDefinitions[0].memory: expected an integer, got a
// string"). `shape` is the name of an operation we offer or of a structure.
shared::Result<nlohmann::json> modelled(std::string_view shape, const nlohmann::json& value);

}  // namespace agent::api::ecs
