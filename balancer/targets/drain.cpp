#include "balancer/targets/drain.h"

namespace balancer::targets {

using shared::SteadyTime;

void DrainTracker::on_config(const shared::lbconfig::Config& config, SteadyTime now) {
  std::map<std::string, Group, std::less<>> next;
  for (const auto& group : config.target_groups) {
    const auto known = groups_.find(group->id);
    const bool same = known != groups_.end() && known->second.seen.is(group);
    next.emplace(group->id, same ? std::move(known->second) : learned_of(group, config.version, now));
  }
  groups_.swap(next);
}

DrainTracker::Group DrainTracker::learned_of(
    const shared::lbconfig::Part<shared::lbconfig::TargetGroup>& group, std::uint64_t version,
    SteadyTime now) const {
  Group out{group, {}};
  for (const auto& target : group->targets) {
    if (target.state != shared::lbconfig::TargetState::kDraining) continue;
    const Entry* known = find({group->id, target.registration});
    Entry entry = known != nullptr ? *known : Entry{version, now, {}, false, false};
    entry.limit = target.drain_limit;
    out.entries.emplace(target.registration, entry);
  }
  return out;
}

const DrainTracker::Entry* DrainTracker::find(const TargetKey& key) const {
  const auto group = groups_.find(key.target_group);
  if (group == groups_.end()) return nullptr;
  const auto entry = group->second.entries.find(key.registration);
  return entry == group->second.entries.end() ? nullptr : &entry->second;
}

void DrainTracker::on_acknowledged(std::uint64_t version) {
  for (auto& [id, group] : groups_) {
    for (auto& [registration, entry] : group.entries) {
      if (entry.version <= version) entry.acknowledged = true;
    }
  }
}

std::optional<SteadyTime> DrainTracker::cut_at(const TargetKey& key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return entry->learned + entry->limit;
}

bool DrainTracker::drained(const TargetKey& key, std::uint64_t in_flight, SteadyTime now) {
  const auto group = groups_.find(key.target_group);
  if (group == groups_.end()) return false;
  const auto found = group->second.entries.find(key.registration);
  if (found == group->second.entries.end()) return false;
  Entry& entry = found->second;
  if (entry.acknowledged && (in_flight == 0 || now >= entry.learned + entry.limit)) entry.drained = true;
  return entry.drained;
}

std::optional<SteadyTime> DrainTracker::next_cut(SteadyTime now) const {
  std::optional<SteadyTime> next;
  for (const auto& [id, group] : groups_) {
    for (const auto& [registration, entry] : group.entries) {
      const SteadyTime cut = entry.learned + entry.limit;
      if (!entry.drained && cut > now && (!next || cut < *next)) next = cut;
    }
  }
  return next;
}

}  // namespace balancer::targets
