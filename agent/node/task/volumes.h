// A task's volumes as the engine is to have them, by the ECS agent's rules: a host path is mounted as it is;
// an empty host volume and a docker volume of scope "task" are made for the task and go with it; a docker
// volume of scope "shared" keeps its name and stays, and without autoprovision it must be there already.
// Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/node/task/task_state.h"
#include "shared/base/result.h"

namespace agent::node {

enum class VolumeKind {
  kHostPath,  // nothing to provide: the engine makes a missing directory when it mounts it
  kTask,      // made before the task's containers, removed after them
  kShared,    // made when missing, never removed
  kExisting,  // shared without autoprovision: never made either
};

struct Volume {
  std::string name;    // in the task definition
  std::string source;  // host path or the engine volume's name: the left side of a mount
  VolumeKind kind = VolumeKind::kHostPath;
  runtime::VolumeSpec spec;  // but for kHostPath
};

// Error code "InvalidVolumeError" names the volume and what is wrong with it. `instance_id` goes into the
// labels of kTask volumes, beside the task's ARN.
shared::Result<std::vector<Volume>> volumes_of(const Task& task, const std::string& instance_id);

// Names of the engine volumes that end with the task: the kTask ones, and those that an older agent's control
// put into the containers' own mounts ("berth-<task>-<volume>").
std::vector<std::string> task_volumes(const Task& task);

}  // namespace agent::node
