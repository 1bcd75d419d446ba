#include "agent/api/scheduler/scheduler.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/json/json_call.h"
#include "agent/api/scheduler/request.h"
#include "agent/control/state/faults.h"

namespace agent::api::scheduler {

using control::fault;
using shared::Result;

namespace {

constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostOnPage = 100;

std::array<std::span<const Operation>, 2> tables() { return {schedule_operations(), group_operations()}; }

// Schedules and groups by their ARN; who makes a schedule passes its role.
std::vector<Access> accesses_of(const Context& at, In in) {
  const std::string& operation = at.call.operation;
  Access access{"scheduler:" + operation, {"*"}};
  const std::string name = in.string_or("Name", "");
  const std::string group = in.string_or("GroupName", events::kDefaultGroup);
  const auto& settings = at.step.settings;
  if (operation == "ListSchedules") {
    access.resources = {events::schedule_arn(settings, in.has("GroupName") ? group : "*", "*")};
  } else if (operation.ends_with("ScheduleGroup")) {
    access.resources = {events::group_arn(settings, name)};
  } else if (!name.empty()) {
    access.resources = {events::schedule_arn(settings, group, name)};
  } else if (in.has("ResourceArn")) {
    access.resources = {in.string_or("ResourceArn", "")};
  }
  std::vector<Access> out{access};
  if (operation == "CreateSchedule" || operation == "UpdateSchedule") {
    const auto target = in.child("Target");
    if (target && target->has("RoleArn"))
      out.push_back(pass_role(at.step, target->string_or("RoleArn", ""), "scheduler.amazonaws.com"));
  }
  return out;
}

}  // namespace

shared::Error invalid(const std::string& text) { return fault("ValidationException", text); }

Result<std::string> name_in(In in, std::string_view member) {
  auto name = in.required_string(member);
  if (!in.ok()) return in.error();
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  if (!plain || name.empty() || name.size() > kMostName)
    return invalid("1 validation error detected: Value '" + name.substr(0, 128) + "' at '" +
                   in.path_of(member) +
                   "' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                   "^[0-9a-zA-Z-_.]{1,64}$");
  return name;
}

Result<std::string> group_in(In in) {
  if (!in.has("GroupName")) return std::string(events::kDefaultGroup);
  return name_in(in, "GroupName");
}

Result<Page> page_in(In in) {
  return read_page<int>(
      in, {.most = kMostOnPage, .otherwise = kMostOnPage},
      [](const std::string&) { return invalid("MaxResults must be from 1 to 100."); },
      [] { return invalid("NextToken is not one of ours."); });
}

Result<std::string> handle(control::Step& step, const Call& call) {
  const Run run = find_operation(tables(), call.operation);
  if (run == nullptr)
    return fault("UnknownOperationException", "scheduler:" + call.operation + " is not offered here.");
  return run_json(run, Context{step, call}, "ValidationException", accesses_of);
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  return out;
}

}  // namespace agent::api::scheduler
