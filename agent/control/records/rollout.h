// The parts of services' and service deployments' rows that say how a deployment goes by stages. As ecs.h
// decodes: what is missing keeps its default.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "agent/model/rollout.h"
#include "shared/json/reader.h"

namespace agent::control {

nlohmann::json encode_strategy(const model::Strategy& from);
void read_strategy(const shared::json::Reader& in, model::Strategy& out);
nlohmann::json encode_rollout(const model::Rollout& from);
void read_rollout(const shared::json::Reader& in, model::Rollout& out);

}  // namespace agent::control
