#include "agent/control/cluster/retention.h"

#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/service_log.h"

namespace agent::control {
namespace {

template <class T>
bool has_rows(const Table<T>& table, const std::string& cluster) {
  const std::string prefix = cluster + "/";
  const auto first = table.rows().lower_bound(prefix);
  return first != table.rows().end() && first->first.starts_with(prefix);
}

bool in_use(const State& state, const std::string& key, const model::Service&) {
  return !state.task_index().of_service(key).empty();
}
bool in_use(const State& state, const std::string&, const model::ContainerInstance& row) {
  return !state.task_index().usage(row.arn).tasks.empty();
}
bool in_use(const State& state, const std::string& key, const model::Cluster&) {
  return has_rows(state.services, key) || has_rows(state.instances, key) || has_rows(state.tasks, key);
}

void erase_with(Step& step, const std::string& key, const model::Service&) {
  erase_events(rows(step), key);
  erase_history(rows(step), key);
}
void erase_with(Step&, const std::string&, const model::ContainerInstance&) {}
void erase_with(Step&, const std::string&, const model::Cluster&) {}

template <class T, class Status>
void purge(Step& step, Concern concern, Table<T>& table, Status inactive) {
  for (const std::string& key : rows(step).live.agenda.take(concern, step.now)) {
    const T* row = table.find(key);
    if (row == nullptr || row->status != inactive) continue;
    step.subject = {concern, key};
    if (!row->inactive_since) {
      table.edit(key, [&](T& retired) { retired.inactive_since = step.now; });
    } else if (const auto until = *row->inactive_since + step.settings.inactive_retention; until > step.now) {
      step.wake_at(until);
    } else if (!in_use(step.state, key, *row)) {
      erase_with(step, key, *row);
      table.erase(key);
    }
  }
}

}  // namespace

void purge_inactive(Step& step) {
  purge(step, Concern::kInactiveService, rows(step).services, model::ServiceStatus::kInactive);
  purge(step, Concern::kInactiveInstance, rows(step).instances, model::InstanceStatus::kInactive);
  purge(step, Concern::kInactiveCluster, rows(step).clusters, model::ClusterStatus::kInactive);
}

}  // namespace agent::control
