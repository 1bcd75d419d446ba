// dev, env, doctor, check, snapshot, token, join: hosts and what is set on them.

#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/hosts/dev.h"
#include "agent/cli/commands/hosts/host_commands.h"
#include "agent/cli/commands/hosts/programs.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Result<int> env(Context& context) {
  const Place& place = context.api().place();
  const std::vector<std::pair<std::string, std::string>> variables = {
      {"AWS_ENDPOINT_URL", place.endpoint},
      {"AWS_ACCESS_KEY_ID", place.credentials.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", place.credentials.secret_access_key},
      {"AWS_SESSION_TOKEN", place.credentials.session_token},
      {"AWS_DEFAULT_REGION", place.region},
      {"AWS_REGION", place.region},
      {"BERTH_CLUSTER", place.cluster}};
  if (context.out.json()) {
    json out = json::object();
    for (const auto& [name, value] : variables)
      if (!value.empty()) out[name] = value;
    return context.out.line(shared::json::to_pretty_text(out)) ? kDone : kFailed;
  }
  return context.out.print(exports_text(variables)) ? kDone : kFailed;
}

// ---- check, snapshot ----

Result<int> check(Context& context) {
  std::vector<std::string> command;
  const std::string path = context.args.word(0);
  std::string program = "berth-agent";
  if (!path.empty()) {
    auto text = read_file(path);
    if (!text) return text.error();
    auto document = parse_document(*text, path);
    if (!document) return Error("setting_file", document.error().text());
    if (document->contains("containerDefinitions") || document->contains("serviceName") ||
        document->contains("taskDefinition"))
      return Error("usage", path + " is for deploy: berth verify " + path + " looks at it");
    if (document->contains("listeners") || document->contains("target_groups")) program = "berth-balancer";
  }
  auto found = find_program(program);
  if (!found) return found.error();
  command = {*found};
  if (program == "berth-balancer") {
    command.insert(command.end(), {"--check", path});
  } else {
    command.emplace_back("check");
    if (!path.empty()) command.insert(command.end(), {"--config", path});
  }
  command.insert(command.end(), context.args.rest.begin(), context.args.rest.end());
  return become_program(command);
}

Result<int> snapshot(Context& context) {
  auto found = find_program("berth-agent");
  if (!found) return found.error();
  std::vector<std::string> command = {*found, "snapshot", context.args.word(0), context.args.word(1)};
  if (context.args.has("--data-dir"))
    command.insert(command.end(), {"--data-dir", context.args.value("--data-dir")});
  command.insert(command.end(), context.args.rest.begin(), context.args.rest.end());
  return become_program(command);
}

}  // namespace

std::vector<Command> host_commands() {
  const char* group = "Hosts and this program";
  return {
      {"dev",
       group,
       "[-- COMMAND...]",
       "Control, a node and a balancer on this machine, for as long as it runs",
       "Prints exports for aws, boto3, terraform and berth. Ctrl-C ends it; in a temporary folder (the "
       "default) its services and tasks end with it.\n"
       "With a command behind -- that is run with these variables, and its exit code is passed on:\n\n  "
       "berth dev -- pytest\n\nTasks need root and a container engine.",
       {{"--data-dir", "FOLDER", "keeps everything there; containers run on afterwards", 0},
        {"--port", "PORT", "of the APIs (7350, or any that is free)", 0},
        {"--no-node", "", "only the APIs and the balancer, no containers", 0}},
       0,
       0,
       Completes::kNothing,
       Reach::kOffline,
       run_dev},
      {"env",
       group,
       "",
       "Exports for a shell: endpoint, keys, region, cluster",
       "eval \"$(berth env)\"; the secret is among them.",
       {},
       0,
       0,
       Completes::kNothing,
       Reach::kApi,
       env},
      {"doctor",
       group,
       "",
       "What is wrong with this installation, as far as can be seen from here",
       "",
       {},
       0,
       0,
       Completes::kNothing,
       Reach::kApi,
       run_doctor},
      {"check",
       group,
       "[FILE] [-- FLAGS...]",
       "Whether settings of the agent or a configuration of the balancer are good",
       "By `berth-agent check` and `berth-balancer --check`, which must be on this machine.",
       {},
       0,
       1,
       Completes::kFile,
       Reach::kOffline,
       check},
      {"snapshot",
       group,
       "save|restore FILE",
       "Keeps control's state in a file, or makes a data directory of it",
       "By `berth-agent snapshot`, on control's host and as its user.",
       {{"--data-dir", "FOLDER", "control's data directory", 0}},
       2,
       2,
       Completes::kFile,
       Reach::kOffline,
       snapshot},
      {"token",
       group,
       "",
       "What another host needs to join, in one word",
       "On control's host, as root: it holds the key of node-credentials.",
       {{"--control", "URL", "where other hosts reach control", 0},
        {"--file", "FILE", "control's node-credentials", 0}},
       0,
       0,
       Completes::kNothing,
       Reach::kOffline,
       run_token},
      {"join",
       group,
       "[TOKEN]",
       "Sets this host's agent up to join; without a token, how that is done",
       kHowToJoin,
       {{"--address", "ADDRESS", "where balancers reach this host", 0},
        {"--root", "FOLDER", "writes below this folder", 0}},
       0,
       1,
       Completes::kNothing,
       Reach::kOffline,
       run_join},
  };
}

}  // namespace agent::cli
