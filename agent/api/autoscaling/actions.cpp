#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/autoscaling/operations.h"
#include "agent/control/state/faults.h"
#include "agent/schedule/schedule.h"

namespace agent::api::autoscaling {

using model::ScheduledAction;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxActionPage = 50;
constexpr int kMaxActionCapacity = 5'000;

Answer put_scheduled_action(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  const auto name = name_in(in, "ScheduledActionName", "scheduledActionName");
  if (!name) return name.error();
  if (name->find_first_of(":/|") != std::string::npos)
    return constraint("scheduledActionName", *name,
                      "Member must satisfy regular expression pattern: (?!((^[ "
                      "]+.*)|(.*([\\u0000-\\u001f]|[\\u007f-\\u009f]|[:/|])+.*)|(.*[ ]+$))).+");
  const auto& old_rows = step.state.neighbours().scheduled_actions;
  ScheduledAction action;
  // What a change does not say stays, but for its beginning and its end.
  if (const ScheduledAction* old = old_rows.find(*key + "/" + *name)) action = *old;
  action.name = *name;
  action.schedule = in.string_or("Schedule", action.schedule);
  action.timezone = in.string_or("Timezone", action.timezone);
  const auto start = in.time("StartTime");
  const auto end = in.time("EndTime");
  action.has_start = start.has_value();
  action.has_end = end.has_value();
  action.start_at = start.value_or(model::WallTime{});
  action.end_at = end.value_or(model::WallTime{});
  if (const auto capacity = in.child("ScalableTargetAction")) {
    const auto min = capacity->integer<int>("MinCapacity", 0, kMaxActionCapacity);
    const auto max = capacity->integer<int>("MaxCapacity", 0, kMaxActionCapacity);
    action.has_min = min.has_value();
    action.has_max = max.has_value();
    action.min_capacity = min.value_or(0);
    action.max_capacity = max.value_or(0);
  }
  if (!in.ok()) return in.error();
  if (action.schedule.empty()) return refuse("Schedule is required when a scheduled action is made.");
  if (!action.has_min && !action.has_max)
    return refuse("ScalableTargetAction must set MinCapacity, MaxCapacity or both.");
  if (action.has_min && action.has_max && action.min_capacity > action.max_capacity)
    return refuse("Maximum capacity cannot be less than minimum capacity.");
  if (action.has_start && action.has_end && action.start_at >= action.end_at)
    return refuse("StartTime must be before EndTime.");
  const auto schedule = agent::schedule::Schedule::parse(action.schedule, action.timezone);
  if (!schedule) {
    const bool zone = schedule.error().code() == "zone";
    return refuse((zone ? "Invalid Timezone: " : "Invalid schedule expression: ") + schedule.error().text());
  }
  const auto now = shared::whole_seconds(step.now);
  if (schedule->once() && !schedule->next(now - 1, now)) return refuse("Schedule: this time is in the past.");
  if (auto put = scaling::put_scheduled_action(step, *key, std::move(action)); !put) return put.error();
  return json::object();
}

Answer delete_scheduled_action(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  const auto name = name_in(in, "ScheduledActionName", "scheduledActionName");
  if (!name) return name.error();
  if (scaling::delete_scheduled_action(step, *key, *name)) return json::object();
  return control::fault("ObjectNotFoundException",
                        "No scheduled action found for service namespace: ecs, resource ID: service/" + *key +
                            ", scalable dimension: " + std::string(kDimension) +
                            ", scheduled action name: " + *name);
}

Answer describe_scheduled_actions(Step& step, In in) {
  const auto filter = filter_in(in);
  if (!filter) return filter.error();
  const auto page = page_in(in, kMaxActionPage);
  if (!page) return page.error();
  const auto names = in.strings("ScheduledActionNames");
  if (!in.ok()) return in.error();
  json out{{"ScheduledActions", json::array()}};
  if (filter->none) return out;
  const std::string next = page_through(
      step.state.neighbours().scheduled_actions.rows(), *page,
      [&](const auto& each) { return is_wanted(*filter, names, each); },
      [&](const auto& each) {
        const std::string key = target_key_of(each);
        const model::ScheduledAction& row = each.second;
        json shown{{"ScheduledActionName", row.name},
                   {"ScheduledActionARN", scaling::action_arn(step.settings, key, row)},
                   {"Schedule", row.schedule},
                   {"CreationTime", shared::epoch_seconds(row.created_at)},
                   {"ScalableTargetAction", json::object()}};
        if (!row.timezone.empty()) shown["Timezone"] = row.timezone;
        if (row.has_min) shown["ScalableTargetAction"]["MinCapacity"] = row.min_capacity;
        if (row.has_max) shown["ScalableTargetAction"]["MaxCapacity"] = row.max_capacity;
        if (row.has_start) shown["StartTime"] = shared::epoch_seconds(row.start_at);
        if (row.has_end) shown["EndTime"] = shared::epoch_seconds(row.end_at);
        name_target(shown, key);
        out["ScheduledActions"].push_back(std::move(shown));
      });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

constexpr auto kActionOperations = std::to_array<Operation>({
    {"DeleteScheduledAction", delete_scheduled_action},
    {"DescribeScheduledActions", describe_scheduled_actions},
    {"PutScheduledAction", put_scheduled_action},
});

}  // namespace

std::span<const Operation> action_operations() { return kActionOperations; }

}  // namespace agent::api::autoscaling
