#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/events/ecs_target.h"
#include "agent/api/scheduler/request.h"
#include "agent/control/iam/task_roles.h"
#include "agent/control/state/faults.h"

namespace agent::api::scheduler {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostDescription = 512;
constexpr std::int64_t kMostWindow = 1'440;
constexpr std::int64_t kLeastAge = 60;
constexpr int kMostTasks = 10;

constexpr const char* kForeignParameters[] = {"EventBridgeParameters", "KinesisParameters",
                                              "SageMakerPipelineParameters", "SqsParameters"};

Result<model::EventTarget> read_target(In in) {
  for (const char* each : kForeignParameters) {
    if (in.has(each))
      return invalid(in.path_of(each) + ": is not offered: the target of a schedule is an ECS cluster.");
  }
  if (!in.has("EcsParameters"))
    return invalid(in.path_of("EcsParameters") +
                   ": is required: the target of a schedule is an ECS cluster.");
  if (auto ok = agent::api::events::check_ecs_target(in, kMostTasks); !ok) return ok.error();
  model::EventTarget target;
  target.id = "target";
  target.arn = in.string_or("Arn", "");
  target.role_arn = in.string_or("RoleArn", "");
  target.input = in.string_or("Input", "");
  target.ecs = in.raw("EcsParameters").value_or("");
  if (const auto dead = in.child("DeadLetterConfig")) target.dead_letter = dead->string_or("Arn", "");
  if (const auto retry = in.child("RetryPolicy")) {
    target.max_age = retry->integer_or<std::int64_t>("MaximumEventAgeInSeconds", events::kMostAge, kLeastAge,
                                                     events::kMostAge);
    target.max_attempts = retry->integer_or<std::int64_t>("MaximumRetryAttempts", events::kMostAttempts, 0,
                                                          events::kMostAttempts);
  }
  if (!in.ok()) return in.error();
  return target;
}

// As it is shown: with the defaults of what was left out.
std::string shown_target(In in, const model::EventTarget& target) {
  json out = *in.value("EcsParameters");
  json whole{{"Arn", target.arn}, {"RoleArn", target.role_arn}};
  if (!out.contains("TaskCount")) out["TaskCount"] = 1;
  if (!out.contains("EnableECSManagedTags")) out["EnableECSManagedTags"] = false;
  if (!out.contains("EnableExecuteCommand")) out["EnableExecuteCommand"] = false;
  whole["EcsParameters"] = std::move(out);
  whole["RetryPolicy"] = {{"MaximumEventAgeInSeconds", target.max_age},
                          {"MaximumRetryAttempts", target.max_attempts}};
  if (!target.input.empty()) whole["Input"] = target.input;
  if (!target.dead_letter.empty()) whole["DeadLetterConfig"] = {{"Arn", target.dead_letter}};
  return shared::json::to_text(whole);
}

Result<void> read_window(In in, model::Schedule& row) {
  const auto window = in.required_child("FlexibleTimeWindow");
  if (!window) return in.error();
  const std::string mode = window->required_string("Mode");
  const auto minutes = window->integer<std::int64_t>("MaximumWindowInMinutes", 1, kMostWindow);
  if (!in.ok()) return in.error();
  if (mode != "OFF" && mode != "FLEXIBLE")
    return invalid("FlexibleTimeWindow.Mode: must be OFF or FLEXIBLE.");
  if (mode == "FLEXIBLE" && !minutes)
    return invalid("FlexibleTimeWindow.MaximumWindowInMinutes: is required in Mode FLEXIBLE.");
  if (mode == "OFF" && minutes)
    return invalid("FlexibleTimeWindow.MaximumWindowInMinutes: cannot be given in Mode OFF.");
  row.window_minutes = minutes.value_or(0);
  return {};
}

Result<model::Schedule> schedule_in(const Context& at, In in) {
  model::Schedule row;
  auto name = name_in(in, "Name");
  if (!name) return name.error();
  row.name = *std::move(name);
  auto group = group_in(in);
  if (!group) return group.error();
  row.group = *std::move(group);
  row.description = in.string_or("Description", "");
  row.expression = in.required_string("ScheduleExpression");
  row.timezone = in.string_or("ScheduleExpressionTimezone", "UTC");
  row.kms_key = in.string_or("KmsKeyArn", "");
  row.client_token = in.string_or("ClientToken", "");
  const std::string state = in.string_or("State", "ENABLED");
  const std::string after = in.string_or("ActionAfterCompletion", "NONE");
  if (const auto start = in.time("StartDate")) {
    row.has_start = true;
    row.start_at = *start;
  }
  if (const auto end = in.time("EndDate")) {
    row.has_end = true;
    row.end_at = *end;
  }
  if (!in.ok()) return in.error();
  if (row.description.size() > kMostDescription)
    return invalid("Description: can have at most 512 characters.");
  if (state != "ENABLED" && state != "DISABLED") return invalid("State: must be ENABLED or DISABLED.");
  if (after != "NONE" && after != "DELETE") return invalid("ActionAfterCompletion: must be NONE or DELETE.");
  row.enabled = state == "ENABLED";
  row.delete_after = after == "DELETE";
  if (auto read = read_window(in, row); !read) return read.error();
  const auto target = in.required_child("Target");
  if (!target) return in.error();
  auto read = read_target(*target);
  if (!read) return read.error();
  row.target = *std::move(read);
  row.document = shown_target(*target, row.target);
  // A role that is here must let the scheduler have it, as AWS asks at once.
  const auto* role = control::iam::find_role(at.step, row.target.role_arn);
  if (role == nullptr ||
      !control::iam::trusts_service(at.step, *role, "scheduler.amazonaws.com",
                                    events::schedule_arn(at.step.settings, row.group, row.name)))
    return invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.");
  return row;
}

Answer create_schedule(const Context& at, In in) {
  auto row = schedule_in(at, in);
  if (!row) return row.error();
  const auto made = events::create_schedule(at.step, *std::move(row));
  if (!made) return made.error();
  return json{{"ScheduleArn", (*made)->arn}};
}

Answer update_schedule(const Context& at, In in) {
  auto row = schedule_in(at, in);
  if (!row) return row.error();
  const auto made = events::update_schedule(at.step, *std::move(row));
  if (!made) return made.error();
  return json{{"ScheduleArn", (*made)->arn}};
}

Answer get_schedule(const Context& at, In in) {
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  const auto group = group_in(in);
  if (!group) return group.error();
  const auto found = events::find_schedule(at.step.state, *group, *name);
  if (!found) return found.error();
  const model::Schedule& row = **found;
  json out{{"Arn", row.arn},
           {"Name", row.name},
           {"GroupName", row.group},
           {"ScheduleExpression", row.expression},
           {"ScheduleExpressionTimezone", row.timezone},
           {"State", row.enabled ? "ENABLED" : "DISABLED"},
           {"ActionAfterCompletion", row.delete_after ? "DELETE" : "NONE"},
           {"CreationDate", shared::epoch_seconds(row.created_at)},
           {"LastModificationDate", shared::epoch_seconds(row.modified_at)}};
  out["FlexibleTimeWindow"] = {{"Mode", row.window_minutes == 0 ? "OFF" : "FLEXIBLE"}};
  if (row.window_minutes != 0) out["FlexibleTimeWindow"]["MaximumWindowInMinutes"] = row.window_minutes;
  if (!row.description.empty()) out["Description"] = row.description;
  if (!row.kms_key.empty()) out["KmsKeyArn"] = row.kms_key;
  if (row.has_start) out["StartDate"] = shared::epoch_seconds(row.start_at);
  if (row.has_end) out["EndDate"] = shared::epoch_seconds(row.end_at);
  if (auto target = shared::json::parse(row.document)) out["Target"] = *std::move(target);
  return out;
}

Answer delete_schedule(const Context& at, In in) {
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  const auto group = group_in(in);
  if (!group) return group.error();
  if (auto done = events::delete_schedule(at.step, *group, *name); !done) return done.error();
  return json::object();
}

Answer list_schedules(const Context& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const std::string group = in.string_or("GroupName", "");
  const std::string prefix = in.string_or("NamePrefix", "");
  const std::string state = in.string_or("State", "");
  if (!in.ok()) return in.error();
  if (!group.empty() && !events::has_group(at.step.state, group))
    return control::fault("ResourceNotFoundException",
                          "Schedule group " + group.substr(0, 64) + " does not exist.");
  json out{{"Schedules", json::array()}};
  const auto word = [](const model::Schedule& row) { return row.enabled ? "ENABLED" : "DISABLED"; };
  const std::string next = page_through(
      at.step.state.neighbours().schedules.rows(), *page,
      [&](const auto& each) {
        const model::Schedule& row = each.second;
        return (group.empty() || row.group == group) && row.name.starts_with(prefix) &&
               (state.empty() || state == word(row));
      },
      [&](const auto& each) {
        const model::Schedule& row = each.second;
        json shown{{"Arn", row.arn},
                   {"Name", row.name},
                   {"GroupName", row.group},
                   {"State", word(row)},
                   {"CreationDate", shared::epoch_seconds(row.created_at)},
                   {"LastModificationDate", shared::epoch_seconds(row.modified_at)}};
        shown["Target"] = json::object();
        shown["Target"]["Arn"] = row.target.arn;
        out["Schedules"].push_back(std::move(shown));
      });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

constexpr auto kScheduleOperations = std::to_array<Operation>({
    {"CreateSchedule", create_schedule},
    {"DeleteSchedule", delete_schedule},
    {"GetSchedule", get_schedule},
    {"ListSchedules", list_schedules},
    {"UpdateSchedule", update_schedule},
});

}  // namespace

std::span<const Operation> schedule_operations() { return kScheduleOperations; }

}  // namespace agent::api::scheduler
