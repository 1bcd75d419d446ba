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

}  // namespace agent::control
