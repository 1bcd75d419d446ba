// A whole installation on this machine for as long as a command runs. Thread: main.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

// berth-agent with both roles and berth-balancer in a folder, until Ctrl-C, or until the command behind --
// has ended, whose exit code is passed on.
shared::Result<int> run_dev(Context& context);

// "export NAME=VALUE" lines for a shell; without those that are empty. Pure.
std::string exports_text(const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace agent::cli
