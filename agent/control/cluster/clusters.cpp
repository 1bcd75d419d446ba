#include "agent/control/cluster/clusters.h"

#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "shared/base/check.h"

namespace agent::control {
namespace {

using shared::Result;

bool waits_to_run(model::TaskStatus status) {
  return status == model::TaskStatus::kProvisioning || status == model::TaskStatus::kPending ||
         status == model::TaskStatus::kActivating;
}

}  // namespace

std::string create_cluster(Step& step, model::Cluster wanted) {
  const std::string name = wanted.name;
  const model::Cluster* present = step.state.clusters.find(name);
  if (present != nullptr && present->status == model::ClusterStatus::kActive) return name;
  wanted.arn = step.arn(aws::EcsKind::kCluster, name);
  wanted.status = model::ClusterStatus::kActive;
  wanted.created_at = step.now;
  rows(step).clusters.put(name, std::move(wanted));
  return name;
}

Result<std::string> cluster_of_providers(const Step& step, std::string_view cluster) {
  const auto asked = cluster_name_in(step.settings.realm(), cluster);
  if (!asked) return asked.error();
  const model::Cluster* present = step.state.clusters.find(*asked);
  if (present != nullptr && present->status != model::ClusterStatus::kActive) {
    return client_exception("Cluster was not ACTIVE");
  }
  return cluster_name(step, cluster);
}

void update_cluster(Step& step, const UpdateCluster& update) {
  const bool there = rows(step).clusters.edit(update.name, [&](model::Cluster& row) {
    if (update.settings) row.settings = *update.settings;
    row.document = update.document;
  });
  BERTH_CHECK(there, "update_cluster of a cluster that exists");
}

Result<void> delete_cluster(Step& step, const std::string& name) {
  const model::Cluster* present = step.state.clusters.find(name);
  if (present == nullptr) return fault("ClusterNotFoundException", "Cluster not found.");
  if (present->status == model::ClusterStatus::kInactive) return {};
  const ClusterCounts counts = count_cluster(step.state, name);
  if (counts.instances > 0) {
    return fault("ClusterContainsContainerInstancesException",
                 "The Cluster cannot be deleted while Container Instances are active or draining.");
  }
  if (counts.active_services + counts.draining_services > 0) {
    return fault("ClusterContainsServicesException",
                 "The Cluster cannot be deleted while Services are active.");
  }
  bool live_tasks = false;
  each_of_cluster(step.state.tasks, name, [&](const model::Task& task) {
    live_tasks = live_tasks || task.last_status != model::TaskStatus::kStopped;
  });
  if (live_tasks) {
    return fault("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.");
  }
  rows(step).clusters.edit(name, [](auto& row) { row.status = model::ClusterStatus::kInactive; });
  return {};
}

ClusterCounts count_cluster(const State& state, const std::string& name) {
  ClusterCounts counts;
  each_of_cluster(state.instances, name, [&](const model::ContainerInstance& instance) {
    if (instance.status != model::InstanceStatus::kInactive) ++counts.instances;
  });
  each_of_cluster(state.tasks, name, [&](const model::Task& task) {
    const int external = task.launch_type == model::LaunchType::kExternal ? 1 : 0;
    if (task.last_status == model::TaskStatus::kRunning) {
      ++counts.running_tasks;
      counts.external_running_tasks += external;
    } else if (waits_to_run(task.last_status)) {
      ++counts.pending_tasks;
      counts.external_pending_tasks += external;
    }
  });
  each_of_cluster(state.services, name, [&](const model::Service& service) {
    const int external = service.launch_type == model::LaunchType::kExternal ? 1 : 0;
    if (service.status == model::ServiceStatus::kActive) {
      ++counts.active_services;
      counts.external_active_services += external;
    } else if (service.status == model::ServiceStatus::kDraining) {
      ++counts.draining_services;
      counts.external_draining_services += external;
    }
  });
  return counts;
}

}  // namespace agent::control
