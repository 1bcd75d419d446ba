#include <iterator>

#include "agent/cli/commands/frame/families.h"

namespace agent::cli {

const std::vector<Flag>& common_flags() {
  static const std::vector<Flag> kFlags = {
      {"--output", "FORMAT", "table, wide or json", 'o'},
      {"--cluster", "NAME", "the cluster", 0},
      {"--region", "NAME", "the region", 0},
      {"--endpoint", "URL", "where control is", 0},
      {"--profile", "NAME", "a profile of AWS's files", 0},
      {"--color", "WHEN", "auto, always or never", 0},
      {"--help", "", "this text", 'h'},
  };
  return kFlags;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> kAll = [] {
    std::vector<Command> all;
    for (auto family :
         {look_commands, event_commands, log_commands, change_commands, run_commands, deploy_commands,
          rollout_commands, balancer_commands, compose_commands, host_commands, completion_commands}) {
      auto some = family();
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
  }();
  return kAll;
}

}  // namespace agent::cli
