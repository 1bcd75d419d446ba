#include "agent/control/state/state.h"

namespace agent::control {

std::vector<TableBase*> State::tables() {
  return {&clusters, &task_definitions, &instances, &tasks, &services,    &load_balancers, &listeners,
          &rules,    &target_groups,    &balancers, &meta,  &installation};
}

const TaskIndex& State::task_index() const {
  task_index_.refresh(tasks);
  return task_index_;
}

State::Readers State::follow_for_publishing() {
  return {load_balancers.follow(), listeners.follow(), rules.follow(), target_groups.follow()};
}

bool State::has_changes_for_publishing() const {
  const Readers& at = changes_for_publishing_;
  return load_balancers.has_changes(at.load_balancers) || listeners.has_changes(at.listeners) ||
         rules.has_changes(at.rules) || target_groups.has_changes(at.target_groups);
}

bool State::take_changes_for_publishing() {
  const Readers& at = changes_for_publishing_;
  bool any = !load_balancers.take_changes(at.load_balancers).empty();
  any = !listeners.take_changes(at.listeners).empty() || any;
  any = !rules.take_changes(at.rules).empty() || any;
  return !target_groups.take_changes(at.target_groups).empty() || any;
}

}  // namespace agent::control
