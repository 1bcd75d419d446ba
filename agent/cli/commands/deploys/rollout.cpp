// rollback, pause, continue, abort: deployments that are under way, and going back.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/follow.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

bool is_under_way(const json& deployment) {
  for (const char* word :
       {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
    if (text_in(deployment, "status") == word) return true;
  return false;
}

// Of a service, the newest first, whole.
Result<json> history_of(Context& context, const std::string& service) {
  json input = {{"cluster", context.cluster()}, {"service", service}};
  auto answer = context.api().ecs("ListServiceDeployments", input);
  if (!answer) return answer.error();
  json arns = json::array();
  for (const json& each : list_in(*answer, "serviceDeployments"))
    arns.push_back(text_in(each, "serviceDeploymentArn"));
  if (arns.empty()) return json(json::array());
  auto described = context.api().ecs("DescribeServiceDeployments", {{"serviceDeploymentArns", arns}});
  if (!described) return described.error();
  json all = list_in(*described, "serviceDeployments");
  std::stable_sort(all.begin(), all.end(), [](const json& a, const json& b) {
    return time_in(a, "createdAt") > time_in(b, "createdAt");
  });
  return all;
}

Result<json> revision_named(Context& context, const std::string& arn) {
  auto answer = context.api().ecs("DescribeServiceRevisions", {{"serviceRevisionArns", json::array({arn})}});
  if (!answer) return answer.error();
  const json& found = list_in(*answer, "serviceRevisions");
  return found.empty() ? json(json::object()) : found.front();
}

Error none_under_way(const std::string& service) {
  return Error("failed", "no deployment of service " + service + " is under way");
}

Result<std::string> under_way_of(Context& context, const std::string& service) {
  auto history = history_of(context, service);
  if (!history) return history.error();
  for (const json& each : *history)
    if (is_under_way(each)) return text_in(each, "serviceDeploymentArn");
  return none_under_way(service);
}

Result<int> follow_unless(Context& context, const json& before) {
  if (context.args.has("--no-wait")) return kDone;
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  return follow_deployment(context, text_in(before, "serviceName"), "", before, *limit);
}

// The task definition of the last successful deployment that was of another one than what runs.
Result<std::string> former_revision(Context& context, const json& history, const std::string& current) {
  for (const json& each : history) {
    if (text_in(each, "status") != "SUCCESSFUL") continue;
    auto revision = revision_named(context, text_in(object_in(each, "targetServiceRevision"), "arn"));
    if (!revision) return revision.error();
    const std::string definition = text_in(*revision, "taskDefinition");
    if (!definition.empty() && definition != current) return definition;
  }
  return std::string();
}

Result<int> rollback(Context& context) {
  const std::string name = context.args.word(0);
  auto service = find_service(context, name);
  if (!service) return service.error();
  std::string wanted = context.args.word(1);
  const std::string current = text_in(*service, "taskDefinition");
  if (wanted.empty()) {
    auto history = history_of(context, name);
    if (!history) return history.error();
    for (const json& each : *history) {
      if (!is_under_way(each)) continue;
      json input = json::object();
      input["serviceDeploymentArn"] = text_in(each, "serviceDeploymentArn");
      input["stopType"] = "ROLLBACK";
      auto stopped = context.api().ecs("StopServiceDeployment", input);
      if (!stopped) return stopped.error();
      context.out.line(name + ": the deployment of " + std::string(revision_in(current)) + " is taken back");
      return follow_unless(context, *service);
    }
    auto former = former_revision(context, *history, current);
    if (!former) return former.error();
    if (former->empty())
      return Error("failed", "service " + name + " was never steady with another revision than " +
                                 std::string(revision_in(current)) + "; name one: berth rollback " + name +
                                 " FAMILY:REVISION");
    wanted = *former;
  } else if (wanted.find_first_not_of("0123456789") == std::string::npos) {
    // A revision's number alone is of the family that runs.
    wanted = std::string(revision_in(current)).substr(0, revision_in(current).rfind(':')) + ":" + wanted;
  }
  auto changed = context.api().ecs(
      "UpdateService", {{"cluster", context.cluster()}, {"service", name}, {"taskDefinition", wanted}});
  if (!changed) return changed.error();
  context.out.line(name + ": " + std::string(revision_in(current)) + " -> " +
                   std::string(revision_in(text_in(object_in(*changed, "service"), "taskDefinition"))));
  return follow_unless(context, *service);
}

Result<int> abort_deployment(Context& context) {
  const std::string name = context.args.word(0);
  if (auto service = find_service(context, name); !service) return service.error();
  auto arn = under_way_of(context, name);
  if (!arn) return arn.error();
  json input = json::object();
  input["serviceDeploymentArn"] = *arn;
  input["stopType"] = "ABORT";
  auto stopped = context.api().ecs("StopServiceDeployment", input);
  if (!stopped) return stopped.error();
  context.out.line(name +
                   ": its deployment is aborted: nothing more is started or stopped for it, tasks stay as "
                   "they are; `berth rollback " +
                   name + "` goes back");
  return kDone;
}

Result<int> continue_deployment(Context& context) {
  const std::string name = context.args.word(0);
  auto service = find_service(context, name);
  if (!service) return service.error();
  auto history = history_of(context, name);
  if (!history) return history.error();
  bool any = false;
  for (const json& each : *history) {
    if (!is_under_way(each)) continue;
    any = true;
    for (const json& hook : list_in(each, "lifecycleHookDetails")) {
      if (text_in(hook, "status") != "AWAITING_ACTION") continue;
      json input = json::object();
      input["serviceDeploymentArn"] = text_in(each, "serviceDeploymentArn");
      input["hookId"] = text_in(hook, "hookId");
      input["action"] = context.args.has("--rollback") ? "ROLLBACK" : "CONTINUE";
      auto done = context.api().ecs("ContinueServiceDeployment", input);
      if (!done) return done.error();
      context.out.line(name + ": its deployment " +
                       (context.args.has("--rollback") ? "is taken back" : "goes on") + " from the stage " +
                       text_in(each, "lifecycleStage"));
      return follow_unless(context, *service);
    }
  }
  if (!any) return none_under_way(name);
  return Error("failed", "the deployment of service " + name + " waits for nobody");
}

Result<int> pause(Context& context) {
  const std::string name = context.args.word(0);
  auto service = find_service(context, name);
  if (!service) return service.error();
  json configuration = object_in(*service, "deploymentConfiguration");
  const std::string strategy = text_in(configuration, "strategy");
  if (strategy != "BLUE_GREEN" && strategy != "LINEAR" && strategy != "CANARY") {
    return Error("failed", "service " + name + " is deployed " + (strategy.empty() ? "ROLLING" : strategy) +
                               ", which has no stages to wait at; BLUE_GREEN, LINEAR and CANARY have "
                               "(deploymentConfiguration.strategy)");
  }
  const std::string stage = context.args.value("--stage", "POST_TEST_TRAFFIC_SHIFT");
  json hooks = json::array();
  for (const json& each : list_in(configuration, "lifecycleHooks"))
    if (text_in(each, "targetType") != "PAUSE") hooks.push_back(each);
  const bool off = context.args.has("--off");
  if (!off) {
    json hook = {{"targetType", "PAUSE"}};
    hook["lifecycleStages"] = json::array({stage});
    hooks.push_back(std::move(hook));
  }
  configuration["lifecycleHooks"] = std::move(hooks);
  json input = {{"cluster", context.cluster()}, {"service", name}};
  input["deploymentConfiguration"] = std::move(configuration);
  auto changed = context.api().ecs("UpdateService", input);
  if (!changed) return changed.error();
  context.out.line(off ? name + ": deployments wait for nobody any more"
                       : name + ": deployments wait at " + stage + " until `berth continue " + name +
                             "`; `berth pause " + name + " --off` ends that");
  return kDone;
}

Result<int> deployments(Context& context) {
  const std::string name = context.args.word(0);
  if (auto service = find_service(context, name); !service) return service.error();
  auto history = history_of(context, name);
  if (!history) return history.error();
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(*history)) ? kDone : kFailed;
  Table table({{"DEPLOYMENT", Align::kLeft, true},
               {"REVISION", Align::kLeft, false, 10, 0},
               {"STATUS"},
               {"STAGE", Align::kLeft, false, 0, 2},
               {"TOOK", Align::kRight},
               {"AGE", Align::kRight},
               {"REASON", Align::kLeft, false, 12, 1}});
  const shared::WallTime now = context.api().now();
  for (const json& each : *history) {
    auto revision = revision_named(context, text_in(object_in(each, "targetServiceRevision"), "arn"));
    const auto created = time_in(each, "createdAt");
    const auto finished = time_in(each, "finishedAt");
    const std::string status = text_in(each, "status");
    table.add({{std::string(name_in(text_in(each, "serviceDeploymentArn")))},
               {revision ? std::string(revision_in(text_in(*revision, "taskDefinition"))) : ""},
               {status, style_of_state(status)},
               {text_in(each, "lifecycleStage")},
               {created ? span(finished.value_or(now) - *created) : ""},
               {created ? age(now - *created) : ""},
               {text_in(each, "statusReason")}});
  }
  context.out.show(table);
  return kDone;
}

}  // namespace

