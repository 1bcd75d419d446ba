// scale, restart, stop, wait, drain.
#include <nlohmann/json.hpp>

#include <charconv>

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

constexpr long long kMostDesired = 5000;

// After a change of a service: follows it, or says how to.
Result<int> after_change(Context& context, const json& before, const std::string& said) {
  const std::string service = text_in(before, "serviceName");
  if (context.out.json()) {
    auto found = find_service(context, service);
    if (!found) return found.error();
    if (!context.args.has("--wait"))
      return context.out.line(shared::json::to_pretty_text(*found)) ? kDone : kFailed;
  } else {
    context.out.line(said);
  }
  if (!context.args.has("--wait")) return kDone;
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  return follow_deployment(context, service, "", before, *limit);
}

Result<int> scale(Context& context) {
  // SERVICE COUNT or SERVICE=COUNT, as habits have it.
  std::string name = context.args.word(0);
  std::string count = context.args.word(1);
  if (const std::size_t equals = name.find('='); equals != std::string::npos && count.empty()) {
    count = name.substr(equals + 1);
    name.resize(equals);
  }
  long long wanted = -1;
  const auto read = std::from_chars(count.data(), count.data() + count.size(), wanted);
  if (read.ec != std::errc() || read.ptr != count.data() + count.size() || wanted < 0 ||
      wanted > kMostDesired)
    return Error("usage", "berth scale: '" + count +
                              "' is no number of tasks from 0 to 5000; usage: berth scale SERVICE COUNT");
  auto service = find_service(context, name);
  if (!service) return service.error();
  auto changed = context.api().ecs(
      "UpdateService", {{"cluster", context.cluster()}, {"service", name}, {"desiredCount", wanted}});
  if (!changed) return changed.error();
  return after_change(context, *service,
                      name + ": " + std::to_string(number_in(*service, "desiredCount")) + " -> " +
                          std::to_string(wanted) + " tasks");
}

Result<int> restart(Context& context) {
  const std::string name = context.args.word(0);
  auto service = find_service(context, name);
  if (!service) return service.error();
  auto changed = context.api().ecs(
      "UpdateService", {{"cluster", context.cluster()}, {"service", name}, {"forceNewDeployment", true}});
  if (!changed) return changed.error();
  return after_change(context, *service,
                      name + ": its tasks are replaced, new ones first (" +
                          std::string(revision_in(text_in(*service, "taskDefinition"))) + ")");
}

Result<int> stop(Context& context) {
  const std::string name = context.args.word(0);
  auto task = find_task(context, name);
  if (!task && task.error().code() != "not_found") return task.error();
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  if (task) {
    const std::string arn = text_in(*task, "taskArn");
    if (text_in(*task, "lastStatus") == "STOPPED") {
      context.out.note("task " + short_id(arn) + " has stopped already: " + harmless(end_of_task(*task)));
      return kDone;
    }
    json input = {{"cluster", context.cluster()}, {"task", arn}};
    input["reason"] = context.args.value("--reason", "Task stopped by berth stop");
    if (auto stopped = context.api().ecs("StopTask", input); !stopped) return stopped.error();
    const std::string service = service_of_task(*task);
    context.out.line("task " + short_id(arn) + " stops" +
                     (service.empty() ? "" : "; service " + service + " starts another one"));
    if (!context.args.has("--wait")) return kDone;
    auto waited = wait_for(context, *limit, "task " + short_id(arn) + " has stopped", [&]() -> Result<bool> {
      auto now = describe_tasks(context, {arn});
      if (!now) return now.error();
      if (now->empty()) return true;
      context.out.progress("  task " + short_id(arn) + " is " + text_in(now->front(), "lastStatus"));
      return text_in(now->front(), "lastStatus") == "STOPPED";
    });
    if (!waited) return waited.error();
    return kDone;
  }
  auto service = find_service(context, name);
  if (!service) {
    return Error("not_found", task.error().text() + "; " + service.error().text());
  }
  auto changed = context.api().ecs("UpdateService",
                                   {{"cluster", context.cluster()}, {"service", name}, {"desiredCount", 0}});
  if (!changed) return changed.error();
  return after_change(context, *service,
                      name + ": " + std::to_string(number_in(*service, "desiredCount")) +
                          " -> 0 tasks; `berth scale` starts them again");
}

