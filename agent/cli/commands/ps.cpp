// ps, status, nodes: what there is and how it is.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Result;

namespace {

// A host's address and name by its ARN, for tasks.
Result<std::map<std::string, std::string>> names_of_nodes(Context& context) {
  auto nodes = all_nodes(context);
  if (!nodes) return nodes.error();
  std::map<std::string, std::string> names;
  for (const json& each : *nodes) names[text_in(each, "containerInstanceArn")] = node_name(each);
  return names;
}

std::string age_of(const json& object, const char* member, shared::WallTime now) {
  const auto time = time_in(object, member);
  return time ? age(now - *time) : std::string();
}

Result<int> ps(Context& context) {
  std::string service = context.args.word(0);
  if (!service.empty()) {
    auto found = find_service(context, service);
    if (!found) return found.error();
    service = text_in(*found, "serviceName");
  }
  const bool all = context.args.has("--all");
  auto tasks = tasks_of(context, service, all ? Tasks::kAll : Tasks::kLive);
  if (!tasks) return tasks.error();
  if (const std::string node = context.args.value("--node"); !node.empty()) {
    auto found = find_node(context, node);
    if (!found) return found.error();
    json kept = json::array();
    for (const json& each : *tasks) {
      if (text_in(each, "containerInstanceArn") == text_in(*found, "containerInstanceArn"))
        kept.push_back(each);
    }
    *tasks = std::move(kept);
  }
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(*tasks)) ? kDone : kFailed;
  auto nodes = names_of_nodes(context);
  if (!nodes) return nodes.error();
  if (tasks->empty()) {
    context.out.note(
        service.empty()
            ? "no tasks in cluster " + context.cluster() + (all ? "" : "; --all shows stopped ones")
            : "service " + service + " has no tasks" + (all ? "" : "; --all shows stopped ones"));
    return kDone;
  }
  context.out.show(task_table(*tasks, *nodes, context.api().now()));
  return kDone;
}

// ---- status ----

std::string percent_text(const json& deployment) {
  const long long desired = number_in(deployment, "desiredCount");
  const long long running = number_in(deployment, "runningCount");
  return std::to_string(running) + "/" + std::to_string(desired);
}

Result<int> status_of_all(Context& context) {
  auto services = all_services(context);
  if (!services) return services.error();
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(*services)) ? kDone : kFailed;
  if (services->empty()) {
    context.out.note("no services in cluster " + context.cluster());
    return kDone;
  }
  context.out.show(service_table(*services, context.api().now()));
  return kDone;
}

Table deployment_table(const json& service, shared::WallTime now) {
  Table table({{"DEPLOYMENT", Align::kLeft, true, 12, 3},
               {"STATUS"},
               {"REVISION", Align::kLeft, false, 10, 0},
               {"RUNNING", Align::kRight},
               {"PENDING", Align::kRight},
               {"FAILED", Align::kRight},
               {"STATE"},
               {"AGE", Align::kRight},
               {"REASON", Align::kLeft, false, 12, 1}});
  for (const json& each : list_in(service, "deployments")) {
    const std::string state = text_in(each, "rolloutState");
    table.add({{text_in(each, "id")},
               {text_in(each, "status")},
               {std::string(revision_in(text_in(each, "taskDefinition")))},
               {percent_text(each)},
               {std::to_string(number_in(each, "pendingCount"))},
               {std::to_string(number_in(each, "failedTasks")),
                number_in(each, "failedTasks") > 0 ? Style::kBad : Style::kPlain},
               {state, style_of_state(state)},
               {age_of(each, "createdAt", now)},
               {text_in(each, "rolloutStateReason")}});
  }
  return table;
}

Result<void> show_targets(Context& context, const json& service) {
  Table table({{"TARGET GROUP", Align::kLeft, false, 8, 0},
               {"HEALTHY", Align::kRight},
               {"UNHEALTHY", Align::kRight},
               {"INITIAL", Align::kRight},
               {"DRAINING", Align::kRight},
               {"CONTAINER"}});
  for (const json& each : list_in(service, "loadBalancers")) {
    const std::string arn = text_in(each, "targetGroupArn");
    auto health = target_health(context, arn);
    if (!health) return health.error();
    std::map<std::string, int> counts;
    for (const json& target : *health) ++counts[text_in(object_in(target, "TargetHealth"), "State")];
    table.add({{elb_name(arn)},
               {std::to_string(counts["healthy"]), counts["healthy"] > 0 ? Style::kGood : Style::kBad},
               {std::to_string(counts["unhealthy"]), counts["unhealthy"] > 0 ? Style::kBad : Style::kPlain},
               {std::to_string(counts["initial"])},
               {std::to_string(counts["draining"])},
               {text_in(each, "containerName") + ":" + std::to_string(number_in(each, "containerPort"))}});
  }
  if (!table.empty()) context.out.print("\n" + table.render(context.out.look()));
  return {};
}

