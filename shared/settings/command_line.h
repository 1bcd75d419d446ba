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

}  // namespace shared::settings
