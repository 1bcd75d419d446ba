// Clusters: made, counted and given up. An INACTIVE cluster keeps its row, so that it can still be described
// and be made again under the same name, then empty.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// `wanted` has name, settings, tags and document. An ACTIVE cluster of that name stays as it is; an INACTIVE
// one is revived with what is wanted. Returns the name, which is the row key.
std::string create_cluster(Step& step, model::Cluster wanted);

// Name of the cluster of a PutClusterCapacityProviders. Errors: ClientException for one that is INACTIVE, and
// those of cluster_name().
shared::Result<std::string> cluster_of_providers(const Step& step, std::string_view cluster);

struct UpdateCluster {
  std::string name;  // of an existing cluster
  std::optional<std::vector<model::NameValue>> settings;
  std::string document;  // all of it, as it is to be
};
void update_cluster(Step& step, const UpdateCluster& update);

// Makes it INACTIVE; again is a no-op. Errors, in ECS's order: ClusterNotFoundException,
// ClusterContainsContainerInstancesException, ClusterContainsServicesException,
// ClusterContainsTasksException.
shared::Result<void> delete_cluster(Step& step, const std::string& name);

struct ClusterCounts {
  int instances = 0;  // ACTIVE and DRAINING
  int running_tasks = 0;
  int pending_tasks = 0;  // PROVISIONING, PENDING, ACTIVATING
  int active_services = 0;
  int draining_services = 0;
  // The same for what was started with launch type EXTERNAL; contained in the numbers above.
  int external_running_tasks = 0;
  int external_pending_tasks = 0;
  int external_active_services = 0;
  int external_draining_services = 0;
};
ClusterCounts count_cluster(const State& state, const std::string& name);

}  // namespace agent::control
