// Container instances by the ids under which a target names its host, kept up to date row by row. Derived:
// never stored. Thread: control's.
#pragma once
#include <set>
#include <string>

#include "agent/control/state/index/backlinks.h"
#include "agent/control/state/table/table.h"
#include "agent/model/container_instance.h"

namespace agent::control {

class HostIndex {
 public:
  explicit HostIndex(Table<model::ContainerInstance>::Reader changes) : changes_(changes) {}
  void refresh(const Table<model::ContainerInstance>& instances);
  // Row keys of instances that are not INACTIVE and have this id or EC2 instance id.
  const std::set<std::string>& of_id(const std::string& id) const { return ids_.to(id); }

 private:
  Backlinks ids_;
  Table<model::ContainerInstance>::Reader changes_;
};

}  // namespace agent::control
