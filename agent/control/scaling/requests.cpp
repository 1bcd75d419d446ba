#include "agent/control/scaling/requests.h"

#include <algorithm>

#include "agent/control/alarms/alarms.h"
#include "agent/control/scaling/activities.h"
#include "agent/control/scaling/plan.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/control/state/tag_rules.h"
#include "agent/control/tasks/service_events.h"

namespace agent::control::scaling {

using model::ScalableTarget;
using model::ScalingPolicy;
using model::ScheduledAction;
using shared::Result;

namespace {

constexpr std::size_t kIdChars = 36;
constexpr int kHighPeriods = 3;
constexpr int kLowPeriods = 15;

shared::Error no_target(const std::string& key) {
  return fault("ObjectNotFoundException",
               "No scalable target registered for service namespace: ecs, resource ID: service/" + key +
                   ", scalable dimension: ecs:service:DesiredCount");
}

std::string autoscaling_arn(const Settings& settings, const char* kind, const std::string& id,
                            const std::string& key, const char* name_word, const std::string& name) {
  return "arn:" + settings.partition + ":autoscaling:" + settings.region + ":" + settings.account + ":" +
         kind + ":" + id + ":resource/ecs/service/" + key + ":" + name_word + "/" + name;
}

// As Application Auto Scaling makes them; what they say is decided by the policy itself (reconcile.cpp).
void put_own_alarm(Step& step, const std::string& key, const ScalingPolicy& policy, bool high,
                   const std::string& arn) {
  model::Alarm alarm;
  alarm.name = high ? policy.high_alarm : policy.low_alarm;
  alarm.policy = key + "/" + policy.name;
  alarm.description = "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + arn + ".";
  alarm.alarm_actions = {arn};
  alarm.metric = policy.metric;
  alarm.evaluation_periods = high ? kHighPeriods : kLowPeriods;
  alarm.threshold = high ? policy.target : policy.target * kLowShare;
  alarm.comparison = high ? "GreaterThanThreshold" : "LessThanThreshold";
  const model::Alarm* old = alarms::find_alarm(step.state, alarm.name);
  if (old != nullptr && old->threshold == alarm.threshold && old->metric == alarm.metric) return;
  if (auto put = alarms::put_alarm(step, std::move(alarm)); !put) return;  // beyond the limit of alarms
}

void delete_own_alarms(Step& step, const ScalingPolicy& policy) {
  for (const std::string& name : {policy.high_alarm, policy.low_alarm}) {
    if (!name.empty()) alarms::delete_alarm(step, name);
  }
}

}  // namespace

std::string target_arn(const Settings& settings, const ScalableTarget& target) {
  return "arn:" + settings.partition + ":application-autoscaling:" + settings.region + ":" +
         settings.account + ":scalable-target/" + target.id;
}
std::string policy_arn(const Settings& settings, const std::string& key, const ScalingPolicy& policy) {
  return autoscaling_arn(settings, "scalingPolicy", policy.id, key, "policyName", policy.name);
}
std::string action_arn(const Settings& settings, const std::string& key, const ScheduledAction& action) {
  return autoscaling_arn(settings, "scheduledAction", action.id, key, "scheduledActionName", action.name);
}

const ScalableTarget* find_target(const State& state, std::string_view key) {
  return state.neighbours().scalable_targets.find(key);
}

std::string target_with_arn(const Step& step, std::string_view arn) {
  for (const auto& [key, target] : step.state.neighbours().scalable_targets.rows()) {
    if (target_arn(step.settings, target) == arn) return key;
  }
  return "";
}

Result<void> set_target_tags(Step& step, const std::string& key, std::vector<model::Tag> tags) {
  if (auto ok = check_tags(tags); !ok) return fault("ValidationException", ok.error().text());
  if (tags.size() > kMaxTags)
    return fault("TooManyTagsException", "A scalable target can have at most 50 tags.");
  rows(step).neighbours().scalable_targets.edit(key,
                                                [&](ScalableTarget& row) { row.tags = std::move(tags); });
  return {};
}

Result<void> set_desired(Step& step, const std::string& key, int desired, const std::string& cause) {
  UpdateService update;
  update.desired_count = desired;
  model::ScalingActivity activity;
  activity.description = "Setting desired count to " + std::to_string(desired) + ".";
  activity.cause = cause;
  activity.capacity = desired;
  if (auto done = update_service(step, key, update); !done) {
    activity.status = "Failed";
    activity.message =
        "Failed to set desired count to " + std::to_string(desired) + ". Reason: " + done.error().text();
    activity.ended_at = step.now;
    add_activity(step, key, std::move(activity));
    return done;
  }
  activity.status = "InProgress";
  activity.message = "Successfully set desired count to " + std::to_string(desired) +
                     ". Waiting for change to be fulfilled by ecs.";
  add_event(step, *step.state.services.find(key),
            "has set its desired count to " + std::to_string(desired) + ". Cause: " + cause + ".");
  add_activity(step, key, std::move(activity));
  return {};
}

Result<void> keep_in_bounds(Step& step, const std::string& key, const std::string& by) {
  const ScalableTarget& target = *find_target(step.state, key);
  const int desired = step.state.services.find(key)->desired_count;
  const int bounded = std::clamp(desired, target.min_capacity, target.max_capacity);
  if (bounded == desired) return {};
  const std::string bound = desired < bounded ? "minimum" : "maximum";
  return set_desired(step, key, bounded, bound + " capacity was set to " + std::to_string(bounded) + by);
}

Result<const ScalableTarget*> register_target(Step& step, const std::string& key, const Register& request) {
  auto& table = rows(step).neighbours().scalable_targets;
  const model::Service* service = step.state.services.find(key);
  if (service == nullptr || service->status != model::ServiceStatus::kActive)
    return fault("ValidationException", "ECS service doesn't exist: service/" + key);
  if (service->scheduling == model::SchedulingStrategy::kDaemon)
    return fault("ValidationException",
                 "ECS service service/" + key + " has the DAEMON strategy: it has no desired count.");
  const ScalableTarget* old = table.find(key);
  ScalableTarget target = old != nullptr ? *old : ScalableTarget{};
  if (old == nullptr) {
    if (!request.min_capacity || !request.max_capacity)
      return fault("ValidationException",
                   "MinCapacity and MaxCapacity are required when a scalable target is registered.");
    target.id = step.random.hex(kIdChars);
    target.created_at = step.now;
  }
  target.min_capacity = request.min_capacity.value_or(target.min_capacity);
  target.max_capacity = request.max_capacity.value_or(target.max_capacity);
  target.scale_in_suspended = request.scale_in_suspended.value_or(target.scale_in_suspended);
  target.scale_out_suspended = request.scale_out_suspended.value_or(target.scale_out_suspended);
  target.scheduled_suspended = request.scheduled_suspended.value_or(target.scheduled_suspended);
  if (target.max_capacity < target.min_capacity)
    return fault("ValidationException", "Maximum capacity cannot be less than minimum capacity.");
  if (!request.tags.empty() && (old == nullptr || old->tags != request.tags)) {
    if (old != nullptr)
      return fault("ValidationException",
                   "Tags are only taken when a scalable target is registered: use TagResource.");
    if (auto ok = check_tags(request.tags); !ok) return fault("ValidationException", ok.error().text());
    target.tags = request.tags;
  }
  table.put(key, std::move(target));
  if (auto done = keep_in_bounds(step, key); !done) return fault("ValidationException", done.error().text());
  return table.find(key);
}

bool deregister_target(Step& step, const std::string& key) {
  Neighbours& tables = rows(step).neighbours();
  if (tables.scalable_targets.find(key) == nullptr) return false;
  for (const std::string& each : keys_under(tables.scaling_policies, key)) {
    delete_own_alarms(step, *tables.scaling_policies.find(each));
    tables.scaling_policies.erase(each);
  }
  erase_under(tables.scheduled_actions, key);
  erase_activities(step, key);
  tables.scalable_targets.erase(key);
  rows(step).live.tasks_lately.erase(key);
  return true;
}

Result<const ScalingPolicy*> put_policy(Step& step, const std::string& key, ScalingPolicy policy) {
  auto& table = rows(step).neighbours().scaling_policies;
  if (find_target(step.state, key) == nullptr) return no_target(key);
  const std::string policy_key = key + "/" + policy.name;
  if (const ScalingPolicy* old = table.find(policy_key)) {
    policy.id = old->id;
    policy.created_at = old->created_at;
    policy.high_alarm = old->high_alarm;
    policy.low_alarm = old->low_alarm;
    policy.out_from = old->out_from;
    policy.out_at = old->out_at;
    policy.in_at = old->in_at;
  } else {
    if (keys_under(table, key).size() >= kMaxPolicies)
      return fault("LimitExceededException", "A scalable target can have at most 50 scaling policies.");
    policy.id = step.random.uuid();
    policy.created_at = step.now;
  }
  if (!policy.tracks || policy.in_disabled) {
    if (!policy.low_alarm.empty()) alarms::delete_alarm(step, policy.low_alarm);
    policy.low_alarm.clear();
  }
  if (!policy.tracks && !policy.high_alarm.empty()) {
    alarms::delete_alarm(step, policy.high_alarm);
    policy.high_alarm.clear();
  }
  if (policy.tracks) {
    const std::string prefix = "TargetTracking-service/" + key;
    if (policy.high_alarm.empty()) policy.high_alarm = prefix + "-AlarmHigh-" + step.random.uuid();
    if (policy.low_alarm.empty() && !policy.in_disabled)
      policy.low_alarm = prefix + "-AlarmLow-" + step.random.uuid();
  }
  const ScalingPolicy& put = table.put(policy_key, std::move(policy));
  const std::string arn = policy_arn(step.settings, key, put);
  if (!put.high_alarm.empty()) put_own_alarm(step, key, put, true, arn);
  if (!put.low_alarm.empty()) put_own_alarm(step, key, put, false, arn);
  return &put;
}

bool delete_policy(Step& step, const std::string& key, const std::string& name) {
  auto& table = rows(step).neighbours().scaling_policies;
  const ScalingPolicy* found = table.find(key + "/" + name);
  if (found == nullptr) return false;
  delete_own_alarms(step, *found);
  table.erase(key + "/" + name);
  return true;
}

Result<void> put_scheduled_action(Step& step, const std::string& key, ScheduledAction action) {
  auto& table = rows(step).neighbours().scheduled_actions;
  if (find_target(step.state, key) == nullptr) return no_target(key);
  const std::string action_key = key + "/" + action.name;
  if (const ScheduledAction* old = table.find(action_key)) {
    action.id = old->id;
    action.created_at = old->created_at;
  } else {
    if (keys_under(table, key).size() >= kMaxScheduledActions)
      return fault("LimitExceededException", "A scalable target can have at most 200 scheduled actions.");
    action.id = step.random.uuid();
    action.created_at = step.now;
  }
  action.done_until = step.now;
  table.put(action_key, std::move(action));
  return {};
}

bool delete_scheduled_action(Step& step, const std::string& key, const std::string& name) {
  auto& table = rows(step).neighbours().scheduled_actions;
  if (table.find(key + "/" + name) == nullptr) return false;
  table.erase(key + "/" + name);
  return true;
}

}  // namespace agent::control::scaling
