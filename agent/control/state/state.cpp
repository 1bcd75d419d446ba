#include "agent/control/state/state.h"

#include "agent/control/state/lookup.h"

namespace agent::control {

std::vector<TableBase*> State::tables() {
  return {&clusters,      &task_definitions, &families,       &instances, &tasks,
          &services,      &service_events,   &load_balancers, &listeners, &rules,
          &target_groups, &targets,          &balancers,      &meta,      &installation};
}

const TaskIndex& State::task_index() const {
  task_index_.refresh(tasks);
  for (const std::string& arn : task_index_.take_changed_usage()) capacity_.note_usage(arn);
  for (const std::string& key : instances.take_changes(changes_for_capacity_)) capacity_.note_row(key);
  return task_index_;
}

Capacity& State::capacity() {
  task_index();
  return capacity_;
}

State::Readers State::follow_for_publishing() {
  return {load_balancers.follow(), listeners.follow(), rules.follow(), target_groups.follow(),
          targets.follow()};
}

bool State::has_changes_for_publishing() const {
  const Readers& at = changes_for_publishing_;
  return load_balancers.has_changes(at.load_balancers) || listeners.has_changes(at.listeners) ||
         rules.has_changes(at.rules) || target_groups.has_changes(at.target_groups) ||
         targets.has_changes(at.targets);
}

State::ConfigChanges State::take_changes_for_publishing() {
  const Readers& at = changes_for_publishing_;
  ConfigChanges changes;
  changes.routes = !load_balancers.take_changes(at.load_balancers).empty();
  changes.routes = !listeners.take_changes(at.listeners).empty() || changes.routes;
  changes.routes = !rules.take_changes(at.rules).empty() || changes.routes;
  for (const std::string& arn : target_groups.take_changes(at.target_groups)) changes.groups.insert(arn);
  for (const std::string& key : targets.take_changes(at.targets)) changes.groups.insert(owner_key(key));
  return changes;
}

const TargetIndex& State::target_index() const {
  target_index_.refresh(targets);
  return target_index_;
}

const ForwardIndex& State::forward_index() const {
  forward_index_.refresh(listeners, rules);
  return forward_index_;
}

const HostIndex& State::host_index() const {
  host_index_.refresh(instances);
  return host_index_;
}

void State::refresh_indexes() const {
  (void)task_index();
  (void)target_index();
  (void)forward_index();
  (void)host_index();
}

}  // namespace agent::control
