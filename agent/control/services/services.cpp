#include "agent/control/services/services.h"
#include "agent/control/elb/target_health.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "agent/control/services/plan.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/placing.h"
#include "agent/control/tasks/service_events.h"
#include "agent/control/tasks/tasks.h"
#include "agent/scheduler/placement.h"
#include "agent/scheduler/scale_in.h"

namespace agent::control {

using model::DesiredStatus;
using model::RolloutState;
using model::ServiceStatus;
using model::TaskStatus;
using shared::WallTime;

namespace {

// One event names the tasks of one pass, so this also bounds an event's length.
constexpr int kMaxStartsPerPass = 10;
constexpr const char* kSteady = "has reached a steady state.";
constexpr const char* kUnplaceable =
    "was unable to place a task because no container instance met all of its requirements. ";
constexpr const char* kSeeGuide =
    " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
constexpr const char* kPercentagesInTheWay =
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again.";

struct Judgement {
  PlanHealth health = PlanHealth::kUnknown;
  std::string stop_reason;  // unhealthy only
  std::string event;
};

struct Facts {
  PlanFacts plan;
  std::vector<std::string> keys;  // as plan.tasks
  std::vector<Judgement> judgements;
};

std::string last_part(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

Judgement failed_in(const model::Task& task, const std::string& group, int port, const std::string& reason) {
  return {PlanHealth::kUnhealthy, "Task failed ELB health checks in (target-group " + group + ")",
          "(task " + task.id + ") (instance " + last_part(task.container_instance_arn) + ") (port " +
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
Judgement judge_targets(TargetLookup& targets, const model::Service& service, const model::Task& task) {
  if (const auto group = missing_group(service, task)) {
    return failed_in(task, *group, 0, "Target is no longer registered");
  }
  Judgement all{PlanHealth::kHealthy, "", ""};
  for (const model::TaskTarget& each : task.targets) {
    const model::RegisteredTarget* row = targets.find(each.target_group_arn, each.registration);
    if (row == nullptr || row->state == lb::TargetState::kDraining) {
      return failed_in(task, each.target_group_arn, row == nullptr ? 0 : row->port,
                       "Target is no longer registered");
    }
    const TargetHealth health = targets.health(each.target_group_arn, *row);
    if (health.state == lb::Health::kUnhealthy) {
      return failed_in(task, each.target_group_arn, row->port, health.description);
    }
    const bool counts = health.state == lb::Health::kHealthy || health.state == lb::Health::kUnavailable;
    if (counts || all.health == PlanHealth::kUnknown) continue;
    const bool told = health.state != lb::Health::kUnused && !targets.state().balancers.rows().empty();
    all.health = told ? PlanHealth::kAwaited : PlanHealth::kUnknown;
  }
  return all;
}

enum class ContainerChecks { kNone, kPending, kHealthy, kUnhealthy };

// Over the essential containers that the task definition gives a health check; the worst decides.
ContainerChecks container_checks(const State& state, const model::Task& task) {
  const model::TaskDefinition* definition = find_task_definition(state, task.task_definition_arn);
  if (definition == nullptr) return ContainerChecks::kNone;
  ContainerChecks all = ContainerChecks::kNone;
  for (const model::ContainerDefinition& each : definition->containers) {
    if (!each.essential || !each.has_health_check) continue;
    const auto container = std::find_if(task.containers.begin(), task.containers.end(),
                                        [&](const auto& c) { return c.name == each.name; });
    if (container == task.containers.end()) continue;
    if (container->health == model::HealthStatus::kUnhealthy) return ContainerChecks::kUnhealthy;
    if (container->health == model::HealthStatus::kUnknown) all = ContainerChecks::kPending;
    if (all == ContainerChecks::kNone) all = ContainerChecks::kHealthy;
  }
  return all;
}

Judgement judge(Step& step, TargetLookup& targets, const model::Service& service, const model::Task& task) {
  if (task.last_status != TaskStatus::kRunning) return {};
  const WallTime started = task.started_at.value_or(step.now);
  Judgement result = judge_targets(targets, service, task);
  const ContainerChecks checks = container_checks(step.state, task);
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
  const auto [agent, restarted] = step.state.live.agents.try_emplace(task.container_instance_arn);
  if (restarted) agent->second.last_heard = step.now;
  if (agent->second.connected) return std::nullopt;
  const WallTime lost_at = agent->second.last_heard + step.settings.agent_silence;
  if (lost_at > step.now) {
    step.wake_at(lost_at);
    return std::nullopt;
  }
  return Judgement{PlanHealth::kUnknown,
                   "The agent of the container instance disconnected before the task started",
                   "(task " + task.id + ") (instance " + last_part(task.container_instance_arn) +
                       ") could not be started because the agent is disconnected."};
}

PlanAge age_of(const State& state, const model::Service& service, const model::Task& task) {
  if (service.deployments.empty() || task.deployment_id != service.deployments.front().id) {
    return PlanAge::kOutdated;
  }
  const model::ContainerInstance* instance = find_instance_by_arn(state, task.container_instance_arn);
  const bool stays = instance != nullptr && instance->status == model::InstanceStatus::kActive;
  return stays ? PlanAge::kCurrent : PlanAge::kOutdated;
}

void order_for_scale_in(Step& step, const model::Service& service, Facts& facts) {
  std::vector<scheduler::RunningTask> tasks;
  for (const std::string& key : facts.keys) {
    const model::Task* task = step.state.tasks.find(key);
    scheduler::RunningTask each;
    each.instance = task->container_instance_arn;
    each.cpu = task->reserved.cpu;
    each.memory = task->reserved.memory;
    if (const auto* instance = find_instance_by_arn(step.state, task->container_instance_arn)) {
      const InstanceUsage& usage = step.state.task_index().usage(instance->arn);
      each.zone = attribute_of(*instance, scheduler::kZoneAttribute);
      each.free_cpu = instance->registered.cpu - usage.cpu;
      each.free_memory = instance->registered.memory - usage.memory;
    }
    tasks.push_back(std::move(each));
  }
  const auto order = scheduler::scale_in_order(tasks, service.placement_strategy, step.random);
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    facts.plan.tasks[order[rank]].order = static_cast<int>(rank);
  }
}

Facts gather(Step& step, const model::Service& service, const std::string& key) {
  Facts facts;
  facts.plan.desired = service.desired_count;
  facts.plan.minimum_percent = service.configuration.minimum_healthy_percent;
  facts.plan.maximum_percent = service.configuration.maximum_percent;
  TargetLookup targets(step.state);
  for (const std::string& task_key : step.state.task_index().of_service(key)) {
    const model::Task& task = *step.state.tasks.find(task_key);
    PlanTask each;
    Judgement judgement;
    if (task.desired_status == DesiredStatus::kStopped) {
      each.phase = PlanPhase::kStopping;
    } else {
      each.phase = task.last_status == TaskStatus::kRunning ? PlanPhase::kRunning : PlanPhase::kPending;
      each.age = age_of(step.state, service, task);
      judgement = judge(step, targets, service, task);
      if (auto stranded = judge_stranded(step, task)) {
        judgement = *std::move(stranded);
        each.age = PlanAge::kOutdated;
      }
      each.health = judgement.health;
    }
    facts.plan.tasks.push_back(each);
    facts.keys.push_back(task_key);
    facts.judgements.push_back(std::move(judgement));
  }
  return facts;
}

// The order of stopping says which tasks go, never whether any does, so it is made only when one does.
ServicePlan plan(Step& step, const model::Service& service, Facts& facts) {
  ServicePlan next = plan_service(facts.plan);
  if (next.stop.empty()) return next;
  order_for_scale_in(step, service, facts);
  return plan_service(facts.plan);
}

std::string placement_trouble(const PlacementFailure& failure) {
  if (failure.arn.empty()) return std::string(kUnplaceable) + "Reason: " + failure.reason + kSeeGuide;
  static const std::map<std::string, std::string> kWords = {
      {"RESOURCE:CPU", "has insufficient CPU units available."},
      {"RESOURCE:MEMORY", "has insufficient memory available."},
      {"RESOURCE:PORTS", "is already using a port required by your task."},
      {"RESOURCE:PORTS_UDP", "is already using a port required by your task."},
      {scheduler::kTooManyTasks, "has too many tasks."},
      {"ATTRIBUTE", "is missing an attribute required by your task."}};
  const auto it = kWords.find(failure.reason);
  const std::string words = it == kWords.end() ? "encountered error \"" + failure.reason + "\"." : it->second;
  return std::string(kUnplaceable) + "The closest matching (container-instance " + last_part(failure.arn) +
         ") " + words + kSeeGuide + (failure.detail.empty() ? "" : " " + failure.detail);
}

// Placed, and yet nobody begins with it: its host has enough to start.
bool waits_for_its_turn(const State& state, const Settings& settings, const std::string& task_key) {
  if (!state.live.unsent_tasks.contains(task_key)) return false;
  const model::Task& task = *state.tasks.find(task_key);
  const auto* instance = find_instance_by_arn(state, task.container_instance_arn);
  return instance != nullptr && is_connected(state, *instance) &&
         state.task_index().usage(instance->arn).pending > settings.max_starting_tasks_per_instance;
}

void tell_of_waiting_tasks(Step& step, const std::string& key, const std::vector<std::string>& started) {
  if (std::none_of(started.begin(), started.end(), [&](const std::string& task) {
        return waits_for_its_turn(step.state, step.settings, task);
      })) {
    return;
  }
  add_event_once(step, key,
                 "has tasks waiting to be started: a container instance is handed at most " +
                     std::to_string(step.settings.max_starting_tasks_per_instance) +
                     " tasks that are not up yet (max_starting_tasks_per_instance).");
}

Starting start_tasks(Step& step, const std::string& key, int count) {
  const model::Service& service = *step.state.services.find(key);
  const auto [started, failure] =
      start_service_tasks(step, service, service.deployments.front(), std::min(count, kMaxStartsPerPass));
  if (!started.empty()) {
    std::string text = "has started " + std::to_string(started.size()) + " tasks:";
    for (const std::string& task : started) text += " (task " + last_part(task) + ")";
    add_event(step, *step.state.services.edit(key), text + ".");
  }
  tell_of_waiting_tasks(step, key, started);
  if (failure.reason.empty()) return Starting::kAllowed;
  step.state.live.starved.insert(key);
  add_event_once(step, key, placement_trouble(failure));
  // Stopping an old task can make room for a new one; it cannot bring an agent back.
  return scheduler::room_would_help(failure.reason) ? Starting::kBlocked : Starting::kForbidden;
}

void stop_tasks(Step& step, const std::string& key, const Facts& facts,
                const std::vector<PlannedStop>& stops) {
  std::string stopped;
  int draining = 0;
  std::map<std::string, int> deregistered;
  for (const PlannedStop& each : stops) {
    const model::Task& task = *step.state.tasks.find(facts.keys[each.task]);
    const Judgement& judgement = facts.judgements[each.task];
    stopped += " (task " + task.id + ")";
    draining += task.targets.empty() ? 0 : 1;
    for (const model::TaskTarget& target : task.targets) ++deregistered[target.target_group_arn];
    std::string reason = "Scaling activity initiated by (deployment " + task.deployment_id + ")";
    const bool never_ran = task.last_status < TaskStatus::kRunning;
    if ((each.cause == StopCause::kUnhealthy || never_ran) && !judgement.stop_reason.empty()) {
      reason = judgement.stop_reason;
      model::Service* service = step.state.services.edit(key);
      if (!never_ran) note_task_unhealthy(*service, task.deployment_id);
      add_event(step, *service, judgement.event);
    }
    stop_task(step, facts.keys[each.task], "ServiceSchedulerInitiated", reason);
  }
  if (stops.empty()) return;
  model::Service* service = step.state.services.edit(key);
  if (draining > 0) {
    add_event(step, *service, "has begun draining connections on " + std::to_string(draining) + " tasks.");
  }
  for (const auto& [group, count] : deregistered) {
    add_event(step, *service,
              "deregistered " + std::to_string(count) + " targets in (target-group " + group + ")");
  }
  add_event(step, *service,
            "has stopped " + std::to_string(stops.size()) + " running tasks:" + stopped + ".");
}

// Older deployments leave the list when none of their tasks is wanted any more.
void update_deployments(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  std::map<std::string, int> live;
  for (const std::string& task_key : step.state.task_index().of_service(key)) {
    const model::Task& task = *step.state.tasks.find(task_key);
    if (task.desired_status == DesiredStatus::kRunning) ++live[task.deployment_id];
  }
  const auto over = [&](const model::Deployment& each) {
    return each.status != model::DeploymentStatus::kPrimary && live[each.id] == 0;
  };
  const auto& all = found.deployments;
  const bool stale = std::any_of(all.begin(), all.end(), [&](const model::Deployment& each) {
    return over(each) ||
           (each.status != model::DeploymentStatus::kPrimary && each.desired_count != live[each.id]);
  });
  if (!stale) return;
  model::Service* service = step.state.services.edit(key);
  std::erase_if(service->deployments, over);
  for (model::Deployment& each : service->deployments) {
    if (each.status == model::DeploymentStatus::kPrimary) continue;
    each.desired_count = live[each.id];
    each.updated_at = step.now;
  }
}

void mark_steady(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  const bool completed = found.deployments.front().rollout_state == RolloutState::kCompleted;
  if (completed && newest_event_is(found, kSteady) && found.failed_starts == 0) return;
  model::Service* service = step.state.services.edit(key);
  model::Deployment& primary = service->deployments.front();
  service->failed_starts = 0;
  service->next_start_at.reset();
  if (!completed && primary.rollout_state != RolloutState::kFailed) {
    primary.rollout_state = RolloutState::kCompleted;
    primary.rollout_state_reason = "ECS deployment " + primary.id + " completed.";
    primary.failed_tasks = 0;
    primary.updated_at = step.now;
    service->last_completed_task_definition = primary.task_definition_arn;
    add_event(step, *service, "(deployment " + primary.id + ") deployment completed.");
  }
  if (!newest_event_is(*service, kSteady)) add_event(step, *service, kSteady);
}

// True when the deployment was given up.
bool trip_circuit_breaker(Step& step, const std::string& key) {
  const model::Service& found = *step.state.services.find(key);
  const model::Deployment& failing = found.deployments.front();
  if (!found.configuration.circuit_breaker || failing.rollout_state != RolloutState::kInProgress)
    return false;
  if (failing.failed_tasks < circuit_breaker_threshold(found.desired_count)) return false;
  model::Service* service = step.state.services.edit(key);
  model::Deployment& primary = service->deployments.front();
  primary.rollout_state = RolloutState::kFailed;
  primary.rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start.";
  primary.updated_at = step.now;
  add_event(step, *service, "(deployment " + primary.id + ") deployment failed: tasks failed to start.");
  const bool can_go_back = service->configuration.circuit_breaker_rollback &&
                           !service->last_completed_task_definition.empty() && !primary.is_rollback;
  if (!can_go_back) return true;

  std::string predecessor;
  auto balancers = service->load_balancers;
  for (const model::Deployment& each : service->deployments) {
    if (each.rollout_state != RolloutState::kCompleted ||
        each.task_definition_arn != service->last_completed_task_definition) {
      continue;
    }
    predecessor = each.id;
    balancers = each.load_balancers;
    break;
  }
  service->task_definition_arn = service->last_completed_task_definition;
  service->load_balancers = balancers;
  model::Deployment back = new_deployment(step, *service);
  back.is_rollback = true;
  if (predecessor.empty()) predecessor = back.id;
  back.rollout_state_reason =
      "ECS deployment circuit breaker: rolling back to deploymentId " + predecessor + ".";
  add_event(step, *service, "rolling back to deployment " + predecessor + ".");
  begin_deployment(*service, std::move(back));
  return true;
}

Starting may_start(Step& step, const model::Service& service) {
  if (service.deployments.empty()) return Starting::kForbidden;
  if (service.deployments.front().rollout_state == RolloutState::kFailed) return Starting::kForbidden;
  if (service.next_start_at && *service.next_start_at > step.now) {
    step.wake_at(*service.next_start_at);
    return Starting::kForbidden;
  }
  return Starting::kAllowed;
}

void finish_deletion(Step& step, const std::string& key) {
  const auto& tasks = step.state.task_index().of_service(key);
  const bool over = std::all_of(tasks.begin(), tasks.end(), [&](const std::string& task) {
    return step.state.tasks.find(task)->last_status >= TaskStatus::kStopping;
  });
  if (!over) return;
  step.state.services.edit(key)->status = ServiceStatus::kInactive;
  step.state.live.unplaceable.erase(key);
}

void reconcile_service(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const bool active = service.status == ServiceStatus::kActive;
  if (active) trip_circuit_breaker(step, key);
  Facts facts = gather(step, service, key);
  facts.plan.starting = may_start(step, service);
  ServicePlan next = plan(step, service, facts);
  step.state.live.starved.erase(key);
  if (next.start > 0) {
    const Starting outcome = start_tasks(step, key, next.start);
    if (outcome != Starting::kAllowed) {
      facts.plan.starting = outcome;
      next = plan(step, service, facts);
    }
  }
  stop_tasks(step, key, facts, next.stop);
  if (!active) return finish_deletion(step, key);
  update_deployments(step, key);
  if (next.progress == Progress::kSteady && service.deployments.size() == 1) mark_steady(step, key);
  if (next.progress == Progress::kStuck) add_event_once(step, key, kPercentagesInTheWay);
}

}  // namespace

int circuit_breaker_threshold(int desired_count) {
  constexpr int kFewest = 3;
  constexpr int kMost = 200;
  return std::clamp(desired_count / 2 + desired_count % 2, kFewest, kMost);
}

void reconcile_services(Step& step) {
  for (const std::string& key : step.state.live.agenda.take(Concern::kService, step.now)) {
    const model::Service* service = step.state.services.find(key);
    if (service == nullptr || service->status == ServiceStatus::kInactive) {
      step.state.live.starved.erase(key);
      continue;
    }
    step.subject = {Concern::kService, key};
    reconcile_service(step, key);
  }
}

namespace {

void count(const model::Task& task, ServiceCounts& counts) {
  if (task.desired_status != DesiredStatus::kRunning) return;
  if (task.last_status == TaskStatus::kRunning) ++counts.running;
  if (task.last_status < TaskStatus::kRunning) ++counts.pending;
}

}  // namespace

ServiceCounts count_tasks(const State& state, const model::Service& service) {
  ServiceCounts counts;
  for (const std::string& key : state.task_index().of_service(key_of(service))) {
    count(*state.tasks.find(key), counts);
  }
  return counts;
}

ServiceCounts count_tasks(const State& state, const model::Service& service,
                          const model::Deployment& deployment) {
  ServiceCounts counts;
  for (const std::string& key : state.task_index().of_service(key_of(service))) {
    const model::Task& task = *state.tasks.find(key);
    if (task.deployment_id == deployment.id) count(task, counts);
  }
  return counts;
}

}  // namespace agent::control