std::vector<Command> rollout_commands() {
  const Flag no_wait{"--no-wait", "", "does not follow", 0};
  const Flag timeout{"--timeout", "TIME", "how long at most (10m)", 0};
  return {
      {"deployments",
       "Deploy",
       "SERVICE",
       "Deployments of a service and what became of them",
       "",
       {},
       1,
       1,
       Completes::kService,
       Reach::kApi,
       deployments},
      {"rollback",
       "Deploy",
       "SERVICE [REVISION]",
       "Back to the revision before, or to that one",
       "A deployment that is under way is stopped and taken back. Otherwise the service gets the revision "
       "with which it was steady before.\n"
       "REVISION is FAMILY:NUMBER, or a number.",
       {no_wait, timeout},
       1,
       2,
       Completes::kService,
       Reach::kApi,
       rollback},
      {"pause",
       "Deploy",
       "SERVICE",
       "Has deployments by stages wait for `berth continue`",
       "A PAUSE hook of the service's deployment configuration, for the strategies BLUE_GREEN, LINEAR and "
       "CANARY; it holds for the deployments after this.",
       {{"--stage", "STAGE", "where (POST_TEST_TRAFFIC_SHIFT)", 0},
        {"--off", "", "wait for nobody any more", 0}},
       1,
       1,
       Completes::kService,
       Reach::kApi,
       pause},
      {"continue",
       "Deploy",
       "SERVICE",
       "Lets a deployment that waits go on",
       "",
       {{"--rollback", "", "takes it back instead", 0}, no_wait, timeout},
       1,
       1,
       Completes::kService,
       Reach::kApi,
       continue_deployment},
      {"abort",
       "Deploy",
       "SERVICE",
       "Stops a deployment where it is",
       "Nothing is taken back: tasks of both revisions stay as they are.",
       {},
       1,
       1,
       Completes::kService,
       Reach::kApi,
       abort_deployment},
  };
}

}  // namespace agent::cli
