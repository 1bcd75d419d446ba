// EventBridge as control keeps it: rules of the default bus, their targets, schedules of EventBridge
// Scheduler and their groups, and events on their way. Values arrive decoded; names of errors are those of
// the two APIs.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::events {

inline constexpr std::size_t kMaxRules = 300;  // AWS's quota
inline constexpr std::size_t kMaxTargets = 5;  // of a rule
inline constexpr std::size_t kMaxSchedules = 10'000;
inline constexpr std::size_t kMaxGroups = 500;
inline constexpr std::size_t kMaxInvocations = 10'000;  // that wait; further ones are dropped
inline constexpr std::int64_t kMostAge = 86'400;        // seconds
inline constexpr std::int64_t kMostAttempts = 185;
inline constexpr const char* kBus = "default";
inline constexpr const char* kDefaultGroup = "default";

// ---- Rules ----

std::string rule_arn(const Settings& settings, std::string_view name);
std::string bus_arn(const Settings& settings);
// Error ResourceNotFoundException.
shared::Result<const model::EventRule*> find_rule(const State& state, std::string_view name);
// All but targets, tags and times come from `rule`; tags only when it is new. Errors:
// InvalidEventPatternException, ValidationException, LimitExceededException.
shared::Result<const model::EventRule*> put_rule(Step& step, model::EventRule rule);
// Errors: ResourceNotFoundException is none; ValidationException while it has targets.
shared::Result<void> delete_rule(Step& step, const std::string& name);
shared::Result<void> enable_rule(Step& step, const std::string& name, bool enabled);
// In place of those with the same ids. Errors: ResourceNotFoundException, LimitExceededException.
shared::Result<void> put_targets(Step& step, const std::string& name,
                                 std::vector<model::EventTarget> targets);
// Those of these ids that there are not.
shared::Result<std::vector<std::string>> remove_targets(Step& step, const std::string& name,
                                                        const std::vector<std::string>& ids);
shared::Result<void> set_rule_tags(Step& step, const std::string& name, std::vector<model::Tag> tags);

// ---- Schedules ----

std::string schedule_arn(const Settings& settings, std::string_view group, std::string_view name);
std::string group_arn(const Settings& settings, std::string_view name);
shared::Result<const model::Schedule*> find_schedule(const State& state, const std::string& group,
                                                     const std::string& name);
// Errors: ConflictException, ResourceNotFoundException (the group), ValidationException,
// ServiceQuotaExceededException.
shared::Result<const model::Schedule*> create_schedule(Step& step, model::Schedule schedule);
shared::Result<const model::Schedule*> update_schedule(Step& step, model::Schedule schedule);
shared::Result<void> delete_schedule(Step& step, const std::string& group, const std::string& name);
// The group `default` is there without a row.
bool has_group(const State& state, const std::string& name);
shared::Result<model::ScheduleGroup> find_group(const Step& step, const std::string& name);
shared::Result<void> create_group(Step& step, const std::string& name, std::vector<model::Tag> tags);
// With its schedules.
shared::Result<void> delete_group(Step& step, const std::string& name);
shared::Result<void> set_group_tags(Step& step, const std::string& name, std::vector<model::Tag> tags);

// ---- Events ----

struct Event {
  std::string source;
  std::string detail_type;
  std::string detail;  // JSON object
  std::vector<std::string> resources;
  std::optional<shared::WallTime> time;
};
// To the targets of the rules whose patterns it matches; its id.
std::string put_event(Step& step, const Event& event);
// Whether any rule could want one.
bool anybody_listens(const State& state);

// ---- For the folder itself ----

// The event of a rule whose time has come, to its targets.
void deliver_scheduled(Step& step, const model::EventRule& rule, shared::WallTime at);
void invoke(Step& step, model::Invocation invocation);

}  // namespace agent::control::events
