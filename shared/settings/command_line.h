// The command line of a SettingsSpec, read by CLI11. Internal to shared/settings.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/settings/settings.h"

namespace shared::settings {

enum class Asked { kRun, kPrintSettings };

struct CommandLine {
  struct Given {
    std::string flag;  // as spelled in errors: "--data-dir"
    std::vector<std::string> texts;
  };
  std::map<std::string, Given> given;  // by option name
  std::optional<std::string> file;     // the settings file
  std::optional<std::string> print;    // help or version
  Asked asked = Asked::kRun;
};

Result<CommandLine> parse_command_line(const SettingsSpec& spec, const std::vector<std::string>& arguments);

// What an option means, who can set it and its default, on one line:
// "Cluster to join. [BERTH_CLUSTER, ECS_CLUSTER; file: cluster; default default]"
std::string describe(const SettingsSpec& spec, const Option& option);

}  // namespace shared::settings
