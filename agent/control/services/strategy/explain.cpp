#include "agent/control/services/strategy/explain.h"

#include <algorithm>
#include <map>
#include <vector>

#include "agent/control/elb/target_health.h"
#include "agent/control/state/lookup.h"
#include "shared/base/text.h"

namespace agent::control {
namespace {

constexpr std::size_t kMaxExplainedReason = 120;

// Texts with how often each was seen; the most frequent first, of equal ones the first in the alphabet.
std::string listed(const std::map<std::string, int>& seen) {
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [text, count] : seen) order.emplace_back(-count, text);
  std::sort(order.begin(), order.end());
  std::string out;
  for (std::size_t i = 0; i < order.size() && i < kMaxExplanations; ++i) {
    out += (i == 0 ? "" : "; ") + order[i].second;
    if (order[i].first < -1) out += " (" + std::to_string(-order[i].first) + " times)";
  }
  return out;
}

void look_at_ended(const model::Task& task, std::map<std::string, int>& ends) {
  bool told = false;
  for (const model::Container& each : task.containers) {
    if (!each.exit_code) continue;
    if (*each.exit_code == 0 && !each.essential) continue;
    ++ends["container " + each.name + " exited with " + std::to_string(*each.exit_code) +
           (each.reason.empty() ? "" : " (" + shared::shortened(each.reason, kMaxExplainedReason) + ")")];
    told = true;
  }
  if (!told && !task.stopped_reason.empty())
    ++ends[shared::shortened(task.stopped_reason, kMaxExplainedReason)];
}

// Of the target, as balancers said last, and of the containers' own checks.
void look_at_health(const State& state, const model::Task& task, std::map<std::string, int>& answers) {
  for (const model::TaskTarget& each : task.targets) {
    const model::RegisteredTarget* row = find_target(state, each);
    if (row == nullptr) continue;
    const TargetHealth health = health_of(state, *row);
    if (health.state == lb::Health::kUnhealthy && !health.description.empty()) ++answers[health.description];
  }
  for (const model::Container& each : task.containers) {
    if (each.health == model::HealthStatus::kUnhealthy) ++answers["container " + each.name + " is UNHEALTHY"];
  }
}

}  // namespace

std::string explain_deployment(const State& state, const model::Service& service,
                               const std::string& deployment_id) {
  std::map<std::string, int> ends;
  std::map<std::string, int> answers;
  for (const std::string& key : state.task_index().of_service(key_of(service))) {
    const model::Task& task = *state.tasks.find(key);
    if (task.deployment_id == deployment_id) look_at_health(state, task, answers);
  }
  const auto& stopped = state.task_index().stopped();
  std::size_t looked_at = 0;
  for (auto it = stopped.rbegin(); it != stopped.rend() && looked_at < kMaxExplainedTasks;
       ++it, ++looked_at) {
    const model::Task& task = *state.tasks.find(it->second);
    if (task.deployment_id != deployment_id) continue;
    look_at_ended(task, ends);
  }
  std::string out;
  if (!ends.empty()) out += " Its tasks ended: " + listed(ends) + ".";
  if (!answers.empty()) out += " Health checks said: " + listed(answers) + ".";
  return out;
}

}  // namespace agent::control
