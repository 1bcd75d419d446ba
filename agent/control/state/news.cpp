#include "agent/control/state/news.h"

#include "agent/control/state/neighbours.h"

namespace agent::control {

News::News(State& state)
    : state_(state),
      clusters_(state.clusters.follow()),
      instances_(state.instances.follow()),
      tasks_(state.tasks.follow()),
      services_(state.services.follow()),
      service_events_(state.service_events.follow()),
      service_deployments_(state.service_deployments.follow()),
      load_balancers_(state.load_balancers.follow()),
      listeners_(state.listeners.follow()),
      rules_(state.rules.follow()),
      target_groups_(state.target_groups.follow()),
      targets_(state.targets.follow()),
      balancers_(state.balancers.follow()),
      scalable_targets_(state.neighbours().scalable_targets.follow()),
      scaling_policies_(state.neighbours().scaling_policies.follow()),
      scaling_activities_(state.neighbours().scaling_activities.follow()) {
  stop_listening();
}

void News::listen() {
  listening_ = true;
  state_.clusters.resume(clusters_);
  state_.instances.resume(instances_);
  state_.tasks.resume(tasks_);
  state_.services.resume(services_);
  state_.service_events.resume(service_events_);
  state_.service_deployments.resume(service_deployments_);
  state_.load_balancers.resume(load_balancers_);
  state_.listeners.resume(listeners_);
  state_.rules.resume(rules_);
  state_.target_groups.resume(target_groups_);
  state_.targets.resume(targets_);
  state_.balancers.resume(balancers_);
  state_.neighbours().scalable_targets.resume(scalable_targets_);
  state_.neighbours().scaling_policies.resume(scaling_policies_);
  state_.neighbours().scaling_activities.resume(scaling_activities_);
}

void News::stop_listening() {
  listening_ = false;
  state_.clusters.pause(clusters_);
  state_.instances.pause(instances_);
  state_.tasks.pause(tasks_);
  state_.services.pause(services_);
  state_.service_events.pause(service_events_);
  state_.service_deployments.pause(service_deployments_);
  state_.load_balancers.pause(load_balancers_);
  state_.listeners.pause(listeners_);
  state_.rules.pause(rules_);
  state_.target_groups.pause(target_groups_);
  state_.targets.pause(targets_);
  state_.balancers.pause(balancers_);
  state_.neighbours().scalable_targets.pause(scalable_targets_);
  state_.neighbours().scaling_policies.pause(scaling_policies_);
  state_.neighbours().scaling_activities.pause(scaling_activities_);
}

Changes News::take() {
  Changes out;
  if (!listening_) return out;
  out.clusters = state_.clusters.take_changes(clusters_);
  out.instances = state_.instances.take_changes(instances_);
  out.tasks = state_.tasks.take_changes(tasks_);
  out.services = state_.services.take_changes(services_);
  out.service_events = state_.service_events.take_changes(service_events_);
  out.service_deployments = state_.service_deployments.take_changes(service_deployments_);
  out.load_balancers = state_.load_balancers.take_changes(load_balancers_);
  out.listeners = state_.listeners.take_changes(listeners_);
  out.rules = state_.rules.take_changes(rules_);
  out.target_groups = state_.target_groups.take_changes(target_groups_);
  out.targets = state_.targets.take_changes(targets_);
  out.balancers = state_.balancers.take_changes(balancers_);
  out.scalable_targets = state_.neighbours().scalable_targets.take_changes(scalable_targets_);
  out.scaling_policies = state_.neighbours().scaling_policies.take_changes(scaling_policies_);
  out.scaling_activities = state_.neighbours().scaling_activities.take_changes(scaling_activities_);
  return out;
}

}  // namespace agent::control
