#include "agent/control/cluster/retention.h"

#include "agent/control/state/lookup.h"

namespace agent::control {
namespace {

template <class T>
bool has_rows(const Table<T>& table, const std::string& cluster) {
  bool any = false;
  each_of_cluster(table, cluster, [&any](const T&) { any = true; });
  return any;
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

template <class T, class Status>
void purge(Step& step, Table<T>& table, Status inactive) {
  std::vector<std::string> undated;
  std::vector<std::string> over;
  for (const auto& [key, row] : table.rows()) {
    if (row.status != inactive) continue;
    if (!row.inactive_since) {
      undated.push_back(key);
    } else if (const auto until = *row.inactive_since + step.settings.inactive_retention; until > step.now) {
      step.wake_at(until);
    } else if (!in_use(step.state, key, row)) {
      over.push_back(key);
    }
  }
  for (const std::string& key : undated) table.edit(key)->inactive_since = step.now;
  for (const std::string& key : over) table.erase(key);
}

}  // namespace

void purge_inactive(Step& step) {
  purge(step, step.state.services, model::ServiceStatus::kInactive);
  purge(step, step.state.instances, model::InstanceStatus::kInactive);
  purge(step, step.state.clusters, model::ClusterStatus::kInactive);
}

}  // namespace agent::control
