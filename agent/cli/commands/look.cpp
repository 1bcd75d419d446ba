#include "agent/cli/commands/look.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kServicesAtOnce = 10;
constexpr std::size_t kTasksAtOnce = 100;
constexpr std::size_t kNodesAtOnce = 100;
// Tasks that are to stop and have not yet are found among all stopped ones; of more than so many they are not
// looked for.
constexpr std::size_t kMostStopped = 1000;

Error not_found(std::string text) { return Error("not_found", std::move(text), shared::Blame::kClient); }

Result<json> describe(Context& context, const char* operation, const char* given, const char* answered,
                      const std::vector<std::string>& names, std::size_t at_once) {
  json all = json::array();
  for (std::size_t at = 0; at < names.size(); at += at_once) {
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), at + at_once));
    json input = json::object();
    input["cluster"] = context.cluster();
    input[given] = std::vector<std::string>(names.begin() + static_cast<std::ptrdiff_t>(at), end);
    auto answer = context.api().ecs(operation, input);
    if (!answer) return answer.error();
    for (const json& each : list_in(*answer, answered)) all.push_back(each);
  }
  return all;
}

void sort_by(json& list, const char* member) {
  std::stable_sort(list.begin(), list.end(),
                   [&](const json& a, const json& b) { return text_in(a, member) < text_in(b, member); });
}

// The one whose id begins so; its index in `ids`.
Result<std::size_t> by_beginning(const std::vector<std::string>& ids, const std::string& wanted,
                                 const char* what, const std::string& cluster) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == wanted) return i;
    if (ids[i].starts_with(wanted)) found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return not_found(not_found_text(what, wanted, ids, "cluster " + cluster));
  std::string text =
      "'" + wanted + "' is the beginning of " + std::to_string(found.size()) + " " + what + "s:";
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 5); ++i) text += " " + ids[found[i]];
  return Error("ambiguous", text, shared::Blame::kClient);
}

}  // namespace

Result<std::vector<std::string>> ecs_list(Context& context, const char* operation, const json& input,
                                          const char* member) {
  std::vector<std::string> all;
  json request = input;
  request["cluster"] = context.cluster();
  for (;;) {
    auto answer = context.api().ecs(operation, request);
    if (!answer) return answer.error();
    for (std::string& each : texts_in(*answer, member)) all.push_back(std::move(each));
    const std::string next = text_in(*answer, "nextToken");
    if (next.empty()) return all;
    request["nextToken"] = next;
  }
}

Result<json> describe_services(Context& context, const std::vector<std::string>& names) {
  return describe(context, "DescribeServices", "services", "services", names, kServicesAtOnce);
}
Result<json> describe_tasks(Context& context, const std::vector<std::string>& arns) {
  return describe(context, "DescribeTasks", "tasks", "tasks", arns, kTasksAtOnce);
}
Result<json> describe_nodes(Context& context, const std::vector<std::string>& arns) {
  return describe(context, "DescribeContainerInstances", "containerInstances", "containerInstances", arns,
                  kNodesAtOnce);
}

Result<json> all_services(Context& context) {
  auto arns = ecs_list(context, "ListServices", {{"maxResults", 100}}, "serviceArns");
  if (!arns) return arns.error();
  auto services = describe_services(context, *arns);
  if (services) sort_by(*services, "serviceName");
  return services;
}

Result<json> all_nodes(Context& context) {
  auto arns = ecs_list(context, "ListContainerInstances", json::object(), "containerInstanceArns");
  if (!arns) return arns.error();
  auto nodes = describe_nodes(context, *arns);
  if (nodes) sort_by(*nodes, "ec2InstanceId");
  return nodes;
}

