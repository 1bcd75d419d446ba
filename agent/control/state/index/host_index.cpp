#include "agent/control/state/index/host_index.h"

#include <utility>

namespace agent::control {

void HostIndex::refresh(const Table<model::ContainerInstance>& instances) {
  for (const std::string& key : instances.take_changes(changes_)) {
    const model::ContainerInstance* row = instances.find(key);
    std::set<std::string> ids;
    if (row != nullptr && row->status != model::InstanceStatus::kInactive)
      ids = {row->id, row->ec2_instance_id};
    ids_.set(key, std::move(ids));
  }
}

}  // namespace agent::control
