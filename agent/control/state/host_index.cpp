#include "agent/control/state/host_index.h"

namespace agent::control {

void HostIndex::refresh(const Table<model::ContainerInstance>& instances) {
  for (const std::string& key : instances.take_changes(changes_)) {
    const model::ContainerInstance* row = instances.find(key);
    std::set<std::string> ids;
    if (row != nullptr && row->status != model::InstanceStatus::kInactive)
      ids = {row->id, row->ec2_instance_id};
    const auto former = ids_.find(key);
    if (former != ids_.end()) {
      if (former->second == ids) continue;
      for (const std::string& id : former->second) {
        const auto it = keys_.find(id);
        it->second.erase(key);
        if (it->second.empty()) keys_.erase(it);
      }
      ids_.erase(former);
    }
    if (ids.empty()) continue;
    for (const std::string& id : ids) keys_[id].insert(key);
    ids_.emplace(key, std::move(ids));
  }
}

const std::set<std::string>& HostIndex::of_id(const std::string& id) const {
  static const std::set<std::string> kNone;
  const auto it = keys_.find(id);
  return it == keys_.end() ? kNone : it->second;
}

}  // namespace agent::control
