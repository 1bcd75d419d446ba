// Whether what a deployment names is there. Asks, changes nothing. Thread: main.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

// A sentence for each thing that would keep tasks of it from running or being reached: empty when there is
// none.
shared::Result<std::vector<std::string>> problems_of(Context& context, const nlohmann::json& service,
                                                     const nlohmann::json& definition);

// What a task needs at least of a host, and why this host does not do: empty when it does. Pure.
std::string why_not_here(const nlohmann::json& node, const nlohmann::json& definition);

}  // namespace agent::cli
