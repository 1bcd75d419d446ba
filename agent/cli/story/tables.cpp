#include <nlohmann/json.hpp>

#include "agent/cli/story/members.h"
#include "agent/cli/story/story.h"
#include "agent/cli/story/words.h"

namespace agent::cli {

using nlohmann::json;

namespace {

std::string since(const json& object, const char* member, shared::WallTime now) {
  const auto time = time_in(object, member);
  return time ? age(now - *time) : std::string();
}

// What comes after a state: why it stopped, or how healthy it is.
std::string note_of_task(const json& task) {
  if (text_in(task, "lastStatus") == "STOPPED") return end_of_task(task);
  if (text_in(task, "desiredStatus") == "STOPPED") return text_in(task, "stoppedReason");
  if (text_in(task, "connectivity") == "DISCONNECTED") return "its host is not connected";
  return "";
}

}  // namespace

Table task_table(const json& tasks, const std::map<std::string, std::string>& nodes, shared::WallTime now) {
  Table table({{"TASK"},
               {"SERVICE", Align::kLeft, false, 8, 4},
               {"REVISION", Align::kLeft, false, 10, 3},
               {"STATE"},
               {"HEALTH", Align::kLeft, false, 0, 2},
               {"NODE", Align::kLeft, false, 8, 5},
               {"PORTS", Align::kLeft, false, 10, 6},
               {"CPU", Align::kRight, true},
               {"MEMORY", Align::kRight, true},
               {"STARTED BY", Align::kLeft, true},
               {"AGE", Align::kRight},
               {"NOTE", Align::kLeft, false, 16, 1}});
  bool any_note = false;
  for (const json& each : tasks) any_note = any_note || !note_of_task(each).empty();
  if (!any_note) {
    table = Table({{"TASK"},
                   {"SERVICE", Align::kLeft, false, 8, 4},
                   {"REVISION", Align::kLeft, false, 10, 3},
                   {"STATE"},
                   {"HEALTH", Align::kLeft, false, 0, 2},
                   {"NODE", Align::kLeft, false, 8, 5},
                   {"PORTS", Align::kLeft, false, 10, 6},
                   {"CPU", Align::kRight, true},
                   {"MEMORY", Align::kRight, true},
                   {"STARTED BY", Align::kLeft, true},
                   {"AGE", Align::kRight}});
  }
  for (const json& each : tasks) {
    const std::string state = state_of_task(each);
    const std::string health = text_in(each, "healthStatus");
    const auto node = nodes.find(text_in(each, "containerInstanceArn"));
    std::vector<Cell> row = {{short_id(text_in(each, "taskArn"))},
                             {service_of_task(each)},
                             {std::string(revision_in(text_in(each, "taskDefinitionArn")))},
                             {state, style_of_state(state)},
                             {health == "UNKNOWN" ? "" : health, style_of_state(health)},
                             {node == nodes.end() ? "" : node->second},
                             {ports_of_task(each)},
                             {text_in(each, "cpu")},
                             {text_in(each, "memory")},
                             {text_in(each, "startedBy")},
                             {since(each, "createdAt", now)}};
    if (any_note) row.push_back({note_of_task(each), Style::kDim});
    table.add(std::move(row));
  }
  return table;
}

Table service_table(const json& services, shared::WallTime now) {
  Table table({{"SERVICE", Align::kLeft, false, 10, 0},
               {"STATE"},
               {"RUNNING", Align::kRight},
               {"PENDING", Align::kRight, false, 0, 3},
               {"REVISION", Align::kLeft, false, 10, 2},
               {"STRATEGY", Align::kLeft, true},
               {"DEPLOYED", Align::kRight},
               {"LAST EVENT", Align::kLeft, false, 16, 1}});
  for (const json& each : services) {
    const ServiceState state = state_of_service(each);
    const json& deployments = list_in(each, "deployments");
    const json& events = list_in(each, "events");
    const std::string strategy = text_in(object_in(each, "deploymentConfiguration"), "strategy");
    table.add(
        {{text_in(each, "serviceName")},
         {state.word, state.style},
         {std::to_string(number_in(each, "runningCount")) + "/" +
          std::to_string(number_in(each, "desiredCount"))},
         {std::to_string(number_in(each, "pendingCount"))},
         {std::string(revision_in(text_in(each, "taskDefinition")))},
         {text_in(each, "schedulingStrategy") == "DAEMON" ? "DAEMON" : strategy},
         {deployments.empty() ? "" : since(deployments.front(), "createdAt", now)},
         {events.empty() ? "" : event_words(text_in(events.front(), "message"), text_in(each, "serviceName")),
          Style::kDim}});
  }
  return table;
}

}  // namespace agent::cli
