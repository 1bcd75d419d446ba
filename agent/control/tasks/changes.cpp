#include "agent/control/tasks/changes.h"

// Tasks after their placement: reports of agents, the way to STOPPED, and clean-up.
#include <algorithm>
#include <string_view>

#include "agent/control/discovery/tasks.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/health.h"
#include "agent/control/tasks/placing.h"
#include "agent/control/tasks/service_events.h"
#include "shared/base/text.h"

namespace agent::control {

using model::ContainerStatus;
using model::DesiredStatus;
using model::TaskStatus;
using shared::Result;

namespace {

constexpr std::size_t kMaxReason = 1024;

// Agents know more stages before RUNNING than the API shows, and an older word for STOPPED.
ContainerStatus container_status(std::string_view word) {
  if (word == "RUNNING") return ContainerStatus::kRunning;
  if (word == "STOPPED" || word == "DEAD") return ContainerStatus::kStopped;
  return ContainerStatus::kPending;
}

bool merge_container(model::Container& container, const ContainerChange& change) {
  const model::Container before = container;
  const ContainerStatus status = container_status(change.status);
  if (status > container.status) container.status = status;
  if (!change.runtime_id.empty()) container.runtime_id = change.runtime_id;
  if (!change.image_digest.empty()) container.image_digest = change.image_digest;
  if (!change.reason.empty()) container.reason = shared::shortened(change.reason, kMaxReason);
  if (change.exit_code && !container.exit_code) container.exit_code = change.exit_code;
  if (!change.bindings.empty()) container.bindings = change.bindings;
  return before.status != container.status || before.runtime_id != container.runtime_id ||
         before.image_digest != container.image_digest || before.reason != container.reason ||
         before.exit_code != container.exit_code || !(before.bindings == container.bindings);
}

void merge_task(model::Task& task, const TaskChange& change) {
  bool changed = false;
  for (const ContainerChange& each : change.containers) {
    for (model::Container& container : task.containers) {
      if (container.name == each.name) changed = merge_container(container, each) || changed;
    }
  }
  if (change.pull_started_at) task.pull_started_at = change.pull_started_at;
  if (change.pull_stopped_at) task.pull_stopped_at = change.pull_stopped_at;
  if (change.execution_stopped_at) task.execution_stopped_at = change.execution_stopped_at;
  if (changed) ++task.version;
}

const model::Deployment* deployment_of(const State& state, const model::Task& task) {
  if (task.service.empty()) return nullptr;
  const model::Service* service = state.services.find(task.cluster + "/" + task.service);
  if (service == nullptr) return nullptr;
  for (const model::Deployment& each : service->deployments) {
    if (each.id == task.deployment_id) return &each;
  }
  return nullptr;
}

struct ContainerPort {
  const std::string& container;
  int port;
};

// The port at which the task's host forwards to this container port; 0 while it is not known yet.
int host_port_of(const State& state, const model::Task& task, const ContainerPort& wanted) {
  for (const model::Container& container : task.containers) {
    if (container.name != wanted.container) continue;
    for (const model::NetworkBinding& each : container.bindings) {
      if (each.container_port == wanted.port && each.protocol != "udp") return each.host_port;
    }
  }
  const model::TaskDefinition* definition = find_task_definition(state, task.task_definition_arn);
  if (definition == nullptr) return 0;
  if (definition->network_mode == model::NetworkMode::kHost) return wanted.port;
  for (const model::ContainerDefinition& container : definition->containers) {
    if (container.name != wanted.container) continue;
    for (const model::PortMapping& each : container.port_mappings) {
      if (each.container_port == wanted.port && each.protocol != "udp") return each.host_port;
    }
  }
  return 0;
}

// False: a port is not known yet, try again with the next report.
Result<bool> register_in(Step& step, const std::string& key, const model::ServiceLoadBalancer& wanted) {
  const model::Task* task = step.state.tasks.find(key);
  const auto already = [&](const model::TaskTarget& each) {
    return each.target_group_arn == wanted.target_group_arn;
  };
  if (std::any_of(task->targets.begin(), task->targets.end(), already)) return true;
  const model::ContainerInstance* instance = find_instance_by_arn(step.state, task->container_instance_arn);
  const model::TargetGroup* group = step.state.target_groups.find(wanted.target_group_arn);
  if (group == nullptr || instance == nullptr) {
    return shared::Error("TargetGroupNotFound", "Target group '" + wanted.target_group_arn + "' not found");
  }
  const int port = host_port_of(step.state, *task, {wanted.container_name, wanted.container_port});
  if (port == 0) return false;
  const std::string& id = group->target_type == "instance" ? instance->ec2_instance_id : instance->address;
  auto registration = register_target(step, {.target_group_arn = wanted.target_group_arn,
                                             .id = id,
                                             .port = static_cast<std::uint16_t>(port),
                                             .zone = attribute_of(*instance, scheduler::kZoneAttribute),
                                             .task_arn = task->arn});
  if (!registration) return registration.error();
  rows(step).tasks.edit(key, [&](model::Task& row) {
    row.targets.push_back({wanted.target_group_arn, *registration});
  });
  if (const model::Service* service = step.state.services.find(task->cluster + "/" + task->service)) {
    add_event(step, *service, "registered 1 targets in (target-group " + wanted.target_group_arn + ")");
  }
  return true;
}

// A container that has no health check does not say that the task is unhealthy.
bool is_healthy(const model::Task& task, const model::TaskDefinition* definition) {
  const ContainerChecks checks = container_checks(task, definition);
  return checks == ContainerChecks::kNone || checks == ContainerChecks::kHealthy;
}

// With Cloud Map, under the names of attributes that ECS uses. False: as register_in.
Result<bool> register_with(Step& step, const std::string& key, const model::ServiceRegistry& wanted) {
  const model::Task* task = step.state.tasks.find(key);
  const model::ContainerInstance* instance = find_instance_by_arn(step.state, task->container_instance_arn);
  if (instance == nullptr) return true;
  const model::TaskDefinition* definition = find_task_definition(step.state, task->task_definition_arn);
  discovery::TaskInstance mine;
  mine.registry_arn = wanted.arn;
  mine.task_key = key;
  mine.healthy = is_healthy(*task, definition);
  int port = wanted.port;
  if (!wanted.container_name.empty()) {
    port = host_port_of(step.state, *task, {wanted.container_name, wanted.container_port});
    if (port == 0) return false;
  }
  mine.attributes = {{"AWS_INSTANCE_IPV4", instance->address},
                     {"AVAILABILITY_ZONE", attribute_of(*instance, scheduler::kZoneAttribute)},
                     {"REGION", step.settings.region},
                     {"ECS_CLUSTER_NAME", task->cluster},
                     {"ECS_SERVICE_NAME", task->service},
                     {"ECS_TASK_DEFINITION_FAMILY", task->family},
                     {"EC2_INSTANCE_ID", instance->ec2_instance_id}};
  if (instance->address.find(':') != std::string::npos) {
    mine.attributes["AWS_INSTANCE_IPV6"] = instance->address;
    mine.attributes.erase("AWS_INSTANCE_IPV4");
  }
  if (port != 0) mine.attributes["AWS_INSTANCE_PORT"] = std::to_string(port);
  std::erase_if(mine.attributes, [](const auto& each) { return each.second.empty(); });
  const auto service = discovery::register_task(step, mine);
  if (!service) return service.error();
  const auto& known = task->registered_in;
  if (std::find(known.begin(), known.end(), *service) == known.end())
    rows(step).tasks.edit(key, [&](model::Task& row) { row.registered_in.push_back(*service); });
  return true;
}

// Nobody is sent there any more.
void leave_registries(Step& step, const std::string& key) {
  const auto services = step.state.tasks.find(key)->registered_in;
  if (services.empty()) return;
  discovery::deregister_task(step, key, services);
  rows(step).tasks.edit(key, [](model::Task& row) { row.registered_in.clear(); });
}

// Without its registrations the task is of no use to its service, whose next one would fare no better at
// once.
void refuse_registration(Step& step, const std::string& key, const std::string& target_group_arn,
                         const std::string& error) {
  stop_task(step, key, {.code = "TaskFailedToStart", .reason = "Unable to register a target: " + error});
  note_failed_start(
      step, *step.state.tasks.find(key),
      "failed to register targets in (target-group " + target_group_arn + ") with (error " + error + ")");
}

void refuse_instance(Step& step, const std::string& key, const std::string& registry_arn,
                     const std::string& error) {
  stop_task(step, key,
            {.code = "TaskFailedToStart", .reason = "Unable to register an instance in Cloud Map: " + error});
  note_failed_start(
      step, *step.state.tasks.find(key),
      "failed to register an instance in (service-registry " + registry_arn + ") with (error " + error + ")");
}

// ACTIVATING: into all target groups of the deployment, then RUNNING.
void activate(Step& step, const std::string& key) {
  if (const model::Deployment* found = deployment_of(step.state, *step.state.tasks.find(key))) {
    const auto wanted = found->load_balancers;
    for (const model::ServiceLoadBalancer& each : wanted) {
      const auto registered = register_in(step, key, each);
      if (!registered)
        return refuse_registration(step, key, each.target_group_arn, registered.error().text());
      if (!*registered) return;
    }
  }
  // After the targets: who finds the task by its name is served at once.
  if (const model::Deployment* found = deployment_of(step.state, *step.state.tasks.find(key))) {
    const auto wanted = found->registries;
    for (const model::ServiceRegistry& each : wanted) {
      const auto registered = register_with(step, key, each);
      if (!registered) return refuse_instance(step, key, each.arn, registered.error().text());
      if (!*registered) return;
    }
  }
  rows(step).tasks.edit(key, [&](model::Task& task) {
    task.last_status = TaskStatus::kRunning;
    task.started_at = step.now;
    ++task.version;
  });
  note_task_running(step, *step.state.tasks.find(key));
}

// A task that was never RUNNING failed to start, unless all that its containers tell is how they ended: then
// an essential one ended before the others were up.
void fill_stop_reason(model::Task& task, const std::string& reported) {
  const auto stuck = std::find_if(
      task.containers.begin(), task.containers.end(),
      [](const model::Container& each) { return each.essential && !each.exit_code && !each.reason.empty(); });
  const bool ended = std::any_of(task.containers.begin(), task.containers.end(),
                                 [](const auto& each) { return each.exit_code.has_value(); });
  const bool ran = task.started_at || (ended && stuck == task.containers.end());
  task.stop_code = ran ? "EssentialContainerExited" : "TaskFailedToStart";
  if (!reported.empty()) {
    task.stopped_reason = shared::shortened(reported, kMaxReason);
  } else if (ran) {
    task.stopped_reason = "Essential container in task exited";
  } else {
    const auto told = stuck != task.containers.end()
                          ? stuck
                          : std::find_if(task.containers.begin(), task.containers.end(),
                                         [](const auto& each) { return !each.reason.empty(); });
    task.stopped_reason = told == task.containers.end() ? "Task failed to start" : told->reason;
  }
}

// The task is over, whatever was wanted. Its resources are free from here on.
void finish(Step& step, const std::string& key, const std::string& reported,
            std::optional<shared::WallTime> execution_stopped_at) {
  const model::Task& task = *step.state.tasks.find(key);
  const EndedBy ended_by = task.desired_status == DesiredStatus::kStopped ? EndedBy::kUs : EndedBy::kItself;
  rows(step).tasks.edit(key, [&](model::Task& row) {
    if (row.stop_code.empty()) fill_stop_reason(row, reported);
    for (model::Container& each : row.containers) each.status = ContainerStatus::kStopped;
    row.desired_status = DesiredStatus::kStopped;
    row.last_status = TaskStatus::kStopped;
    if (!row.stopping_at) row.stopping_at = step.now;
    if (execution_stopped_at) {
      row.execution_stopped_at = execution_stopped_at;
    } else if (!row.execution_stopped_at && row.started_at) {
      row.execution_stopped_at = step.now;
    }
    row.stopped_at = step.now;
    row.targets.clear();
    ++row.version;
  });
  leave_registries(step, key);
  rows(step).live.unsent_tasks.erase(key);
  note_task_stopped(step, task, ended_by);
}

bool is_over(const model::Task& task, const std::string& container_name) {
  return std::any_of(task.containers.begin(), task.containers.end(), [&](const model::Container& each) {
    return each.name == container_name && each.status == ContainerStatus::kStopped;
  });
}

// Nothing listens any more at the targets of containers that have ended. Which container a target belongs to
// is told by the task's deployment; once that is gone the target drains already.
void drop_dead_targets(Step& step, const std::string& key) {
  const model::Task& task = *step.state.tasks.find(key);
  const model::Deployment* deployment = deployment_of(step.state, task);
  if (deployment == nullptr) return;
  std::vector<model::TaskTarget> dead;
  for (const model::TaskTarget& each : task.targets) {
    for (const model::ServiceLoadBalancer& wanted : deployment->load_balancers) {
      if (wanted.target_group_arn == each.target_group_arn && is_over(task, wanted.container_name))
        dead.push_back(each);
    }
  }
  for (const model::TaskTarget& each : dead) drop_target(step, each);
}

// ECS ends a task with its first essential container. The agent has begun to stop the others by itself; what
// is left to do here does not wait for the last of them.
void stop_without_essential(Step& step, const std::string& key, const std::string& reported) {
  const model::Task& found = *step.state.tasks.find(key);
  const bool ended =
      std::any_of(found.containers.begin(), found.containers.end(), [](const model::Container& each) {
        return each.essential && each.status == ContainerStatus::kStopped;
      });
  if (!ended || found.desired_status == DesiredStatus::kStopped) return;
  if (BERTH_PLANTED(kWaitForLastContainer)) return;
  model::Task told = found;
  fill_stop_reason(told, reported);
  if (told.started_at && !told.execution_stopped_at) {
    rows(step).tasks.edit(key, [&](model::Task& task) { task.execution_stopped_at = step.now; });
  }
  stop_task(step, key, {.code = told.stop_code, .reason = told.stopped_reason});
  note_task_stopped(step, *step.state.tasks.find(key), EndedBy::kItself);
}

// Registrations whose rows are gone are no longer the task's.
void forget_gone_targets(Step& step, const std::string& key) {
  const model::Task* task = step.state.tasks.find(key);
  const auto gone = [&](const model::TaskTarget& each) { return find_target(step.state, each) == nullptr; };
  if (std::none_of(task->targets.begin(), task->targets.end(), gone)) return;
  rows(step).tasks.edit(key, [&](model::Task& row) { std::erase_if(row.targets, gone); });
}

}  // namespace

void stop_task(Step& step, const std::string& key, const StopReason& cause) {
  const model::Task* found = step.state.tasks.find(key);
  if (found == nullptr || found->desired_status == DesiredStatus::kStopped) return;
  const bool unsent = step.state.live.unsent_tasks.contains(key);
  rows(step).tasks.edit(key, [&](model::Task& task) {
    task.desired_status = DesiredStatus::kStopped;
    task.stop_code = cause.code;
    task.stopped_reason = shared::shortened(cause.reason, kMaxReason);
    ++task.version;
    if (unsent) return;
    task.last_status = task.targets.empty() ? TaskStatus::kStopping : TaskStatus::kDeactivating;
    (task.targets.empty() ? task.stopping_at : task.draining_at) = step.now;
  });
  leave_registries(step, key);
  if (unsent) return finish(step, key, cause.reason, std::nullopt);
  const auto targets = found->targets;
  for (const model::TaskTarget& each : targets) {
    deregister_target(step, each);
  }
}

Result<void> stop_task_by_caller(Step& step, const std::string& key, const std::string& reason) {
  const model::Task* found = step.state.tasks.find(key);
  if (found == nullptr) return invalid_parameter("The referenced task was not found.");
  if (found->desired_status == DesiredStatus::kStopped) return {};
  stop_task(step, key, {.code = "UserInitiated", .reason = reason});
  rows(step).tasks.edit(key, [](model::Task& task) { task.tags.clear(); });
  return {};
}

bool may_tell_agent_to_stop(const State& state, const model::Task& task) {
  if (task.desired_status != DesiredStatus::kStopped) return false;
  if (BERTH_PLANTED(kStopBeforeAcknowledgement)) return true;
  return std::none_of(task.targets.begin(), task.targets.end(),
                      [&](const model::TaskTarget& each) { return find_target(state, each) != nullptr; });
}

Result<void> apply_task_change(Step& step, const TaskChange& change) {
  auto key = task_key(step.settings.realm(), change.cluster, change.task);
  if (!key) return key.error();
  const model::Task* found = step.state.tasks.find(*key);
  // An error would make agents repeat the report for ever.
  if (found == nullptr || found->last_status == TaskStatus::kStopped) return {};

  rows(step).live.unsent_tasks.erase(*key);  // whoever reports it knows it
  rows(step).tasks.edit(*key, [&](model::Task& task) { merge_task(task, change); });
  if (change.status == "STOPPED") {
    const auto targets = found->targets;
    for (const model::TaskTarget& each : targets) {
      drop_target(step, each);
    }
    finish(step, *key, change.reason, change.execution_stopped_at);
    return {};
  }
  drop_dead_targets(step, *key);
  stop_without_essential(step, *key, change.reason);
  const bool comes_up = change.status == "RUNNING" || found->last_status == TaskStatus::kActivating;
  if (comes_up && found->desired_status == DesiredStatus::kRunning &&
      found->last_status < TaskStatus::kRunning) {
    rows(step).tasks.edit(*key, [](model::Task& task) { task.last_status = TaskStatus::kActivating; });
    activate(step, *key);
  }
  return {};
}

Result<void> apply_health(Step& step, const HealthReport& report) {
  const std::string& instance_arn = report.instance_arn;
  const model::ContainerInstance* instance = find_instance_by_arn(step.state, instance_arn);
  if (instance == nullptr) return invalid_parameter("no such container instance: " + instance_arn);
  const auto key = task_key(step.settings.realm(), instance->cluster, report.task);
  if (!key) return key.error();
  const model::Task* found = step.state.tasks.find(*key);
  if (found == nullptr || found->last_status == TaskStatus::kStopped) return {};
  if (found->container_instance_arn != instance_arn) {
    return invalid_parameter("the task is not on container instance " + instance_arn);
  }
  model::Task changed = *found;
  bool any = false;
  for (const ContainerHealth& each : report.containers) {
    for (model::Container& container : changed.containers) {
      if (container.name != each.container || container.health == each.status) continue;
      container.health = each.status;
      any = true;
    }
  }
  if (!any) return {};
  ++changed.version;
  const model::Task& now = rows(step).tasks.put(*key, std::move(changed));
  if (!now.registered_in.empty())
    discovery::set_task_health(step, *key, now.registered_in,
                               is_healthy(now, find_task_definition(step.state, now.task_definition_arn)));
  return {};
}

void orphan_task(Step& step, const std::string& key, const std::string& reason) {
  const model::Task* found = step.state.tasks.find(key);
  if (found == nullptr || found->last_status == TaskStatus::kStopped) return;
  stop_task(step, key, {.code = "UserInitiated", .reason = reason});
  if (step.state.tasks.find(key)->last_status == TaskStatus::kStopped) return;
  finish(step, key, reason, std::nullopt);
}

void reconcile_tasks(Step& step) {
  Agenda& agenda = rows(step).live.agenda;
  for (const std::string& key : agenda.take(Concern::kStoppingTask, step.now)) {
    const model::Task* found = step.state.tasks.find(key);
    if (found == nullptr || found->desired_status != DesiredStatus::kStopped) continue;
    forget_gone_targets(step, key);
    if (!found->targets.empty() || found->last_status >= TaskStatus::kStopping) continue;
    rows(step).tasks.edit(key, [&](model::Task& task) {
      task.last_status = TaskStatus::kStopping;
      task.stopping_at = step.now;
      ++task.version;
    });
  }
  if (agenda.take(Concern::kStoppedTasks, step.now).empty()) return;
  step.subject = {Concern::kStoppedTasks, ""};
  std::vector<std::string> expired;
  const auto& stopped = step.state.task_index().stopped();
  for (const auto& [stopped_at, key] : stopped) {
    const auto until = stopped_at + step.settings.stopped_task_retention;
    if (until > step.now && stopped.size() - expired.size() <= kMaxStoppedTasks) {
      step.wake_at(until);
      break;
    }
    expired.push_back(key);
  }
  for (const std::string& key : expired) rows(step).tasks.erase(key);
}

}  // namespace agent::control