Result<int> status(Context& context) {
  if (context.args.words.empty()) return status_of_all(context);
  auto service = find_service(context, context.args.word(0));
  if (!service) return service.error();
  const std::string name = text_in(*service, "serviceName");
  const ServiceState state = state_of_service(*service);
  const int code = state.word == "failed" ? kFailed : kDone;
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(*service)) ? code : kFailed;
  auto tasks = tasks_of(context, name, Tasks::kLive);
  if (!tasks) return tasks.error();
  auto nodes = names_of_nodes(context);
  if (!nodes) return nodes.error();
  Terminal& out = context.out;
  const shared::WallTime now = context.api().now();
  out.line(out.painted(name, Style::kBold) + "  " + out.painted(state.word, state.style) + "  " +
           std::to_string(number_in(*service, "runningCount")) + " of " +
           std::to_string(number_in(*service, "desiredCount")) + " tasks run  " +
           std::string(revision_in(text_in(*service, "taskDefinition"))) + "  cluster " + context.cluster());
  if (!state.why.empty()) out.line(harmless(state.why));
  out.print("\n" + deployment_table(*service, now).render(out.look()));
  if (auto shown = show_targets(context, *service); !shown) return shown.error();
  if (!tasks->empty()) out.print("\n" + task_table(*tasks, *nodes, now).render(out.look()));
  const json& events = list_in(*service, "events");
  const std::size_t most = 5;
  if (!events.empty()) out.print("\n" + out.painted("EVENTS", Style::kBold) + "\n");
  for (std::size_t i = std::min(most, events.size()); i-- > 0;) {
    const auto at = time_in(events[i], "createdAt");
    const std::string when = at ? age(now - *at) : "";
    const std::string text = std::string(4 - std::min<std::size_t>(4, when.size()), ' ') + when + " ago  " +
                             event_words(text_in(events[i], "message"), name);
    out.line(out.width() == 0 ? text : shortened_to(text, out.width()));
  }
  return code;
}

// ---- nodes ----

struct Room {
  long long cpu = 0;
  long long memory = 0;
};

Room room_in(const json& node, const char* member) {
  Room room;
  for (const json& each : list_in(node, member)) {
    if (text_in(each, "name") == "CPU") room.cpu = number_in(each, "integerValue");
    if (text_in(each, "name") == "MEMORY") room.memory = number_in(each, "integerValue");
  }
  return room;
}

std::string share(long long left, long long all) {
  if (all <= 0) return "";
  return std::to_string(std::lround(100.0 * static_cast<double>(all - left) / static_cast<double>(all))) +
         "%";
}

std::string attribute_in(const json& node, std::string_view name) {
  for (const json& each : list_in(node, "attributes")) {
    if (text_in(each, "name") == name) return text_in(each, "value");
  }
  return "";
}

Result<int> nodes(Context& context) {
  auto found = all_nodes(context);
  if (!found) return found.error();
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(*found)) ? kDone : kFailed;
  if (found->empty()) {
    context.out.note("no hosts have joined cluster " + context.cluster() +
                     "; `berth join` says how one does");
    return kDone;
  }
  Table table({{"NODE", Align::kLeft, false, 12, 0},
               {"STATE"},
               {"TASKS", Align::kRight},
               {"CPU", Align::kRight},
               {"MEMORY", Align::kRight},
               {"FREE CPU", Align::kRight, false, 0, 4},
               {"FREE MIB", Align::kRight, false, 0, 3},
               {"ADDRESS", Align::kLeft, false, 0, 2},
               {"ZONE", Align::kLeft, true},
               {"ARCH", Align::kLeft, true},
               {"AGENT", Align::kLeft, true},
               {"ENGINE", Align::kLeft, true},
               {"PROVIDER", Align::kLeft, true},
               {"ID", Align::kLeft, true},
               {"AGE", Align::kRight, false, 0, 1}});
  for (const json& each : *found) {
    const Room all = room_in(each, "registeredResources");
    const Room left = room_in(each, "remainingResources");
    const bool connected = flag_in(each, "agentConnected");
    const std::string state = connected ? text_in(each, "status") : "not connected";
    const json& version = object_in(each, "versionInfo");
    const long long pending = number_in(each, "pendingTasksCount");
    table.add({{node_name(each)},
               {state, style_of_state(state)},
               {std::to_string(number_in(each, "runningTasksCount")) +
                (pending > 0 ? "+" + std::to_string(pending) : "")},
               {share(left.cpu, all.cpu)},
               {share(left.memory, all.memory)},
               {std::to_string(left.cpu)},
               {std::to_string(left.memory)},
               {attribute_in(each, "berth.address")},
               {attribute_in(each, "ecs.availability-zone")},
               {attribute_in(each, "ecs.cpu-architecture")},
               {text_in(version, "agentVersion")},
               {text_in(version, "dockerVersion")},
               {text_in(each, "capacityProviderName")},
               {std::string(name_in(text_in(each, "containerInstanceArn")))},
               {age_of(each, "registeredAt", context.api().now())}});
  }
  context.out.show(table);
  return kDone;
}

}  // namespace

std::vector<Command> look_commands() {
  return {
      {"ps",
       "Look",
       "[SERVICE]",
       "Tasks that run, of one service or of all",
       "Tasks that are to stop are shown until they have. With --all those that have stopped too, with their "
       "exit codes and reasons.",
       {{"--all", "", "stopped tasks too", 'a'}, {"--node", "NODE", "only on this host", 0}},
       0,
       1,
       Completes::kService,
       Reach::kApi,
       ps},
      {"status",
       "Look",
       "[SERVICE]",
       "Services, or one with its deployments, targets, tasks and newest events",
       "The state is steady, deploying, starting, failed, draining or inactive. Of one service that is "
       "failed the exit code is 1.",
       {},
       0,
       1,
       Completes::kService,
       Reach::kApi,
       status},
      {"nodes",
       "Look",
       "",
       "Hosts with what is reserved and free on them",
       "",
       {},
       0,
       0,
       Completes::kNothing,
       Reach::kApi,
       nodes},
  };
}

}  // namespace agent::cli
