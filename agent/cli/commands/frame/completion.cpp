// completion, complete: for shells.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Result<int> completion(Context& context) {
  if (context.args.word(0) != "bash")
    return Error("usage", "berth completion: '" + context.args.word(0) + "' is none of: bash");
  return context.out.print(bash_completion()) ? kDone : kFailed;
}

// Names, a line each; nothing where they cannot be had, as nobody reads errors while completing.
Result<int> complete(Context& context) {
  if (!context.reach()) return kDone;
  std::string out;
  for (const std::string& kind : context.args.words) {
    if (kind == "services") {
      if (auto arns = ecs_list(context, "ListServices", {{"maxResults", 100}}, "serviceArns"))
        for (const std::string& arn : *arns) out += std::string(name_in(arn)) + "\n";
    } else if (kind == "tasks") {
      if (auto arns = ecs_list(context, "ListTasks", {{"maxResults", 100}}, "taskArns"))
        for (const std::string& arn : *arns) out += short_id(arn) + "\n";
    } else if (kind == "nodes") {
      if (auto nodes = all_nodes(context))
        for (const json& each : *nodes) out += node_name(each) + "\n";
    }
  }
  context.out.print(out);
  return kDone;
}

}  // namespace

std::vector<Command> completion_commands() {
  return {
      {"completion",
       "Hosts and this program",
       "bash",
       "Completion for a shell",
       "source <(berth completion bash)",
       {},
       1,
       1,
       Completes::kNothing,
       Reach::kOffline,
       completion},
      {"complete",
       "Hosts and this program",
       "KIND...",
       "",
       "Names for the completion: services, tasks, nodes",
       {},
       0,
       3,
       Completes::kNothing,
       Reach::kOffline,
       complete},
  };
}

}  // namespace agent::cli
