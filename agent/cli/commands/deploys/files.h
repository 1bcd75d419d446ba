// Files that a command reads and writes, with "-" for the standard streams. Thread: main.
#pragma once
#include <string>

#include "agent/cli/commands/frame/command.h"
#include "agent/cli/deploy/document.h"

namespace agent::cli {

// Error "setting_file": it cannot be read, and why.
shared::Result<std::string> read_file(const std::string& path);
// Does not replace a file that exists unless `replace`. Error "setting_file".
shared::Result<void> write_file(const std::string& path, const std::string& text, bool replace);

// The environment's variables and those of --var NAME=VALUE over them. Error "usage".
shared::Result<Variables> variables_of(const Context& context);
// The files of a deployment, interpolated. Errors "setting_file".
shared::Result<Deployment> read_deployment(const Context& context, const std::vector<std::string>& paths);

}  // namespace agent::cli
