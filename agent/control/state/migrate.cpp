#include "agent/control/state/migrate.h"

#include <set>
#include <utility>

#include "agent/control/state/lookup.h"
#include "agent/control/state/service_log.h"

namespace agent::control {
namespace {

template <class T, class Holds>
std::vector<std::string> keys_where(const Table<T>& table, Holds holds) {
  std::vector<std::string> keys;
  for (const auto& [key, row] : table.rows()) {
    if (holds(row)) keys.push_back(key);
  }
  return keys;
}

void move_events(State& state) {
  for (const auto& key :
       keys_where(state.services, [](const auto& row) { return !row.old_events.empty(); })) {
    std::vector<model::ServiceEvent> events;
    state.services.edit(key, [&](auto& service) { events = std::exchange(service.old_events, {}); });
    for (auto it = events.rbegin(); it != events.rend(); ++it) append_event(state, key, std::move(*it));
  }
}

void move_targets(State& state) {
  for (const auto& arn :
       keys_where(state.target_groups, [](const auto& row) { return !row.old_targets.empty(); })) {
    std::vector<model::RegisteredTarget> targets;
    state.target_groups.edit(arn, [&](auto& group) { targets = std::exchange(group.old_targets, {}); });
    for (auto& target : targets) {
      target.target_group_arn = arn;
      target.sequence = state.target_index().next_sequence(arn);
      const std::string key = key_of(target);
      if (state.targets.find(key) == nullptr) state.targets.put(key, std::move(target));
    }
  }
}

void move_revisions(State& state) {
  for (const auto& key : keys_where(state.meta, [](const auto& row) { return !row.old_revisions.empty(); })) {
    std::map<std::string, int> revisions;
    state.meta.edit(key, [&](auto& meta) { revisions = std::exchange(meta.old_revisions, {}); });
    for (const auto& [family, revision] : revisions) {
      const model::Family* present = state.families.find(family);
      if (present == nullptr || present->last_revision < revision) {
        state.families.put(family, {family, revision});
      }
    }
  }
}

// An older version deleted what they belong to, and did not know them.
void erase_left_behind(State& state) {
  std::vector<std::string> targets;
  for (const auto& [key, row] : state.targets.rows()) {
    if (state.target_groups.find(row.target_group_arn) == nullptr) targets.push_back(key);
  }
  for (const std::string& key : targets) state.targets.erase(key);
  std::set<std::string> services;
  for (const auto& [key, row] : state.service_events.rows()) {
    std::string service = owner_key(key);
    if (state.services.find(service) == nullptr) services.insert(std::move(service));
  }
  for (const std::string& key : services) erase_events(state, key);
}

}  // namespace

void migrate(State& state) {
  erase_left_behind(state);
  move_events(state);
  move_targets(state);
  move_revisions(state);
}

}  // namespace agent::control
