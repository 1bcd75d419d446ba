// What is asked of the targets all the time, kept up to date row by row instead of by walking them: the
// targets of a group in the order of their registration, who is registered under an address, which drain, and
// which the published configuration has yet to be noted in. Derived: never stored, equal to what a walk over
// the rows would find. Thread: control's.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/control/state/table/table.h"
#include "agent/model/load_balancing.h"

namespace agent::control {

class TargetIndex {
 public:
  explicit TargetIndex(Table<model::RegisteredTarget>::Reader changes) : changes_(changes) {}
  // Target id, port, state and sequence: of those registered under one address the active one comes first,
  // then the draining ones in the order of their registration.
  using Address = std::tuple<std::string, std::uint16_t, model::lb::TargetState, std::uint64_t>;
  // Pointers are good until targets change.
  struct Group {
    std::map<std::pair<std::uint64_t, std::string>, const model::RegisteredTarget*>
        ordered;  // by sequence and row key
    std::map<std::pair<Address, std::string>, const model::RegisteredTarget*> by_address;
  };

  void refresh(const Table<model::RegisteredTarget>& targets);

  const Group& group(const std::string& target_group_arn) const;
  // The active target of the group under this id and port; nullptr: there is none.
  const model::RegisteredTarget* active_at(const std::string& target_group_arn, const std::string& id,
                                           std::uint16_t port) const;
  // All of the group under this id and port: the active one first, then those that drain in the order of
  // their registration.
  std::vector<const model::RegisteredTarget*> at(const std::string& target_group_arn, const std::string& id,
                                                 std::uint16_t port) const;
  // Of a target that is registered now.
  std::uint64_t next_sequence(const std::string& target_group_arn) const;
  // Row keys, in all groups.
  const std::set<std::string>& of_id(const std::string& target_id) const;
  // Row keys by group.
  const std::map<std::string, std::set<std::string>>& draining() const { return draining_; }
  // The same of those that were in no published configuration yet, or drain in none.
  const std::map<std::string, std::set<std::string>>& unmarked() const { return unmarked_; }

 private:
  struct Entry {
    std::string group;
    Address address;
  };
  void add(const std::string& key, const model::RegisteredTarget& row);
  void remove(const std::string& key);

  std::map<std::string, Entry> entries_;
  std::map<std::string, Group> groups_;
  std::map<std::string, std::set<std::string>> ids_;
  std::map<std::string, std::set<std::string>> draining_;
  std::map<std::string, std::set<std::string>> unmarked_;
  Table<model::RegisteredTarget>::Reader changes_;
};

}  // namespace agent::control
