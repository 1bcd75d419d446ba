#include "agent/control/scaling/reconcile.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "agent/control/alarms/alarms.h"
#include "agent/control/scaling/activities.h"
#include "agent/control/scaling/plan.h"
#include "agent/control/scaling/requests.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/schedule/schedule.h"
#include "shared/base/time.h"

namespace agent::control::scaling {

using model::AlarmState;
using model::ScalableTarget;
using model::ScalingPolicy;
using model::ScheduledAction;
using shared::WallTime;

namespace {

constexpr std::int64_t kLookEvery = 1;  // seconds
// A request that was held longer ago has gone: clients that still wait are told again with the next one.
constexpr std::int64_t kHeldLately = 5;
// An alarm of a policy stays in ALARM for so long at least, so that noise fills no history.
constexpr shared::Millis kCalmAfter{60'000};

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

Situation situation_of(const Step& step, const model::Service& service, const ScalableTarget& target) {
  Situation at;
  at.desired = service.desired_count;
  at.min_capacity = target.min_capacity;
  at.max_capacity = target.max_capacity;
  at.in_rollout = service.deployments.size() > 1 ||
                  (!service.deployments.empty() &&
                   service.deployments.front().rollout_state == model::RolloutState::kInProgress);
  at.out_suspended = target.scale_out_suspended;
  at.in_suspended = target.scale_in_suspended;
  at.now = step.now;
  return at;
}

// It did not scale, and why; said once until something else happens.
void note_not_scaled(Step& step, const std::string& key, const Situation& at, const std::string& cause,
                     const std::string& code) {
  const auto before = activities_of(step.state, key);
  if (!before.empty() && before.front()->not_scaled == code && before.front()->capacity == at.desired) return;
  model::ScalingActivity activity;
  activity.description = "Attempting to scale due to alarm triggered";
  activity.cause = cause;
  activity.status = "Unfulfilled";
  activity.message = "The desired count stays at " + std::to_string(at.desired) + ".";
  activity.ended_at = step.now;
  activity.not_scaled = code;
  activity.capacity = at.desired;
  activity.min_capacity = at.min_capacity;
  activity.max_capacity = at.max_capacity;
  add_activity(step, key, std::move(activity));
}

void carry_out(Step& step, const std::string& key, const Situation& at, const Choice& choice,
               const std::string& cause) {
  if (!choice.desired) {
    if (!choice.not_scaled.empty()) note_not_scaled(step, key, at, cause, choice.not_scaled);
    return;
  }
  const std::string policy_key = key + "/" + choice.by->name;
  if (!set_desired(step, key, *choice.desired, cause)) return;
  rows(step).neighbours().scaling_policies.edit(policy_key, [&](ScalingPolicy& row) {
    if (!choice.out) {
      row.in_at = step.now;
      return;
    }
    const bool cooling =
        row.out_at != WallTime{} && step.now < row.out_at + std::chrono::seconds(row.out_cooldown);
    if (!cooling) row.out_from = at.desired;
    row.out_at = step.now;
    row.in_at = WallTime{};  // a scale-out ends the cooldown of scaling in
  });
}

// ---- Alarms of callers, and the step policies behind them ----

struct NamedPolicy {
  std::string target;  // its key
  const ScalingPolicy* policy;
};
std::optional<NamedPolicy> policy_named(const Step& step, const std::string& arn) {
  constexpr std::string_view kResource = ":resource/ecs/service/";
  constexpr std::string_view kName = ":policyName/";
  const auto resource = arn.find(kResource);
  if (resource == std::string::npos) return std::nullopt;
  const auto begin = resource + kResource.size();
  const auto name = arn.find(kName, begin);
  if (name == std::string::npos) return std::nullopt;
  const std::string key = arn.substr(begin, name - begin);
  const auto* policy =
      step.state.neighbours().scaling_policies.find(key + "/" + arn.substr(name + kName.size()));
  if (policy == nullptr || policy_arn(step.settings, key, *policy) != arn) return std::nullopt;
  return NamedPolicy{key, policy};
}

void run_step_policy(Step& step, const model::Alarm& alarm, const NamedPolicy& named, double value) {
  const model::Service* service = step.state.services.find(named.target);
  const ScalableTarget* target = find_target(step.state, named.target);
  if (service == nullptr || target == nullptr || named.policy->tracks) return;
  const Situation at = situation_of(step, *service, *target);
  const std::string cause = "monitor alarm " + alarm.name + " in state " + alarms::word(alarm.state) +
                            " triggered policy " + named.policy->name;
  carry_out(step, named.target, at, choose_step(at, *named.policy, value, alarm.threshold), cause);
}

double value_for(const ScalingPolicy& policy, const model::Alarm& alarm,
                 const std::optional<alarms::Finding>& found) {
  if (!found || !found->newest) return alarm.threshold;
  if (policy.aggregation == "Minimum") return *found->least;
  if (policy.aggregation == "Maximum") return *found->most;
  return *found->newest;
}

// Policies are asked again as long as the alarm lasts; everything else hears of changes only, and is not
// here.
void act(Step& step, const std::string& name, bool changed, const std::optional<alarms::Finding>& found) {
  const model::Alarm* alarm = alarms::find_alarm(step.state, name);
  if (alarm == nullptr || !alarm->actions_enabled || (!changed && alarm->state != AlarmState::kAlarm)) return;
  const auto actions = alarm->state == AlarmState::kAlarm ? alarm->alarm_actions
                       : alarm->state == AlarmState::kOk  ? alarm->ok_actions
                                                          : alarm->insufficient_data_actions;
  for (const std::string& arn : actions) {
    const auto named = policy_named(step, arn);
    if (named) run_step_policy(step, *alarm, *named, value_for(*named->policy, *alarm, found));
    if (!changed) continue;
    alarms::note_action(step, name,
                        named ? "Successfully executed action " + arn
                              : "Action " + arn + " is not carried out by this installation");
    alarm = alarms::find_alarm(step.state, name);
  }
}

void look_at_alarm(Step& step, const std::string& name) {
  const model::Alarm* before = alarms::find_alarm(step.state, name);
  if (before == nullptr) return;
  const AlarmState was = before->state;
  const auto found = alarms::look_at(step, name);
  const model::Alarm* alarm = alarms::find_alarm(step.state, name);
  if (found) act(step, name, alarm->state != was, found);
}

// ---- Scalable targets ----

void tell_alarms(Step& step, const ScalingPolicy& policy, const Wish& wish) {
  const bool unknown =
      !wish.data && shared::whole_seconds(step.now) < step.state.live.metrics->begun() + kNoDataAfter;
  if (unknown) return;
  const std::string shown = wish.data ? policy.metric.name + " is " + short_number(wish.value) +
                                            ", the target value is " + short_number(policy.target)
                                      : "Insufficient Data: no datapoints were received for 3 minutes";
  const auto tell = [&](const std::string& name, bool on, bool off) {
    const model::Alarm* alarm = alarms::find_alarm(step.state, name);
    if (alarm == nullptr) return;
    AlarmState state = alarm->state;
    if (!wish.data)
      state = AlarmState::kInsufficientData;
    else if (on)
      state = AlarmState::kAlarm;
    else if (state != AlarmState::kAlarm || (off && alarm->transition_at + kCalmAfter <= step.now))
      state = AlarmState::kOk;
    if (state != alarm->state) alarms::set_state(step, name, state, shown, "{}");
  };
  tell(policy.high_alarm, wish.high, wish.calm);
  if (!policy.low_alarm.empty()) tell(policy.low_alarm, wish.low, true);
}

void run_scheduled_action(Step& step, const std::string& key, const ScheduledAction& action) {
  rows(step).neighbours().scalable_targets.edit(key, [&](ScalableTarget& row) {
    if (action.has_min) row.min_capacity = action.min_capacity;
    if (action.has_max) row.max_capacity = action.max_capacity;
    if (row.min_capacity > row.max_capacity)
      (action.has_min ? row.max_capacity : row.min_capacity) =
          action.has_min ? row.min_capacity : row.max_capacity;
  });
  (void)keep_in_bounds(step, key, " by scheduled action " + action.name);
}

// What was missed while control was away is done once.
void scheduled_actions(Step& step, const std::string& key) {
  auto& table = rows(step).neighbours().scheduled_actions;
  for (const std::string& action_key : keys_under(table, key)) {
    const ScheduledAction action = *table.find(action_key);
    const auto schedule = schedule::Schedule::parse(action.schedule, action.timezone);
    if (!schedule) continue;  // the host has lost the file of its time zone
    const std::int64_t begun = shared::whole_seconds(action.has_start ? action.start_at : action.created_at);
    std::int64_t after = shared::whole_seconds(action.done_until);
    if (action.has_start) after = std::max(after, begun - 1);
    auto due = schedule->next(after, begun);
    const bool over = !due || (action.has_end && shared::from_whole_seconds(*due) > action.end_at);
    if (!over && shared::from_whole_seconds(*due) > step.now) {
      step.wake_at(shared::from_whole_seconds(*due));
      continue;
    }
    if (!over) {
      if (!find_target(step.state, key)->scheduled_suspended) run_scheduled_action(step, key, action);
      due = schedule->next(shared::whole_seconds(step.now), begun);
      if (due) step.wake_at(shared::from_whole_seconds(*due));
    }
    if (schedule->once() && !over) {
      table.erase(action_key);  // as AWS does
    } else if (!over) {
      table.edit(action_key, [&](ScheduledAction& row) { row.done_until = step.now; });
    }
  }
}

// Requests wait for a target of the service lately, which has no tasks: it gets one, and policies say what
// follows.
void wake_up(Step& step, const std::string& key, const Situation& at) {
  if (at.desired != 0 || at.max_capacity == 0 || at.out_suspended) return;
  const std::int64_t now = shared::whole_seconds(step.now);
  for (const model::ServiceLoadBalancer& each : step.state.services.find(key)->load_balancers) {
    for (const std::string& arn : {each.target_group_arn, each.alternate_target_group_arn}) {
      const model::TargetGroup* group = step.state.target_groups.find(arn);
      if (group == nullptr) continue;
      const metrics::Name held{"AWS/ApplicationELB", lb::kHeldRequests, {{"TargetGroup", group->full_name}}};
      if (step.state.live.metrics->total(held, now - kHeldLately, now + 1).sum <= 0) continue;
      (void)set_desired(
          step, key, std::max(1, at.min_capacity),
          "requests of target group " + group->full_name + " are held by a balancer until there is a target");
      return;
    }
  }
}

void look_at_target(Step& step, const std::string& key) {
  if (find_target(step.state, key) == nullptr) return;
  const model::Service* service = step.state.services.find(key);
  if (service == nullptr || service->status != model::ServiceStatus::kActive) {
    deregister_target(step, key);
    return;
  }
  scheduled_actions(step, key);
  const int running = count_tasks(step.state, *service).running;
  const Timing timing{step.settings.scale_out_after.count() / 1'000,
                      step.settings.scale_in_after.count() / 1'000};
  Running& tasks = rows(step).live.tasks_lately[key];
  note(tasks, shared::whole_seconds(step.now), running, timing);
  std::vector<Tracked> tracked;
  const auto& policies = step.state.neighbours().scaling_policies;
  for (const std::string& each : keys_under(policies, key)) {
    const ScalingPolicy* policy = policies.find(each);
    if (!policy->tracks) continue;
    tracked.push_back(
        {policy, track(*policy, *step.state.live.metrics, shared::whole_seconds(step.now), tasks, timing)});
    tell_alarms(step, *policy, tracked.back().wish);
  }
  const Situation at = situation_of(step, *service, *find_target(step.state, key));
  const Choice choice = choose(at, tracked);
  if (choice.by != nullptr) {
    const std::string cause = "monitor alarm " + (choice.out ? choice.by->high_alarm : choice.by->low_alarm) +
                              " in state ALARM triggered policy " + choice.by->name;
    const bool low_says_so = choice.desired || choice.out;
    if (low_says_so) carry_out(step, key, at, choice, cause);
  }
  wake_up(step, key, situation_of(step, *step.state.services.find(key), *find_target(step.state, key)));
  const bool asleep = step.state.services.find(key)->desired_count == 0;
  const bool open = settle_activities(step, key, step.state.services.find(key)->desired_count, running);
  if (open || asleep || !tracked.empty())
    step.wake_at(shared::from_whole_seconds(shared::whole_seconds(step.now) + kLookEvery));
}

}  // namespace

void set_alarm_state(Step& step, const std::string& alarm, AlarmState state, const std::string& reason,
                     const std::string& reason_data) {
  const model::Alarm* before = alarms::find_alarm(step.state, alarm);
  if (before == nullptr) return;
  const bool changed = before->state != state;
  alarms::set_state(step, alarm, state, reason, reason_data);
  act(step, alarm, changed, std::nullopt);
}

void reconcile(Step& step) {
  Agenda& agenda = rows(step).live.agenda;
  for (const std::string& name : agenda.take(Concern::kAlarm, step.now)) {
    step.subject = {Concern::kAlarm, name};
    look_at_alarm(step, name);
  }
  for (const std::string& key : agenda.take(Concern::kScaling, step.now)) {
    step.subject = {Concern::kScaling, key};
    look_at_target(step, key);
  }
}

}  // namespace agent::control::scaling
