#include "agent/control/scaling/activities.h"

#include <algorithm>

#include "agent/control/scaling/requests.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"

namespace agent::control::scaling {

namespace {

std::vector<std::string> activity_keys(const State& state, const std::string& key) {
  return keys_under(state.neighbours().scaling_activities, key);
}

}  // namespace

std::vector<const model::ScalingActivity*> activities_of(const State& state, const std::string& key) {
  std::vector<const model::ScalingActivity*> out;
  for (const std::string& each : activity_keys(state, key))
    out.push_back(state.neighbours().scaling_activities.find(each));
  std::reverse(out.begin(), out.end());
  return out;
}

void add_activity(Step& step, const std::string& key, model::ScalingActivity activity) {
  activity.id = step.random.uuid();
  activity.started_at = step.now;
  append_to_log(rows(step).neighbours().scaling_activities, key, activity_keys(step.state, key),
                step.millis() * 1'000, kMaxActivities, std::move(activity),
                [&](const auto& old) { return old.started_at + kActivitiesKept < step.now; });
}

bool settle_activities(Step& step, const std::string& key, int desired, int running) {
  auto& table = rows(step).neighbours().scaling_activities;
  bool open = false;
  for (const std::string& each : activity_keys(step.state, key)) {
    const model::ScalingActivity& row = *table.find(each);
    if (row.status != "InProgress") continue;
    if (row.capacity == desired && running != desired) {
      open = true;
      continue;
    }
    table.edit(each, [&](model::ScalingActivity& activity) {
      const bool done = activity.capacity == desired;
      activity.status = done ? "Successful" : "Overridden";
      activity.message =
          "Successfully set desired count to " + std::to_string(activity.capacity) + ". " +
          (done ? "Change successfully fulfilled by ecs." : "Change was overridden by another one.");
      activity.ended_at = step.now;
    });
  }
  return open;
}

void erase_activities(Step& step, const std::string& key) {
  erase_under(rows(step).neighbours().scaling_activities, key);
}

}  // namespace agent::control::scaling
