#include "agent/api/events/events.h"

#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/events/request.h"
#include "agent/api/json/json_call.h"
#include "agent/control/state/faults.h"

namespace agent::api::events {

using control::fault;
using shared::Result;

namespace {

std::array<std::span<const Operation>, 3> tables() {
  return {rule_operations(), target_operations(), event_operations()};
}

constexpr std::string_view kNoBuses = "is not offered: there is the event bus default and no other.";
constexpr std::string_view kNoArchives = "is not offered: events are not archived.";
constexpr std::string_view kNoConnections = "is not offered: targets are ECS tasks and log groups.";
constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"CancelReplay", kNoArchives},  {"CreateApiDestination", kNoConnections},
    {"CreateArchive", kNoArchives}, {"CreateConnection", kNoConnections},
    {"CreateEventBus", kNoBuses},   {"DeleteEventBus", kNoBuses},
    {"PutPermission", kNoBuses},    {"RemovePermission", kNoBuses},
    {"StartReplay", kNoArchives},   {"UpdateEventBus", kNoBuses},
};

// Rules by their ARN, with what a role that is passed to EventBridge asks for.
std::vector<Access> accesses_of(const Context& at, In in) {
  const std::string& operation = at.call.operation;
  Access access{"events:" + operation, {"*"}};
  const std::string name = in.string_or(in.has("Rule") ? "Rule" : "Name", "");
  const bool of_rule = !name.empty() && operation != "DescribeEventBus";
  if (of_rule) {
    access.resources = {control::events::rule_arn(at.step.settings, name)};
    if (const auto row = control::events::find_rule(at.step.state, name))
      add_resource_tags(access, (*row)->tags);
  } else if (const std::string arn = in.string_or("ResourceARN", ""); !arn.empty()) {
    access.resources = {arn};
  } else if (operation == "PutEvents") {
    access.resources = {control::events::bus_arn(at.step.settings)};
  }
  add_request_tags(access, read_tags(in));
  std::vector<Access> out{access};
  const auto passes = [&](const std::string& role) {
    if (!role.empty()) out.push_back(pass_role(at.step, role, "events.amazonaws.com"));
  };
  if (operation == "PutRule") passes(in.string_or("RoleArn", ""));
  if (operation == "PutTargets") {
    for (const auto& each : in.children("Targets")) passes(each.string_or("RoleArn", ""));
  }
  return out;
}

}  // namespace

Result<std::string> handle(control::Step& step, const Call& call) {
  const Run run = find_operation(tables(), call.operation);
  if (run == nullptr) {
    for (const auto& [name, why] : kNotOffered) {
      if (name == call.operation) return invalid("events:" + call.operation + " " + std::string(why));
    }
    return fault("UnknownOperationException",
                 "events:" + call.operation + " does not exist, or is not offered here.");
  }
  return run_json(run, Context{step, call}, "ValidationException", accesses_of);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::events
