// The programs of Berth on this machine, as children of this one. Thread: main.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/client/settings.h"
#include "shared/base/result.h"

namespace agent::cli {

// Beside this program, where a build leaves it, or in PATH. Error "not_found" names the Debian package.
shared::Result<std::string> find_program(const std::string& name);

// Standard output and error go to the file `log`, or stay what they are where it is empty. The child gets
// SIGTERM when we die. `environment` replaces variables of ours.
shared::Result<pid_t> start_program(const std::vector<std::string>& command, const Environment& environment,
                                    const std::string& log);
// Runs it in place of this one. Returns only with an error.
shared::Error become_program(const std::vector<std::string>& command);
// What it writes to standard output. Error "failed": it cannot be started, or ends with another code than 0;
// its text is what it wrote to standard error.
shared::Result<std::string> output_of(const std::vector<std::string>& command,
                                      const Environment& environment);
// Whether it has ended; its exit code, 128 and the signal's number when one ended it.
std::optional<int> ended_with(pid_t child);

// A TCP port of 127.0.0.1 on which nobody listens: `wanted`, else any that is free.
std::uint16_t free_port(std::uint16_t wanted);

// What a host needs to join, in one word that can be copied: "berth1." and Base64 of it.
struct JoinToken {
  std::string control;  // URL
  std::string access_key_id, secret_access_key;
};
std::string to_text(const JoinToken& token);
// Error "usage": it is none.
shared::Result<JoinToken> parse_token(const std::string& text);
// /etc/ecs/ecs.config with these variables set: lines that set or comment them out are replaced, others stay.
// Pure.
std::string with_variables(const std::string& text,
                           const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace agent::cli