Result<json> tasks_of(Context& context, const std::string& service, Tasks which) {
  std::vector<std::string> arns;
  for (const char* status : {"STOPPED", "RUNNING"}) {
    if (which != Tasks::kAll && (which == Tasks::kLive) != (std::string_view(status) == "RUNNING")) continue;
    json input = {{"desiredStatus", status}, {"maxResults", 100}};
    if (!service.empty()) input["serviceName"] = service;
    auto found = ecs_list(context, "ListTasks", input, "taskArns");
    if (!found) return found.error();
    arns.insert(arns.end(), found->begin(), found->end());
  }
  auto tasks = describe_tasks(context, arns);
  if (!tasks) return tasks;
  if (which == Tasks::kLive) {
    // Of those that are to stop, those that have not yet are shown too: they are there.
    json input = {{"desiredStatus", "STOPPED"}, {"maxResults", 100}};
    if (!service.empty()) input["serviceName"] = service;
    auto ending = ecs_list(context, "ListTasks", input, "taskArns");
    if (!ending) return ending.error();
    if (ending->size() > kMostStopped) ending->clear();
    auto more = describe_tasks(context, *ending);
    if (!more) return more;
    for (const json& each : *more) {
      if (text_in(each, "lastStatus") != "STOPPED") tasks->push_back(each);
    }
  }
  std::stable_sort(tasks->begin(), tasks->end(), [](const json& a, const json& b) {
    return time_in(a, "createdAt").value_or(shared::WallTime()) <
           time_in(b, "createdAt").value_or(shared::WallTime());
  });
  return tasks;
}

Result<json> find_service(Context& context, const std::string& name) {
  auto found = describe_services(context, {name});
  if (!found) return found.error();
  if (!found->empty() && text_in(found->front(), "status") != "INACTIVE") return found->front();
  auto arns = ecs_list(context, "ListServices", {{"maxResults", 100}}, "serviceArns");
  if (!arns) return arns.error();
  std::vector<std::string> names;
  for (const std::string& arn : *arns) names.emplace_back(name_in(arn));
  return not_found(not_found_text("service", name, names, "cluster " + context.cluster()));
}

Result<json> find_task(Context& context, const std::string& id) {
  constexpr std::size_t kWhole = 32;
  if (id.starts_with("arn:") || id.size() == kWhole) {
    auto found = describe_tasks(context, {id});
    if (!found) return found.error();
    if (!found->empty()) return found->front();
  }
  std::vector<std::string> arns;
  std::vector<std::string> ids;
  for (const char* status : {"RUNNING", "STOPPED"}) {
    auto found = ecs_list(context, "ListTasks", {{"desiredStatus", status}, {"maxResults", 100}}, "taskArns");
    if (!found) return found.error();
    for (const std::string& arn : *found) {
      arns.push_back(arn);
      ids.emplace_back(name_in(arn));
    }
  }
  const auto index = by_beginning(ids, std::string(name_in(id)), "task", context.cluster());
  if (!index) return index.error();
  auto found = describe_tasks(context, {arns[*index]});
  if (!found) return found.error();
  if (found->empty()) return not_found("task " + ids[*index] + " is forgotten");
  return found->front();
}

Result<json> find_node(Context& context, const std::string& name) {
  auto nodes = all_nodes(context);
  if (!nodes) return nodes.error();
  std::vector<std::string> names;
  std::vector<std::string> ids;
  for (const json& each : *nodes) {
    names.push_back(node_name(each));
    ids.emplace_back(name_in(text_in(each, "containerInstanceArn")));
  }
  const auto same = std::find(names.begin(), names.end(), name);
  if (same != names.end()) return (*nodes)[static_cast<std::size_t>(same - names.begin())];
  if (const auto index = by_beginning(ids, std::string(name_in(name)), "node", context.cluster()))
    return (*nodes)[*index];
  const auto index = by_beginning(names, name, "node", context.cluster());
  if (!index) return index.error();
  return (*nodes)[*index];
}

Result<json> task_definition(Context& context, const std::string& name) {
  auto answer = context.api().ecs("DescribeTaskDefinition", {{"taskDefinition", name}});
  if (!answer) return answer.error();
  return object_in(*answer, "taskDefinition");
}

Result<json> elb_list(Context& context, const char* operation, const json& input, const char* member) {
  json all = json::array();
  json request = input;
  for (;;) {
    auto answer = context.api().elb(operation, request);
    if (!answer) return answer.error();
    for (const json& each : list_in(*answer, member)) all.push_back(each);
    const std::string next = text_in(*answer, "NextMarker");
    if (next.empty()) return all;
    request["Marker"] = next;
  }
}

Result<json> target_health(Context& context, const std::string& group_arn) {
  return elb_list(context, "DescribeTargetHealth", {{"TargetGroupArn", group_arn}},
                  "TargetHealthDescriptions");
}

}  // namespace agent::cli