Result<int> wait(Context& context) {
  const std::string name = context.args.word(0);
  const std::string what = context.args.word(1).empty() ? "steady" : context.args.word(1);
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  if (what == "steady") {
    auto service = find_service(context, name);
    if (service) return follow_deployment(context, name, "", *service, *limit);
    if (service.error().code() != "not_found") return service.error();
    auto task = find_task(context, name);
    if (!task) return service.error();
    return Error("usage",
                 "'" + name + "' is a task; wait for it with: berth wait " + name + " running|stopped");
  }
  if (what != "running" && what != "stopped")
    return Error("usage",
                 "berth wait: '" + what + "' is none of steady (of a service), running, stopped (of a task)");
  auto task = find_task(context, name);
  if (!task) return task.error();
  const std::string arn = text_in(*task, "taskArn");
  json last = json::object();
  auto waited = wait_for(context, *limit, "task " + short_id(arn) + " is " + what, [&]() -> Result<bool> {
    auto now = describe_tasks(context, {arn});
    if (!now) return now.error();
    if (now->empty()) return Error("not_found", "task " + short_id(arn) + " is forgotten");
    last = now->front();
    const std::string state = text_in(last, "lastStatus");
    context.out.progress("  task " + short_id(arn) + " is " + state);
    return state == "STOPPED" || (what == "running" && state == "RUNNING");
  });
  if (!waited) return waited.error();
  const bool stopped = text_in(last, "lastStatus") == "STOPPED";
  context.out.line("task " + short_id(arn) + " " +
                   (stopped ? "has stopped: " + harmless(end_of_task(last)) : "runs"));
  return stopped == (what == "stopped") ? kDone : kFailed;
}

Result<int> drain(Context& context) {
  auto node = find_node(context, context.args.word(0));
  if (!node) return node.error();
  const bool back = context.args.has("--undo");
  const std::string arn = text_in(*node, "containerInstanceArn");
  const std::string name = node_name(*node);
  json input = {{"cluster", context.cluster()}, {"status", back ? "ACTIVE" : "DRAINING"}};
  input["containerInstances"] = json::array({arn});
  auto changed = context.api().ecs("UpdateContainerInstancesState", input);
  if (!changed) return changed.error();
  for (const json& each : list_in(*changed, "failures"))
    return Error("failed", name + ": " + text_in(each, "reason"));
  if (back) {
    context.out.line(name + " takes tasks again");
    return kDone;
  }
  context.out.line(name + " drains: nothing new is placed there, services move their " +
                   std::to_string(number_in(*node, "runningTasksCount")) + " tasks elsewhere; `berth drain " +
                   name + " --undo` ends that");
  if (!context.args.has("--wait")) return kDone;
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  long long left = 0;
  auto waited = wait_for(context, *limit, "no tasks are left on " + name, [&]() -> Result<bool> {
    auto now = describe_nodes(context, {arn});
    if (!now) return now.error();
    left = now->empty()
               ? 0
               : number_in(now->front(), "runningTasksCount") + number_in(now->front(), "pendingTasksCount");
    context.out.progress("  " + std::to_string(left) + " tasks are left on " + name);
    return left == 0;
  });
  if (!waited)
    return Error(waited.error().code(), waited.error().text() + "; " + std::to_string(left) +
                                            " are there (berth ps --node " + name +
                                            "); tasks of no service stay until they are stopped");
  context.out.line("no tasks are left on " + name);
  return kDone;
}

}  // namespace

std::vector<Command> change_commands() {
  const Flag wait_flag{"--wait", "", "until it is so, with its events", 'w'};
  const Flag timeout{"--timeout", "TIME", "how long at most (10m)", 0};
  return {
      {"scale",
       "Change",
       "SERVICE COUNT",
       "Another number of tasks",
       "Also as SERVICE=COUNT.",
       {wait_flag, timeout},
       1,
       2,
       Completes::kService,
       Reach::kApi,
       scale},
      {"restart",
       "Change",
       "SERVICE",
       "Replaces all tasks of a service, new ones first",
       "A deployment of the same revision; images whose tags moved are pulled.",
       {wait_flag, timeout},
       1,
       1,
       Completes::kService,
       Reach::kApi,
       restart},
      {"stop",
       "Change",
       "TASK|SERVICE",
       "Stops a task, or all tasks of a service",
       "A service's task is replaced by another one. A service is kept, with no tasks.",
       {{"--reason", "TEXT", "kept as the task's stoppedReason", 0}, wait_flag, timeout},
       1,
       1,
       Completes::kServiceOrTask,
       Reach::kApi,
       stop},
      {"wait",
       "Change",
       "SERVICE|TASK [steady|running|stopped]",
       "Until a service is steady, or a task runs or has stopped",
       "Of a service whose deployment fails the exit code is 4.",
       {timeout},
       1,
       2,
       Completes::kServiceOrTask,
       Reach::kApi,
       wait},
      {"drain",
       "Change",
       "NODE",
       "Moves a host's tasks elsewhere, for maintenance",
       "Services start other tasks first and lose no request; tasks of no service stay.",
       {{"--undo", "", "takes tasks again", 0}, wait_flag, timeout},
       1,
       1,
       Completes::kNode,
       Reach::kApi,
       drain},
  };
}

}  // namespace agent::cli
