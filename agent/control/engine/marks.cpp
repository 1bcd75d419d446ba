#include "agent/control/engine/marks.h"

#include <algorithm>

#include "agent/control/services/daemon_hosts.h"
#include "agent/control/services/history.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"

namespace agent::control {

using model::DesiredStatus;
using model::TaskStatus;

namespace {

std::string cluster_in(const std::string& child_key) { return child_key.substr(0, child_key.find('/')); }
// Of a row that is a scalable target's; names of policies may have slashes.
std::string service_in(const std::string& key) { return key.substr(0, key.find('/', key.find('/') + 1)); }

}  // namespace

Marks::Marks(State& state)
    : state_(state),
      agenda_(state.live.agenda),
      clusters_(state.clusters.follow()),
      services_(state.services.follow()),
      tasks_(state.tasks.follow()),
      instances_(state.instances.follow()),
      definitions_(state.task_definitions.follow()),
      groups_(state.target_groups.follow()),
      targets_(state.targets.follow()),
      events_(state.service_events.follow()),
      load_balancers_(state.load_balancers.follow()),
      listeners_(state.listeners.follow()),
      rules_(state.rules.follow()),
      balancers_(state.balancers.follow()),
      certificates_(state.certificates.follow()),
      acme_orders_(state.acme_orders.follow()),
      roles_(state.neighbours().roles.follow()),
      task_roles_(state.neighbours().task_roles.follow()),
      alarms_(state.neighbours().alarms.follow()),
      scalable_targets_(state.neighbours().scalable_targets.follow()),
      scaling_policies_(state.neighbours().scaling_policies.follow()),
      scheduled_actions_(state.neighbours().scheduled_actions.follow()),
      event_rules_(state.neighbours().event_rules.follow()),
      schedules_(state.neighbours().schedules.follow()),
      invocations_(state.neighbours().invocations.follow()) {}

bool Marks::pending() const {
  return state_.clusters.has_changes(clusters_) || state_.services.has_changes(services_) ||
         state_.tasks.has_changes(tasks_) || state_.instances.has_changes(instances_) ||
         state_.task_definitions.has_changes(definitions_) || state_.target_groups.has_changes(groups_) ||
         state_.targets.has_changes(targets_) || state_.service_events.has_changes(events_) ||
         state_.load_balancers.has_changes(load_balancers_) || state_.listeners.has_changes(listeners_) ||
         state_.rules.has_changes(rules_) || state_.balancers.has_changes(balancers_) ||
         state_.certificates.has_changes(certificates_) || state_.acme_orders.has_changes(acme_orders_) ||
         state_.neighbours().roles.has_changes(roles_) ||
         state_.neighbours().task_roles.has_changes(task_roles_) ||
         state_.neighbours().alarms.has_changes(alarms_) ||
         state_.neighbours().scalable_targets.has_changes(scalable_targets_) ||
         state_.neighbours().scaling_policies.has_changes(scaling_policies_) ||
         state_.neighbours().scheduled_actions.has_changes(scheduled_actions_) ||
         state_.neighbours().event_rules.has_changes(event_rules_) ||
         state_.neighbours().schedules.has_changes(schedules_) ||
         state_.neighbours().invocations.has_changes(invocations_) || state_.live.signals.any();
}

void Marks::refresh() {
  state_.refresh_indexes();
  for (const auto& key : state_.task_definitions.take_changes(definitions_)) definition_changed(key);
  for (const auto& key : state_.clusters.take_changes(clusters_)) cluster_lost_something(key);
  for (const auto& key : state_.services.take_changes(services_)) service_changed(key);
  for (const auto& key : state_.instances.take_changes(instances_)) instance_changed(key);
  for (const auto& key : state_.tasks.take_changes(tasks_)) task_changed(key);
  for (const auto& arn : state_.target_groups.take_changes(groups_)) group_changed(arn);
  for (const auto& key : state_.targets.take_changes(targets_)) target_changed(key);
  for (const auto& key : state_.service_events.take_changes(events_)) event_changed(key);
  // Whether a target group is in use, and by whom its targets are judged.
  const bool routes = !state_.load_balancers.take_changes(load_balancers_).empty();
  const bool listens = !state_.listeners.take_changes(listeners_).empty();
  const bool ruled = !state_.rules.take_changes(rules_).empty();
  if (routes || listens || ruled) tasks_behind_balancers();
  if (listens) orders_that_wait();
  for (const auto& arn : state_.certificates.take_changes(certificates_))
    agenda_.note(Concern::kCertificate, arn);
  for (const auto& arn : state_.acme_orders.take_changes(acme_orders_))
    agenda_.note(Concern::kCertificate, arn);
  if (!state_.balancers.take_changes(balancers_).empty()) {
    agenda_.note(Concern::kBalancers, "");
    tasks_behind_balancers();
    draining_groups();
    orders_that_wait();
  }
  for (const auto& key : state_.neighbours().task_roles.take_changes(task_roles_))
    agenda_.note(Concern::kTaskRoles, key);
  // A role that tasks may not have keeps a service from starting any.
  if (!state_.neighbours().roles.take_changes(roles_).empty()) {
    for (const std::string& key : state_.live.starved) look_at_service(key);
  }
  refresh_scaling();
  for (const auto& name : state_.neighbours().event_rules.take_changes(event_rules_))
    agenda_.note(Concern::kEventRule, name);
  for (const auto& key : state_.neighbours().schedules.take_changes(schedules_))
    agenda_.note(Concern::kSchedule, key);
  for (const auto& key : state_.neighbours().invocations.take_changes(invocations_))
    agenda_.note(Concern::kInvocation, key);
  take_signals();
}

void Marks::refresh_scaling() {
  Neighbours& tables = state_.neighbours();
  const auto changed = tables.alarms.take_changes(alarms_);
  for (const auto& name : changed) agenda_.note(Concern::kAlarm, name);
  if (!changed.empty()) services_that_watch({changed.begin(), changed.end()});
  for (const auto& key : tables.scalable_targets.take_changes(scalable_targets_))
    agenda_.note(Concern::kScaling, key);
  for (const auto& key : tables.scaling_policies.take_changes(scaling_policies_))
    agenda_.note(Concern::kScaling, service_in(key));
  for (const auto& key : tables.scheduled_actions.take_changes(scheduled_actions_))
    agenda_.note(Concern::kScaling, service_in(key));
}

void Marks::take_signals() {
  Signals& signals = state_.live.signals;
  for (const std::string& key : signals.health) {
    if (!BERTH_PLANTED(kForgetHealth)) judge_task_of(key);
  }
  if (signals.acknowledged || !signals.health.empty()) draining_groups();
  if (signals.acknowledged || signals.published) {
    for (const std::string& key : state_.live.shifting) look_at_service(key);
  }
  if (signals.acknowledged) orders_that_wait();
  signals = {};
}

void Marks::service_changed(const std::string& key) {
  const model::Service* service = state_.services.find(key);
  const bool daemon = service != nullptr && service->scheduling == model::SchedulingStrategy::kDaemon &&
                      service->status != model::ServiceStatus::kInactive;
  if (daemon) {
    state_.live.daemons.insert(key);
  } else {
    state_.live.daemons.erase(key);
  }
  look_at_service(key);
  if (state_.neighbours().scalable_targets.find(key) != nullptr) agenda_.note(Concern::kScaling, key);
  if (service != nullptr && service->status == model::ServiceStatus::kInactive)
    agenda_.note(Concern::kInactiveService, key);
  for (const std::string& definition : retiring_) agenda_.note(Concern::kRetiredDefinition, definition);
  cluster_lost_something(key);
}

void Marks::task_changed(const std::string& key) {
  cluster_lost_something(key);
  starved_services(key);
  agenda_.note(Concern::kServiceTask, key);
  const model::Task* task = state_.tasks.find(key);
  if (task == nullptr) return;
  daemons_on(task->cluster + "/" + instance_id_in(task->container_instance_arn));
  const bool stopped = task->last_status == TaskStatus::kStopped;
  if (!task->service.empty() && stopped)
    agenda_.note(Concern::kInactiveService, task->cluster + "/" + task->service);
  if (const std::string service = task->cluster + "/" + task->service;
      state_.neighbours().scalable_targets.find(service) != nullptr)
    agenda_.note(Concern::kScaling, service);
  if (!stopped) {
    if (task->desired_status == DesiredStatus::kStopped) agenda_.note(Concern::kStoppingTask, key);
    return;
  }
  agenda_.note(Concern::kStoppedTasks, "");
  if (state_.neighbours().task_roles.find(key) != nullptr) agenda_.note(Concern::kTaskRoles, key);
  if (const auto* instance = find_instance_by_arn(state_, task->container_instance_arn))
    agenda_.note(Concern::kInactiveInstance, key_of(*instance));
  const std::string definition = definition_key(task->family, task->revision);
  if (retiring_.contains(definition)) agenda_.note(Concern::kRetiredDefinition, definition);
}

// Also whenever its agent connects or leaves.
void Marks::instance_changed(const std::string& key) {
  cluster_lost_something(key);
  starved_services(key);
  daemons_on(key);
  const model::ContainerInstance* instance = state_.instances.find(key);
  if (instance == nullptr) return;
  agenda_.note(Concern::kAgentSession, instance->arn);
  if (instance->status == model::InstanceStatus::kInactive) agenda_.note(Concern::kInactiveInstance, key);
  for (const std::string& task_key : state_.task_index().usage(instance->arn).tasks) {
    agenda_.note(Concern::kServiceTask, task_key);
  }
}

void Marks::definition_changed(const std::string& key) {
  const model::TaskDefinition* definition = state_.task_definitions.find(key);
  if (definition != nullptr && definition->status == model::TaskDefinitionStatus::kDeleteInProgress) {
    retiring_.insert(key);
    agenda_.note(Concern::kRetiredDefinition, key);
  } else {
    retiring_.erase(key);
  }
}

void Marks::group_changed(const std::string& arn) {
  if (state_.target_index().draining().contains(arn)) agenda_.note(Concern::kDrainingGroup, arn);
  for (const auto& [at, target] : state_.target_index().group(arn).ordered)
    agenda_.note(Concern::kServiceTask, task_key_in(target->task_arn));
}

// A task whose targets are gone is its own change: they are taken out of its row too.
void Marks::target_changed(const std::string& key) {
  const std::string arn = owner_key(key);
  if (state_.target_index().draining().contains(arn)) agenda_.note(Concern::kDrainingGroup, arn);
  judge_task_of(key);
}

void Marks::judge_task_of(const std::string& target_key) {
  const model::RegisteredTarget* target = state_.targets.find(target_key);
  if (target != nullptr) agenda_.note(Concern::kServiceTask, task_key_in(target->task_arn));
}

void Marks::draining_groups() {
  for (const auto& [arn, targets] : state_.target_index().draining()) {
    agenda_.note(Concern::kDrainingGroup, arn);
  }
}

// Until every balancer answers their challenges.
void Marks::orders_that_wait() {
  for (const auto& [arn, order] : state_.acme_orders.rows()) {
    if (order.phase == model::AcmePhase::kPublish) agenda_.note(Concern::kCertificate, arn);
  }
}

// A service in a steady state says so again after other news.
void Marks::event_changed(const std::string& key) { look_at_service(owner_key(key)); }

// An INACTIVE cluster is kept as long as anything is left in it.
void Marks::cluster_lost_something(const std::string& child_key) {
  const std::string name = cluster_in(child_key);
  const model::Cluster* cluster = state_.clusters.find(name);
  if (cluster != nullptr && cluster->status == model::ClusterStatus::kInactive)
    agenda_.note(Concern::kInactiveCluster, name);
}

void Marks::tasks_behind_balancers() {
  for (const auto& [key, service] : state_.services.rows()) {
    const bool behind = std::any_of(service.deployments.begin(), service.deployments.end(),
                                    [](const auto& each) { return !each.load_balancers.empty(); });
    if (!behind) continue;
    for (const std::string& task : state_.task_index().of_service(key))
      agenda_.note(Concern::kServiceTask, task);
  }
}

void Marks::starved_services(const std::string& child_key) {
  const std::string prefix = cluster_in(child_key) + "/";
  const auto& starved = state_.live.starved;
  for (auto it = starved.lower_bound(prefix); it != starved.end() && it->starts_with(prefix); ++it) {
    look_at_service(*it);
  }
}

void Marks::services_that_watch(const std::set<std::string>& alarms) {
  for (const auto& [key, service] : state_.services.rows()) {
    if (service.deployments.empty() ||
        service.deployments.front().rollout_state != model::RolloutState::kInProgress)
      continue;
    const auto* current = current_deployment(state_, key);
    if (current == nullptr || !current->configuration.strategy.alarms) continue;
    const auto& names = current->configuration.strategy.alarms->names;
    const bool watched = std::any_of(names.begin(), names.end(),
                                     [&](const std::string& name) { return alarms.contains(name); });
    if (watched) look_at_service(key);
  }
}

void Marks::look_at_service(const std::string& key) {
  const bool daemon = state_.live.daemons.contains(key);
  agenda_.note(daemon ? Concern::kDaemonService : Concern::kService, key);
}

// What runs there, who is to run there, and whether anything can be started there.
void Marks::daemons_on(const std::string& instance_key) {
  if (has_daemons(state_, cluster_in(instance_key))) agenda_.note(Concern::kDaemonHost, instance_key);
}

void Marks::everything() {
  agenda_.note(Concern::kCookieKeys, "");
  for (const auto& [key, row] : state_.services.rows()) {
    look_at_service(key);
    agenda_.note(Concern::kInactiveService, key);
    for (const std::string& task : state_.task_index().of_service(key))
      agenda_.note(Concern::kServiceTask, task);
  }
  for (const std::string& key : state_.task_index().stopping()) agenda_.note(Concern::kStoppingTask, key);
  agenda_.note(Concern::kStoppedTasks, "");
  for (const auto& [arn, group] : state_.target_groups.rows()) agenda_.note(Concern::kDrainingGroup, arn);
  agenda_.note(Concern::kBalancers, "");
  for (const auto& [key, row] : state_.task_definitions.rows()) {
    if (row.status == model::TaskDefinitionStatus::kDeleteInProgress)
      agenda_.note(Concern::kRetiredDefinition, key);
  }
  for (const auto& [key, row] : state_.instances.rows()) {
    agenda_.note(Concern::kInactiveInstance, key);
    agenda_.note(Concern::kAgentSession, row.arn);
    daemons_on(key);
  }
  for (const auto& [name, row] : state_.clusters.rows()) agenda_.note(Concern::kInactiveCluster, name);
  agenda_.note(Concern::kFeeds, "");
  for (const auto& [key, row] : state_.neighbours().task_roles.rows()) agenda_.note(Concern::kTaskRoles, key);
  for (const auto& [name, row] : state_.neighbours().alarms.rows()) agenda_.note(Concern::kAlarm, name);
  for (const auto& [key, row] : state_.neighbours().scalable_targets.rows())
    agenda_.note(Concern::kScaling, key);
  for (const auto& [name, row] : state_.neighbours().event_rules.rows()) agenda_.note(Concern::kEventRule, name);
  for (const auto& [key, row] : state_.neighbours().schedules.rows()) agenda_.note(Concern::kSchedule, key);
  for (const auto& [key, row] : state_.neighbours().invocations.rows()) agenda_.note(Concern::kInvocation, key);
  for (const auto& [arn, row] : state_.certificates.rows()) {
    if (row.request) agenda_.note(Concern::kCertificate, arn);
  }
}

}  // namespace agent::control
