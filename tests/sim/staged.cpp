// The simulated service whose deployments go by stages: what the operator asks of it, and what must hold.
#include <nlohmann/json.hpp>

#include "agent/control/services/history.h"
#include "agent/control/services/services.h"
#include "tests/sim/cluster.h"

namespace sim {

using nlohmann::json;
namespace model = agent::model;

void Cluster::set_up_stages() {
  const std::string group = create_group("shift");
  services_.push_back({"shift", "default", 1, {group}, {}, {}, {}});
  Service& service = services_.back();
  service.staged = true;
  service.alternate = create_group("shift-other");
  const auto rule = [&](const std::string& path) {
    const std::string request =
        "Action=CreateRule&Version=2015-12-01&ListenerArn=" + listener_ +
        "&Priority=" + std::to_string(100 + paths_.size()) +
        "&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=" + path +
        "&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn=" + group;
    paths_.push_back(path);
    return text_in(must_call("elbv2", "CreateRule", request), "RuleArn");
  };
  service.production_rule = rule("/shift");
  service.test_rule = rule("/shift-test");
}

// Of short times, so that deployments end while the cluster lives.
std::string Cluster::staged_configuration() {
  static constexpr const char* kKinds[] = {"BLUE_GREEN", "LINEAR", "CANARY"};
  const std::string kind = kKinds[world_.random().below(3)];
  json out{{"strategy", kind}, {"bakeTimeInMinutes", world_.random().below(2)}};
  if (kind == "LINEAR")
    out["linearConfiguration"] = {{"stepPercent", 40}, {"stepBakeTimeInMinutes", world_.random().below(2)}};
  if (kind == "CANARY")
    out["canaryConfiguration"] = {{"canaryPercent", 0.5},
                                  {"canaryBakeTimeInMinutes", world_.random().below(2)}};
  out["lifecycleHooks"] = json::array();
  static constexpr const char* kStages[] = {"PRE_SCALE_UP", "POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT",
                                            "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"};
  if (world_.chance(500)) {
    out["lifecycleHooks"].push_back(
        {{"hookTargetArn", "http://hooks.test/"}, {"lifecycleStages", {kStages[world_.random().below(5)]}}});
  }
  if (world_.chance(200)) {
    out["lifecycleHooks"].push_back(
        {{"targetType", "PAUSE"}, {"lifecycleStages", {kStages[world_.random().below(5)]}}});
  }
  return out.dump();
}

void Cluster::answer_pause(Service& service) {
  const auto* row = control_->state().services.find(service.key());
  const auto* current = agent::control::current_deployment(control_->state(), service.key());
  if (row == nullptr || row->deployments.empty() || current == nullptr) return;
  const auto runs = row->deployments.front().rollout.hooks;
  for (const model::HookRun& run : runs) {
    if (run.status != model::HookStatus::kAwaitingAction) continue;
    call("ecs", "ContinueServiceDeployment",
         json{{"serviceDeploymentArn", current->arn},
              {"hookId", run.id},
              {"action", world_.chance(200) ? "ROLLBACK" : "CONTINUE"}}
             .dump());
    return;
  }
  // When there is something to give back.
  if (faults_on_ && row->deployments.front().rollout.production > 0 && world_.chance(300))
    stop_deployment(service);
}

// Nobody waits for an operator any more, and what was given up is tried once more, without hooks.
void Cluster::settle_stages(Service& service) {
  answer_pause(service);
  const auto* row = control_->state().services.find(service.key());
  if (row == nullptr || row->deployments.empty() ||
      row->deployments.front().rollout_state != model::RolloutState::kFailed)
    return;
  update_service(service, "\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"lifecycleHooks\":[]}",
                 std::nullopt, std::nullopt);
}

// Thousandths of the requests by target group.
std::map<std::string, int> Cluster::shares_by(const std::string& rule) const {
  std::map<std::string, int> shares;
  const auto* row = control_->state().rules.find(rule);
  if (row == nullptr) return shares;
  int sum = 0;
  for (const auto& each : row->actions.back().forward.target_groups) sum += each.weight;
  for (const auto& each : row->actions.back().forward.target_groups)
    shares[each.target_group] = sum == 0 ? 0 : each.weight * model::kWhole / sum;
  return shares;
}

void Cluster::check_stages(Service& mine, const TaskViews& before, const TaskViews& now) {
  const auto& state = control_->state();
  const auto* row = state.services.find(mine.key());
  if (row == nullptr || row->deployments.empty()) return mine.shares_before.clear();
  const model::Deployment& primary = row->deployments.front();
  const std::string& group = primary.load_balancers.front().target_group_arn;
  auto shares = shares_by(mine.production_rule);
  const bool under_way = primary.rollout_state == model::RolloutState::kInProgress;
  // While the store refuses, a call can begin a deployment or take it back, and nothing looks at it yet.
  const bool looked_at = control_->engine().not_ready().empty();
  if (under_way && looked_at && shares[group] != primary.rollout.production) {
    violate("the weights give " + std::to_string(shares[group]) +
            " of 1000 requests to the new revision at " + "a stage of " +
            std::to_string(primary.rollout.production));
  }
  if (primary.rollout_state == model::RolloutState::kCompleted && shares[group] != model::kWhole)
    violate("a deployment is completed with " + std::to_string(shares[group]) + " of 1000 requests");
  const auto known = mine.shares_before.find(group);
  if (under_way && !primary.rollout.going_back && !primary.rollout.source.empty() &&
      known != mine.shares_before.end() && shares[group] > known->second) {
    int healthy = 0;
    for (const auto& [key, view] : now) {
      const auto* task = state.tasks.find(key);
      const auto was = before.find(key);
      const bool good = view.wanted && (view.was_healthy || (was != before.end() && was->second.was_healthy));
      if (task->deployment_id == primary.id && good) ++healthy;
    }
    if (healthy < row->desired_count) {
      violate("traffic was shifted to a revision with " + std::to_string(healthy) + " healthy tasks of " +
              std::to_string(row->desired_count));
    }
  }
  check_source_stops(mine, *row, before);
  mine.shares_before = std::move(shares);
  const bool all = under_way && !primary.rollout.going_back && primary.rollout.production == model::kWhole &&
                   !primary.rollout.shift_begun;
  if (all && mine.whole != primary.id) {
    mine.whole = primary.id;
    mine.whole_since = world_.wall_now();
  }
  if (restored_) return;
  for (const auto* each : agent::control::deployments_of(state, mine.key())) {
    if (each->status == model::ServiceDeploymentStatus::kSuccessful && hooks_->failed.contains(each->arn))
      violate("a deployment is successful although its hook has failed");
  }
}

// The revision that a deployment takes over from is whole until all traffic is elsewhere and the bake time
// has passed.
void Cluster::check_source_stops(const Service& mine, const model::Service& row, const TaskViews& before) {
  const auto& state = control_->state();
  const model::Deployment& primary = row.deployments.front();
  if (primary.rollout_state != model::RolloutState::kInProgress || primary.rollout.source.empty()) return;
  int left = 0;
  bool stopped = false;
  std::string group;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.service != mine.name || task.deployment_id != primary.rollout.source) continue;
    const bool wanted = task.desired_status == model::DesiredStatus::kRunning;
    left += wanted ? 1 : 0;
    const auto was = before.find(key);
    if (was == before.end() || !was->second.wanted || wanted ||
        !task.stopped_reason.starts_with("Scaling activity"))
      continue;
    stopped = true;
    if (!task.targets.empty()) group = task.targets.front().target_group_arn;
  }
  if (!stopped || left >= row.desired_count) return;
  if (primary.rollout.production != model::kWhole)
    return violate("tasks were stopped of the revision that has traffic");
  if (!with_faults() && !group.empty()) {
    for (const auto& balancer : balancers_) {
      for (const lb::Config* config : balancer->routing_by()) {
        for (const auto& listener : config->listeners) {
          for (const auto& rule : listener->rules) {
            if (rule.id != mine.production_rule) continue;
            for (const auto& each : rule.action.forward.target_groups) {
              if (each.target_group == group && each.weight > 0)
                violate("tasks were stopped of a revision to which " + balancer->process().name() +
                        " still sends requests");
            }
          }
        }
      }
    }
  }
  if (primary.rollout.going_back) return;
  const auto* current = agent::control::current_deployment(state, mine.key());
  const int bake = current == nullptr ? 0 : current->configuration.strategy.bake_minutes;
  const bool baked =
      mine.whole == primary.id && world_.wall_now() >= mine.whole_since + std::chrono::minutes(bake);
  if (bake > 0 && !baked) violate("the former revision was stopped before the bake time had passed");
}

}  // namespace sim
