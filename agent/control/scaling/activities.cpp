#include "agent/control/scaling/activities.h"

#include <algorithm>

#include "agent/control/scaling/requests.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control::scaling {

namespace {

constexpr std::size_t kActivityDigits = 20;

std::vector<std::string> activity_keys(const State& state, const std::string& key) {
  std::vector<std::string> keys;
  const std::string prefix = key + "/";
  const auto& table = state.neighbours().scaling_activities.rows();
  for (auto it = table.lower_bound(prefix); it != table.end() && it->first.starts_with(prefix); ++it)
    keys.push_back(it->first);
  return keys;
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
  auto& table = rows(step).neighbours().scaling_activities;
  const auto keys = activity_keys(step.state, key);
  std::uint64_t number = step.millis() * 1'000;
  if (!keys.empty()) {
    std::uint64_t newest = 0;
    for (const char c : id_in(keys.back())) newest = newest * 10 + static_cast<std::uint64_t>(c - '0');
    number = std::max(number, newest + 1);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys.size() - i >= kMaxActivities || table.find(keys[i])->started_at + kActivitiesKept < step.now)
      table.erase(keys[i]);
  }
  activity.id = step.random.uuid();
  activity.started_at = step.now;
  std::string digits = std::to_string(number);
  digits.insert(0, kActivityDigits - digits.size(), '0');
  table.put(key + "/" + digits, std::move(activity));
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
  for (const std::string& each : activity_keys(step.state, key))
    rows(step).neighbours().scaling_activities.erase(each);
}

}  // namespace agent::control::scaling
