#include <algorithm>

#include "agent/control/events/events.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/control/state/tag_rules.h"
#include "agent/schedule/schedule.h"

namespace agent::control::events {

using shared::Result;

namespace {

Table<model::Schedule>& schedules_of(Step& step) { return rows(step).neighbours().schedules; }
std::string key_in(const model::Schedule& row) { return row.group + "/" + row.name; }

Result<void> check_schedule(const State& state, const model::Schedule& row) {
  if (!has_group(state, row.group))
    return fault("ResourceNotFoundException", "Schedule group " + row.group + " does not exist.");
  const auto schedule = schedule::Schedule::parse(row.expression, row.timezone);
  if (!schedule) {
    const bool zone = schedule.error().code() == "zone";
    return fault("ValidationException", zone ? "Invalid ScheduleExpressionTimezone " + row.timezone + "."
                                             : "Invalid Schedule Expression " + row.expression + ": " +
                                                   schedule.error().text() + ".");
  }
  if (row.has_start && row.has_end && row.end_at <= row.start_at)
    return fault("ValidationException", "The EndDate you specify must come after the StartDate.");
  return {};
}

shared::Error no_schedule(const std::string& name) {
  return fault("ResourceNotFoundException", "Schedule " + name + " does not exist.");
}

}  // namespace

std::string schedule_arn(const Settings& settings, std::string_view group, std::string_view name) {
  return "arn:" + settings.partition + ":scheduler:" + settings.region + ":" + settings.account +
         ":schedule/" + std::string(group) + "/" + std::string(name);
}
std::string group_arn(const Settings& settings, std::string_view name) {
  return "arn:" + settings.partition + ":scheduler:" + settings.region + ":" + settings.account +
         ":schedule-group/" + std::string(name);
}

Result<const model::Schedule*> find_schedule(const State& state, const std::string& group,
                                             const std::string& name) {
  if (const auto* row = state.neighbours().schedules.find(group + "/" + name)) return row;
  return no_schedule(name);
}

Result<const model::Schedule*> create_schedule(Step& step, model::Schedule schedule) {
  if (auto ok = check_schedule(step.state, schedule); !ok) return ok.error();
  if (const auto* before = step.state.neighbours().schedules.find(key_in(schedule))) {
    if (!schedule.client_token.empty() && schedule.client_token == before->client_token) return before;
    return fault("ConflictException", "Schedule " + schedule.name + " already exists.");
  }
  if (schedules_of(step).size() >= kMaxSchedules)
    return fault("ServiceQuotaExceededException",
                 "There may be " + std::to_string(kMaxSchedules) + " schedules.");
  schedule.arn = schedule_arn(step.settings, schedule.group, schedule.name);
  schedule.created_at = schedule.modified_at = step.now;
  schedule.done_until = step.now - shared::Millis(1'000);  // a rate begins at once
  const std::string key = key_in(schedule);
  return &schedules_of(step).put(key, std::move(schedule));
}

Result<const model::Schedule*> update_schedule(Step& step, model::Schedule schedule) {
  if (auto ok = check_schedule(step.state, schedule); !ok) return ok.error();
  const auto* before = step.state.neighbours().schedules.find(key_in(schedule));
  if (before == nullptr) return no_schedule(schedule.name);
  schedule.arn = before->arn;
  schedule.client_token = before->client_token;
  schedule.created_at = before->created_at;
  schedule.modified_at = step.now;
  const bool same_times = before->expression == schedule.expression &&
                          before->timezone == schedule.timezone && before->enabled == schedule.enabled;
  schedule.done_until = same_times ? before->done_until : step.now;
  const std::string key = key_in(schedule);
  return &schedules_of(step).put(key, std::move(schedule));
}

Result<void> delete_schedule(Step& step, const std::string& group, const std::string& name) {
  if (auto found = find_schedule(step.state, group, name); !found) return found.error();
  schedules_of(step).erase(group + "/" + name);
  return {};
}

bool has_group(const State& state, const std::string& name) {
  return name == kDefaultGroup || state.neighbours().schedule_groups.find(name) != nullptr;
}

Result<model::ScheduleGroup> find_group(const Step& step, const std::string& name) {
  if (const auto* row = step.state.neighbours().schedule_groups.find(name)) return *row;
  if (name != kDefaultGroup)
    return fault("ResourceNotFoundException", "Schedule group " + name + " does not exist.");
  model::ScheduleGroup group;
  group.name = name;
  group.arn = group_arn(step.settings, name);
  return group;
}

Result<void> create_group(Step& step, const std::string& name, std::vector<model::Tag> tags) {
  if (has_group(step.state, name))
    return fault("ConflictException", "Schedule group " + name + " already exists.");
  auto& table = rows(step).neighbours().schedule_groups;
  if (table.size() >= kMaxGroups)
    return fault("ServiceQuotaExceededException",
                 "There may be " + std::to_string(kMaxGroups) + " schedule groups.");
  if (auto ok = check_tags(tags); !ok) return fault("ValidationException", ok.error().text());
  table.put(name, {name, group_arn(step.settings, name), std::move(tags), step.now, step.now});
  return {};
}

Result<void> delete_group(Step& step, const std::string& name) {
  if (name == kDefaultGroup)
    return fault("ValidationException", "The default schedule group cannot be deleted.");
  if (auto found = find_group(step, name); !found) return found.error();
  erase_under(schedules_of(step), name);
  rows(step).neighbours().schedule_groups.erase(name);
  return {};
}

Result<void> set_group_tags(Step& step, const std::string& name, std::vector<model::Tag> tags) {
  if (auto ok = check_tags(tags); !ok) return fault("ValidationException", ok.error().text());
  auto& table = rows(step).neighbours().schedule_groups;
  if (table.find(name) == nullptr)
    return fault("ValidationException", "The default schedule group has no tags.");
  table.edit(name, [&](model::ScheduleGroup& row) {
    row.tags = std::move(tags);
    row.modified_at = step.now;
  });
  return {};
}

}  // namespace agent::control::events
