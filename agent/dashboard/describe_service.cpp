#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/control/elb/target_health.h"
#include "agent/control/services/history.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/neighbours.h"
#include "agent/control/state/service_log.h"
#include "agent/dashboard/describe.h"
#include "agent/dashboard/figures.h"
#include "agent/dashboard/json_parts.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"

namespace agent::dashboard {

using nlohmann::json;

namespace {

constexpr std::size_t kEventsShown = 50;
constexpr std::size_t kDeploymentsShown = 20;
constexpr std::size_t kActivitiesShown = 10;
constexpr const char* kHealthStates[] = {"healthy",  "unhealthy", "initial",
                                         "draining", "unused",    "unavailable"};

// "family:revision" of an ARN.
std::string definition_in(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

json describe_rollout(const model::Rollout& rollout) {
  json out{{"strategy", model::word(rollout.kind)}};
  if (rollout.stage == model::LifecycleStage::kNone) return out;
  out["stage"] = model::word(rollout.stage);
  out["stageSince"] = millis(rollout.stage_since);
  out["production"] = rollout.production;
  out["test"] = rollout.test;
  out["goingBack"] = rollout.going_back;
  put_text(out, "source", rollout.source);
  put_time(out, "shiftBegun", rollout.shift_begun);
  put_time(out, "shifted", rollout.shifted);
  json hooks = json::array();
  for (const model::HookRun& each : rollout.hooks)
    hooks.push_back(json{{"status", model::word(each.status)}, {"expires", millis(each.expires)}});
  out["hooks"] = std::move(hooks);
  return out;
}

json describe_deployment(const control::State& state, const model::Service& service,
                         const model::Deployment& deployment) {
  const control::ServiceCounts counts = control::count_tasks(state, service, deployment);
  json out{{"id", deployment.id},
           {"status", model::word(deployment.status)},
           {"definition", definition_in(deployment.task_definition_arn)},
           {"rollout", model::word(deployment.rollout_state)},
           {"desired", deployment.desired_count},
           {"running", counts.running},
           {"pending", counts.pending},
           {"failed", deployment.failed_tasks},
           {"created", millis(deployment.created_at)},
           {"updated", millis(deployment.updated_at)},
           {"rollback", deployment.is_rollback},
           {"stages", describe_rollout(deployment.rollout)}};
  put_text(out, "reason", deployment.rollout_state_reason);
  return out;
}

// Every target group that a deployment of the service has tasks in, or will have.
std::vector<std::string> groups_of(const model::Service& service) {
  std::vector<std::string> out;
  const auto add = [&out](const std::string& arn) {
    if (!arn.empty() && std::find(out.begin(), out.end(), arn) == out.end()) out.push_back(arn);
  };
  for (const auto& each : service.load_balancers) {
    add(each.target_group_arn);
    add(each.alternate_target_group_arn);
  }
  for (const auto& deployment : service.deployments) {
    for (const auto& each : deployment.load_balancers) add(each.target_group_arn);
  }
  return out;
}

json health_counts(const control::State& state, const std::vector<std::string>& groups) {
  std::map<std::string, int> counts;
  for (const std::string& arn : groups) {
    for (const model::RegisteredTarget* target : control::targets_of(state, arn))
      ++counts[lb::to_string(control::health_of(state, *target).state)];
  }
  json out = json::object();
  for (const char* word : kHealthStates) {
    if (counts[word] > 0) out[word] = counts[word];
  }
  return out;
}

}  // namespace

std::string describe_service(const control::State& state, const model::Service& service) {
  const std::string key = control::key_of(service);
  json out = thing("service", key);
  const control::ServiceCounts counts = control::count_tasks(state, service);
  out["cluster"] = service.cluster;
  out["name"] = service.name;
  out["status"] = model::word(service.status);
  out["desired"] = service.desired_count;
  out["running"] = counts.running;
  out["pending"] = counts.pending;
  out["scheduling"] = model::word(service.scheduling);
  out["launch"] = model::word(service.launch_type);
  out["controller"] = model::word(service.controller);
  out["strategy"] = model::word(service.configuration.strategy.kind);
  out["definition"] = definition_in(service.task_definition_arn);
  out["created"] = millis(service.created_at);
  out["minimum"] = service.configuration.minimum_healthy_percent;
  out["maximum"] = service.configuration.maximum_percent;
  out["breaker"] = service.configuration.circuit_breaker;
  out["failedStarts"] = service.failed_starts;
  put_time(out, "nextStart", service.next_start_at);
  json deployments = json::array();
  for (const auto& each : service.deployments)
    deployments.push_back(describe_deployment(state, service, each));
  out["deployments"] = std::move(deployments);
  const std::vector<std::string> arns = groups_of(service);
  json groups = json::array();
  for (const std::string& arn : arns) groups.push_back(name_in_arn(arn));
  out["groups"] = std::move(groups);
  out["targets"] = health_counts(state, arns);
  if (const model::ServiceEvent* newest = control::newest_event(state, key))
    out["event"] = json{{"at", millis(newest->created_at)}, {"text", newest->message}};
  if (const auto found = state.live.unplaceable.find(key); found != state.live.unplaceable.end())
    out["unplaced"] = json{{"reason", found->second.reason}, {"detail", found->second.detail}};
  return shared::json::to_text(out);
}

std::string describe_history(const control::State& state, const model::Service& service) {
  const std::string key = control::key_of(service);
  json out = thing("history", key);
  json events = json::array();
  for (const model::ServiceEvent* each : control::events_of(state, key)) {
    if (events.size() == kEventsShown) break;
    events.push_back(json{{"id", each->id}, {"at", millis(each->created_at)}, {"text", each->message}});
  }
  json deployments = json::array();
  for (const model::ServiceDeployment* each : control::deployments_of(state, key)) {
    if (deployments.size() == kDeploymentsShown) break;
    const auto* revision = control::revision_of(state, key, each->target_revision);
    json one{{"id", each->id},
             {"status", model::word(each->status)},
             {"strategy", model::word(each->configuration.strategy.kind)},
             {"failed", each->failed_tasks},
             {"created", millis(each->created_at)}};
    if (revision != nullptr) one["definition"] = definition_in(revision->task_definition_arn);
    put_text(one, "reason", each->status_reason);
    put_time(one, "finished", each->finished_at);
    if (each->rollback) one["rollback"] = each->rollback->reason;
    deployments.push_back(std::move(one));
  }
  out["events"] = std::move(events);
  out["deployments"] = std::move(deployments);
  return shared::json::to_text(out);
}

std::string describe_health(const control::State& state, const model::Service& service) {
  json out = thing("health", control::key_of(service));
  json groups = json::array();
  for (const std::string& arn : groups_of(service)) {
    const auto* group = state.target_groups.find(arn);
    if (group == nullptr) continue;
    groups.push_back(
        json{{"name", group->name}, {"protocol", group->protocol}, {"targets", targets_in(state, *group)}});
  }
  out["groups"] = std::move(groups);
  return shared::json::to_text(out);
}

std::string describe_scaling(const control::State& state, const model::Service& service,
                             shared::WallTime now) {
  const std::string key = control::key_of(service);
  json out = thing("scaling", key);
  out["figures"] = service_figures(state, service, now);
  const control::Neighbours& tables = state.neighbours();
  const model::ScalableTarget* target = tables.scalable_targets.find(key);
  if (target == nullptr) return shared::json::to_text(out);
  out["min"] = target->min_capacity;
  out["max"] = target->max_capacity;
  json policies = json::array();
  control::each_of_cluster(tables.scaling_policies, key, [&](const model::ScalingPolicy& each) {
    json one{{"name", each.name}, {"type", each.tracks ? "TargetTrackingScaling" : "StepScaling"}};
    if (each.tracks) one["target"] = each.target;
    policies.push_back(std::move(one));
  });
  json activities = json::array();
  control::each_of_cluster(tables.scaling_activities, key, [&](const model::ScalingActivity& each) {
    activities.push_back(json{{"at", millis(each.started_at)},
                              {"status", each.status},
                              {"text", each.description},
                              {"cause", each.cause}});
  });
  std::reverse(activities.begin(), activities.end());
  if (activities.size() > kActivitiesShown)
    activities.erase(activities.begin() + kActivitiesShown, activities.end());
  out["policies"] = std::move(policies);
  out["activities"] = std::move(activities);
  return shared::json::to_text(out);
}

}  // namespace agent::dashboard
