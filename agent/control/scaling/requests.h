// Scalable targets, policies and scheduled actions of services, as Application Auto Scaling has them. Keys:
// the service's row key, and "<that>/<name>". Names of errors are that API's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::scaling {

inline constexpr std::size_t kMaxPolicies = 50;  // of a target
inline constexpr std::size_t kMaxScheduledActions = 200;
inline constexpr std::size_t kMaxActivities = 100;  // the oldest go
inline constexpr shared::Millis kActivitiesKept{42 * 86'400'000LL};

std::string target_arn(const Settings& settings, const model::ScalableTarget& target);
// "arn:aws:autoscaling:...:scalingPolicy:<uuid>:resource/ecs/service/<cluster>/<service>:policyName/<name>"
std::string policy_arn(const Settings& settings, const std::string& key, const model::ScalingPolicy& policy);
std::string action_arn(const Settings& settings, const std::string& key,
                       const model::ScheduledAction& action);

struct Register {
  std::optional<int> min_capacity;
  std::optional<int> max_capacity;
  std::optional<bool> scale_in_suspended;
  std::optional<bool> scale_out_suspended;
  std::optional<bool> scheduled_suspended;
  std::vector<model::Tag> tags;
};
// Makes or changes the target; a desired count outside of its bounds is moved inside at once. Error
// ValidationException.
shared::Result<const model::ScalableTarget*> register_target(Step& step, const std::string& key,
                                                             const Register& request);
// With its policies, their alarms, its scheduled actions and activities. False: there was none.
bool deregister_target(Step& step, const std::string& key);
const model::ScalableTarget* find_target(const State& state, std::string_view key);
// Row key of the target with that ARN; empty: there is none.
std::string target_with_arn(const Step& step, std::string_view arn);
shared::Result<void> set_target_tags(Step& step, const std::string& key, std::vector<model::Tag> tags);

// Name, type and configuration come from the request; what the policy has done, its id and its alarms stay.
// Errors: ObjectNotFoundException, LimitExceededException.
shared::Result<const model::ScalingPolicy*> put_policy(Step& step, const std::string& key,
                                                       model::ScalingPolicy policy);
bool delete_policy(Step& step, const std::string& key, const std::string& name);
// Errors: ObjectNotFoundException, LimitExceededException.
shared::Result<void> put_scheduled_action(Step& step, const std::string& key, model::ScheduledAction action);
bool delete_scheduled_action(Step& step, const std::string& key, const std::string& name);

// SetAlarmState: the state, and what the alarm does then.
void set_alarm_state(Step& step, const std::string& alarm, model::AlarmState state, const std::string& reason,
                     const std::string& reason_data);

// Sets the desired count as UpdateService does and notes it among the activities.
shared::Result<void> set_desired(Step& step, const std::string& key, int desired, const std::string& cause);
// A desired count that is outside of the target's bounds moves to the nearer one; `by`: who set that, for the
// cause.
shared::Result<void> keep_in_bounds(Step& step, const std::string& key, const std::string& by = "");

}  // namespace agent::control::scaling
