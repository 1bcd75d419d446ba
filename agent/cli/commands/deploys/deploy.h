// Bringing what files say into service. Thread: main.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

// The commands deploy and plan, by their words and flags.
shared::Result<int> run_deploy(Context& context);
shared::Result<int> run_plan(Context& context);
// The same of one service with its task definition, members as in CreateService and RegisterTaskDefinition;
// follows it.
shared::Result<int> deploy_document(Context& context, const nlohmann::json& service,
                                    const nlohmann::json& definition);

}  // namespace agent::cli
