#include "agent/control/services/judge.h"

#include <algorithm>
#include <optional>

#include "agent/control/elb/target_health.h"
#include "agent/control/services/protection.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/health.h"
#include "agent/control/tasks/placing.h"
#include "agent/scheduler/placement.h"

namespace agent::control {
namespace {

using model::DesiredStatus;
using model::TaskStatus;
using shared::WallTime;

Judgement failed_in(const model::Task& task, const std::string& group, int port, const std::string& reason) {
  return {PlanHealth::kUnhealthy, "Task failed ELB health checks in (target-group " + group + ")",
          "(task " + task.id + ") (instance " + instance_id_in(task.container_instance_arn) + ") (port " +
              std::to_string(port) + ") is unhealthy in (target-group " + group + ") due to (reason " +
              reason + ")"};
}

// A registration that somebody else took away is gone from the task too.
std::optional<std::string> missing_group(const model::Service& service, const model::Task& task) {
  for (const model::Deployment& deployment : service.deployments) {
    if (deployment.id != task.deployment_id) continue;
    for (const model::ServiceLoadBalancer& wanted : deployment.load_balancers) {
      const bool there = std::any_of(task.targets.begin(), task.targets.end(), [&](const auto& each) {
        return each.target_group_arn == wanted.target_group_arn;
      });
      if (!there) return wanted.target_group_arn;
    }
  }
  return std::nullopt;
}

// The worst over all target groups.
Judgement judge_targets(const State& state, const model::Service& service, const model::Task& task) {
  if (const auto group = missing_group(service, task)) {
    return failed_in(task, *group, 0, "Target is no longer registered");
  }
  Judgement all{PlanHealth::kHealthy, "", ""};
  for (const model::TaskTarget& each : task.targets) {
    const model::RegisteredTarget* row = find_target(state, each);
    if (row == nullptr || row->state == lb::TargetState::kDraining) {
      return failed_in(task, each.target_group_arn, row == nullptr ? 0 : row->port,
                       "Target is no longer registered");
    }
    const TargetHealth health = health_of(state, *row);
    if (health.state == lb::Health::kUnhealthy) {
      return failed_in(task, each.target_group_arn, row->port, health.description);
    }
    const bool counts = health.state == lb::Health::kHealthy || health.state == lb::Health::kUnavailable;
    if (counts || all.health == PlanHealth::kUnknown) continue;
    const bool told = health.state != lb::Health::kUnused && !state.balancers.rows().empty();
    all.health = told ? PlanHealth::kAwaited : PlanHealth::kUnknown;
  }
  return all;
}

Judgement judge_health(Step& step, const model::Service& service, const model::Task& task) {
  if (task.last_status != TaskStatus::kRunning) return {};
  const WallTime started = task.started_at.value_or(step.now);
  Judgement result = judge_targets(step.state, service, task);
  const ContainerChecks checks =
      container_checks(task, find_task_definition(step.state, task.task_definition_arn));
  if (checks == ContainerChecks::kUnhealthy && result.health != PlanHealth::kUnhealthy) {
    result = {PlanHealth::kUnhealthy, "Task failed container health checks",
              "(task " + task.id + ") failed container health checks."};
  }
  if (checks == ContainerChecks::kPending && result.health == PlanHealth::kHealthy) return {};
  if (task.targets.empty() && checks == ContainerChecks::kNone && result.health == PlanHealth::kHealthy) {
    const WallTime counts_at = started + step.settings.steady_without_checks;
    if (counts_at > step.now) {
      step.wake_at(counts_at);
      return {};
    }
  }
  const WallTime grace_until = started + std::chrono::seconds(service.health_check_grace_seconds);
  if (result.health == PlanHealth::kUnhealthy && grace_until > step.now) {
    step.wake_at(grace_until);
    return {};
  }
  return result;
}

// A task that its agent has not started and cannot start now: the host was lost before control could know it.
// ECS leaves such tasks PENDING until the agent is back; when it is, it is told to stop them.
std::optional<Judgement> judge_stranded(Step& step, const model::Task& task) {
  if (task.last_status >= TaskStatus::kRunning) return std::nullopt;
  const auto [agent, restarted] = rows(step).live.agents.try_emplace(task.container_instance_arn);
  if (restarted) agent->second.last_heard = step.now;
  if (agent->second.connected) return std::nullopt;
  const WallTime lost_at = agent->second.last_heard + step.settings.agent_silence;
  if (lost_at > step.now) {
    step.wake_at(lost_at);
    return std::nullopt;
  }
  return Judgement{PlanHealth::kUnknown,
                   "The agent of the container instance disconnected before the task started",
                   "(task " + task.id + ") (instance " + instance_id_in(task.container_instance_arn) +
                       ") could not be started because the agent is disconnected."};
}

PlanAge age_of(const State& state, const model::Service& service, const model::Task& task) {
  // Of task sets each has tasks of its own; who replaces whom is for their caller to say.
  // So it is with the deployments of one that goes by stages.
  const bool apart = service.controller == model::DeploymentController::kExternal || goes_by_stages(service);
  const bool wanted =
      std::any_of(service.deployments.begin(), service.deployments.end(), [&](const auto& each) {
        return each.id == task.deployment_id && (apart ? each.status != model::DeploymentStatus::kDraining
                                                       : each.id == service.deployments.front().id);
      });
  if (!wanted) return PlanAge::kOutdated;
  const model::ContainerInstance* instance = find_instance_by_arn(state, task.container_instance_arn);
  const bool stays = instance != nullptr && instance->status == model::InstanceStatus::kActive;
  return stays ? PlanAge::kCurrent : PlanAge::kOutdated;
}

// Until the protection is over. Of a service that is being deleted no task stays.
bool is_guarded(Step& step, const model::Service& service, const model::Task& task) {
  if (service.status != model::ServiceStatus::kActive || !is_protected(task, step.now)) return false;
  step.wake_at(*task.protected_until);
  return true;
}

}  // namespace

Book::Entry judge_task(Step& step, const model::Service& service, const model::Task& task) {
  Book::Entry entry;
  entry.deployment = task.deployment_id;
  entry.instance = task.container_instance_arn;
  if (task.desired_status == DesiredStatus::kStopped) {
    entry.task.phase = PlanPhase::kStopping;
    entry.waits_to_stop = task.last_status < TaskStatus::kStopping;
    return entry;
  }
  entry.task.phase = task.last_status == TaskStatus::kRunning ? PlanPhase::kRunning : PlanPhase::kPending;
  entry.task.age = age_of(step.state, service, task);
  entry.task.guarded = is_guarded(step, service, task);
  entry.judgement = judge_health(step, service, task);
  if (auto stranded = judge_stranded(step, task)) {
    entry.judgement = *std::move(stranded);
    entry.task.age = PlanAge::kOutdated;
    entry.task.guarded = false;
  }
  entry.task.health = entry.judgement.health;
  if (const auto* instance = find_instance_by_arn(step.state, task.container_instance_arn))
    entry.zone = attribute_of(*instance, scheduler::kZoneAttribute);
  return entry;
}

}  // namespace agent::control
