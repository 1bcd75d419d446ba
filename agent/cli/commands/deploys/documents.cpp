// deploy, plan, render, verify, init: files and what runs.
#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/deploy.h"
#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/deploys/verify.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Result<int> render_files(Context& context) {
  auto files = read_deployment(context, context.args.words);
  if (!files) return files.error();
  json out = json::object();
  if (!files->service().empty()) out["service"] = files->service();
  if (!files->definition().empty()) out["taskDefinition"] = files->definition();
  return context.out.line(shared::json::to_pretty_text(out)) ? kDone : kFailed;
}

Result<int> verify(Context& context) {
  auto files = read_deployment(context, context.args.words);
  if (!files) return files.error();
  json service = files->service();
  json definition = files->definition();
  if (definition.empty() && service.contains("taskDefinition")) {
    auto found = task_definition(context, text_in(service, "taskDefinition"));
    if (!found) return found.error();
    definition = *std::move(found);
  }
  auto problems = problems_of(context, service, definition);
  if (!problems) return problems.error();
  for (const std::string& each : *problems) context.out.line(each);
  if (problems->empty())
    context.out.line(
        "good: what the files name is there, and a host has room (not asked: whether the images can be "
        "pulled)");
  return problems->empty() ? kDone : kFailed;
}

Result<int> init(Context& context) {
  const std::string name = context.args.value("--service");
  if (name.empty())
    return Error("usage", "berth init needs --service SERVICE: the one that the file is made of");
  auto service = find_service(context, name);
  if (!service) return service.error();
  auto definition = task_definition(context, text_in(*service, "taskDefinition"));
  if (!definition) return definition.error();
  json out = json::object();
  out["service"] = service_to_file(*service);
  out["taskDefinition"] = definition_to_file(*definition);
  const std::string path = context.args.word(0).empty() ? name + ".json" : context.args.word(0);
  // What the files are read with again: a dollar and a brace are a variable's there.
  std::string text = shared::json::to_pretty_text(out) + "\n";
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3))
    text.insert(at, "$");
  if (auto written = write_file(path, text, context.args.has("--force")); !written) return written.error();
  if (path != "-")
    context.out.line(path + " has service " + name + " as it runs, with " +
                     std::string(revision_in(text_in(*service, "taskDefinition"))) + "; `berth plan " + path +
                     "` says what a change of it would do");
  return kDone;
}

}  // namespace

std::vector<Command> deploy_commands() {
  const Flag variable{"--var", "NAME=VALUE",
                      "a variable for ${NAME} in files, over the environment's; may be repeated", 0, true};
  const Flag image{"--image", "[CONTAINER=]IMAGE", "with this image", 0};
  const Flag service{"--service", "NAME", "the service, where the files do not name it", 0};
  const char* files =
      "FILE is JSON or YAML: a task definition, a service (members as in RegisterTaskDefinition and "
      "CreateService), or both as\n"
      "{\"service\": {...}, \"taskDefinition\": {...}}. ${NAME} and ${NAME:-otherwise} in it are variables, "
      "$${ is ${ itself.";
  return {
      {"deploy",
       "Deploy",
       "FILE... | SERVICE --image IMAGE",
       "Brings what a file says, or another image, into service; follows until it is steady",
       std::string(files) + "\n\nA revision is registered if it differs from what runs, the service created "
                            "or updated. When the deployment fails, how its tasks "
                            "ended, their last\nlines, unhealthy targets and reasons of placement are "
                            "printed, and the exit code is 4.",
       {image,
        service,
        variable,
        {"--force", "", "replaces the tasks also when nothing changes", 0},
        {"--no-wait", "", "does not follow", 0},
        {"--no-verify", "", "without looking first whether target groups, roles and room are there", 0},
        {"--timeout", "TIME", "how long at most (10m)", 0}},
       1,
       8,
       Completes::kService,
       Reach::kApi,
       run_deploy},
      {"plan",
       "Deploy",
       "FILE... | SERVICE --image IMAGE",
       "What deploy would change, member by member",
       std::string(files) + "\n\nExit code: 0 nothing, 1 something would change, 2 it cannot be said.",
       {image, service, variable},
       1,
       8,
       Completes::kFile,
       Reach::kApi,
       run_plan},
      {"render",
       "Deploy",
       "FILE...",
       "What files say with their variables, as JSON",
       files,
       {variable},
       1,
       8,
       Completes::kFile,
       Reach::kOffline,
       render_files},
      {"verify",
       "Deploy",
       "FILE...",
       "Whether target groups, roles, secrets, log groups and room for a task are there",
       "",
       {variable},
       1,
       8,
       Completes::kFile,
       Reach::kApi,
       verify},
      {"init",
       "Deploy",
       "[FILE] --service SERVICE",
       "Writes a file for deploy from a service that runs",
       "FILE is SERVICE.json unless given; - is the standard output.",
       {{"--service", "NAME", "of which service", 0}, {"--force", "", "replaces a file that exists", 0}},
       0,
       1,
       Completes::kFile,
       Reach::kApi,
       init},
  };
}

}  // namespace agent::cli
