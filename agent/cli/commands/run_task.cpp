// run: one task by itself.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/follow.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/logs/log_reader.h"
#include "agent/cli/commands/look.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

// "NAME=VALUE" of -e.
Result<json> environment_of(const Arguments& args) {
  json out = json::array();
  for (const std::string& each : args.values("--env")) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error("usage", "--env: '" + each + "' is not NAME=VALUE");
    json one = json::object();
    one["name"] = each.substr(0, equals);
    one["value"] = each.substr(equals + 1);
    out.push_back(std::move(one));
  }
  return out;
}

Result<json> overrides_of(const Arguments& args, const json& definition) {
  auto environment = environment_of(args);
  if (!environment) return environment.error();
  json overrides = json::object();
  if (environment->empty() && args.rest.empty()) return overrides;
  std::string container = args.value("--container");
  const json& containers = list_in(definition, "containerDefinitions");
  if (container.empty()) container = containers.empty() ? "" : text_in(containers.front(), "name");
  std::vector<std::string> names;
  for (const json& each : containers) names.push_back(text_in(each, "name"));
  if (std::find(names.begin(), names.end(), container) == names.end())
    return Error("not_found",
                 not_found_text("container", container, names,
                                std::string(revision_in(text_in(definition, "taskDefinitionArn")))));
  json one = json::object();
  one["name"] = container;
  if (!args.rest.empty()) one["command"] = args.rest;
  if (!environment->empty()) one["environment"] = *std::move(environment);
  overrides["containerOverrides"] = json::array({std::move(one)});
  return overrides;
}

// The exit code of the task: of the container that was asked for, else of the first essential one.
int exit_code_of(const json& task, const json& definition, const std::string& container) {
  std::string wanted = container;
  for (const json& each : list_in(definition, "containerDefinitions")) {
    const bool essential = !each.contains("essential") || flag_in(each, "essential");
    if (wanted.empty() && essential) wanted = text_in(each, "name");
  }
  for (const json& each : list_in(task, "containers")) {
    if (text_in(each, "name") == wanted && each.contains("exitCode"))
      return static_cast<int>(number_in(each, "exitCode"));
  }
  return kNotRun;
}

Result<int> run_task(Context& context) {
  auto definition = task_definition(context, context.args.word(0));
  if (!definition) return definition.error();
  auto overrides = overrides_of(context.args, *definition);
  if (!overrides) return overrides.error();
  auto count = context.args.integer("--count", 1, 10);
  if (!count) return count.error();
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  const bool wait = context.args.has("--wait");
  if (wait && count->value_or(1) != 1)
    return Error("usage", "--wait passes on the exit code of one task: not with --count " +
                              context.args.value("--count"));
  json input = {{"cluster", context.cluster()}, {"startedBy", "berth run"}};
  input["taskDefinition"] = text_in(*definition, "taskDefinitionArn");
  input["count"] = count->value_or(1);
  if (!overrides->empty()) input["overrides"] = *std::move(overrides);
  auto ran = context.api().ecs("RunTask", input);
  if (!ran) return ran.error();
  for (const json& each : list_in(*ran, "failures")) {
    context.out.note("berth: not placed: " + text_in(each, "reason") +
                     (text_in(each, "detail").empty() ? "" : ", " + text_in(each, "detail")) +
                     (text_in(each, "arn").empty() ? "" : " (" + short_id(text_in(each, "arn")) + ")"));
  }
  const json& tasks = list_in(*ran, "tasks");
  if (tasks.empty()) return wait ? kNotRun : kFailed;
  if (!wait) {
    if (context.out.json()) return context.out.line(shared::json::to_pretty_text(tasks)) ? kDone : kFailed;
    for (const json& each : tasks) context.out.line(std::string(name_in(text_in(each, "taskArn"))));
    return list_in(*ran, "failures").empty() ? kDone : kFailed;
  }
  const std::string arn = text_in(tasks.front(), "taskArn");
  context.out.note("task " + short_id(arn) + " of " +
                   std::string(revision_in(text_in(*definition, "taskDefinitionArn"))));
  LogReader reader(context);
  json last = tasks.front();
  const auto show_lines = [&]() {
    auto sources = sources_of_tasks(context, json::array({last}), "");
    if (!sources) return;
    for (const LogStream& each : sources->streams) reader.add(each);
    auto lines = reader.empty() ? Result<std::vector<LogLine>>(std::vector<LogLine>())
                                : reader.read(shared::WallTime());
    if (!lines) return;
    for (const LogLine& each : *lines) context.out.line(harmless(each.text));
  };
  auto waited = wait_for(context, *limit, "task " + short_id(arn) + " has stopped", [&]() -> Result<bool> {
    auto now = describe_tasks(context, {arn});
    if (!now) return now.error();
    if (now->empty()) return Error("not_found", "task " + short_id(arn) + " is forgotten");
    last = now->front();
    show_lines();
    context.out.progress("  task " + short_id(arn) + " is " + text_in(last, "lastStatus"));
    return text_in(last, "lastStatus") == "STOPPED";
  });
  if (!waited) {
    if (waited.error().code() == "interrupted" || waited.error().code() == "timed_out")
      context.out.note("task " + short_id(arn) + " goes on; `berth stop " + short_id(arn) + "` ends it");
    return waited.error();
  }
  show_lines();
  const int code = exit_code_of(last, *definition, context.args.value("--container"));
  if (code == kNotRun)
    context.out.note("berth: the task did not run to an exit code: " + harmless(end_of_task(last)));
  if (context.out.json()) context.out.line(shared::json::to_pretty_text(last));
  return code;
}

}  // namespace

std::vector<Command> run_commands() {
  return {
      {"run",
       "Change",
       "DEFINITION",
       "Runs one task by itself; with --wait its exit code is passed on",
       "DEFINITION is a family, FAMILY:REVISION or an ARN. What follows -- is the command in place of the "
       "definition's:\n\n"
       "  berth run migrate --wait -- ./migrate --all\n\nWith --wait the lines of containers that log by "
       "awslogs are shown, and the exit code is that of the container.",
       {{"--wait", "", "until it has stopped", 'w'},
        {"--env", "NAME=VALUE", "one more variable; may be repeated", 'e', true},
        {"--container", "NAME", "whose command and variables, and whose exit code (the first one's)", 'c'},
        {"--count", "N", "so many tasks, 1 to 10", 0},
        {"--timeout", "TIME", "how long at most with --wait (10m)", 0}},
       1,
       1,
       Completes::kNothing,
       Reach::kApi,
       run_task}};
}

}  // namespace agent::cli
