#include "agent/control/state/index/target_index.h"

namespace agent::control {
namespace {

void take_key(std::map<std::string, std::set<std::string>>& sets, const std::string& name,
              const std::string& key) {
  const auto it = sets.find(name);
  if (it == sets.end()) return;
  it->second.erase(key);
  if (it->second.empty()) sets.erase(it);
}

const std::set<std::string>& no_keys() {
  static const std::set<std::string> kNone;
  return kNone;
}

template <class Rows>
auto first_at(const Rows& rows, const std::string& id, std::uint16_t port) {
  return rows.lower_bound(
      {TargetIndex::Address(id, port, model::lb::TargetState::kActive, std::uint64_t{0}), std::string()});
}

}  // namespace

void TargetIndex::refresh(const Table<model::RegisteredTarget>& targets) {
  for (const std::string& key : targets.take_changes(changes_)) {
    remove(key);
    if (const model::RegisteredTarget* row = targets.find(key)) add(key, *row);
  }
}

void TargetIndex::add(const std::string& key, const model::RegisteredTarget& row) {
  Entry entry{row.target_group_arn, {row.id, row.port, row.state, row.sequence}};
  Group& group = groups_[entry.group];
  group.ordered.emplace(std::pair(row.sequence, key), &row);
  group.by_address.emplace(std::pair(entry.address, key), &row);
  ids_[row.id].insert(key);
  const bool draining = row.state == model::lb::TargetState::kDraining;
  if (draining) draining_[entry.group].insert(key);
  if (!row.exposed || (draining && row.drain_version == 0)) unmarked_[entry.group].insert(key);
  entries_.emplace(key, std::move(entry));
}

void TargetIndex::remove(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  const Entry entry = std::move(found->second);
  entries_.erase(found);
  const auto group = groups_.find(entry.group);
  group->second.ordered.erase({std::get<3>(entry.address), key});
  group->second.by_address.erase({entry.address, key});
  if (group->second.ordered.empty()) groups_.erase(group);
  take_key(ids_, std::get<0>(entry.address), key);
  take_key(draining_, entry.group, key);
  take_key(unmarked_, entry.group, key);
}

const TargetIndex::Group& TargetIndex::group(const std::string& target_group_arn) const {
  static const Group kNone;
  const auto it = groups_.find(target_group_arn);
  return it == groups_.end() ? kNone : it->second;
}

std::vector<const model::RegisteredTarget*> TargetIndex::at(const std::string& target_group_arn,
                                                            const std::string& id, std::uint16_t port) const {
  std::vector<const model::RegisteredTarget*> found;
  const auto& rows = group(target_group_arn).by_address;
  for (auto it = first_at(rows, id, port); it != rows.end(); ++it) {
    if (it->second->id != id || it->second->port != port) break;
    found.push_back(it->second);
  }
  return found;
}

const model::RegisteredTarget* TargetIndex::active_at(const std::string& target_group_arn,
                                                      const std::string& id, std::uint16_t port) const {
  const auto& rows = group(target_group_arn).by_address;
  const auto it = first_at(rows, id, port);
  if (it == rows.end()) return nullptr;
  const model::RegisteredTarget& row = *it->second;
  const bool found = row.id == id && row.port == port && row.state == model::lb::TargetState::kActive;
  return found ? &row : nullptr;
}

std::uint64_t TargetIndex::next_sequence(const std::string& target_group_arn) const {
  const auto& rows = group(target_group_arn).ordered;
  return rows.empty() ? 1 : rows.rbegin()->first.first + 1;
}

const std::set<std::string>& TargetIndex::of_id(const std::string& target_id) const {
  const auto it = ids_.find(target_id);
  return it == ids_.end() ? no_keys() : it->second;
}

}  // namespace agent::control
