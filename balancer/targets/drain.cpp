#include "balancer/targets/drain.h"

namespace balancer::targets {

using shared::SteadyTime;

void DrainTracker::on_config(const shared::lbconfig::Config& config, SteadyTime now) {
  std::map<TargetKey, Entry> next;
  for (const auto& group : config.target_groups) {
    for (const auto& target : group.targets) {
      if (target.state != shared::lbconfig::TargetState::kDraining) continue;
      const TargetKey key{group.id, target.registration};
      const auto known = entries_.find(key);
      Entry entry = known != entries_.end() ? known->second : Entry{config.version, now, {}, false, false};
      entry.limit = target.drain_limit;
      next.emplace(key, entry);
    }
  }
  entries_.swap(next);
}

void DrainTracker::on_acknowledged(std::uint64_t version) {
  for (auto& [key, entry] : entries_) {
    if (entry.version <= version) entry.acknowledged = true;
  }
}

std::optional<SteadyTime> DrainTracker::cut_at(const TargetKey& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second.learned + found->second.limit;
}

bool DrainTracker::drained(const TargetKey& key, std::uint64_t in_flight, SteadyTime now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  if (entry.acknowledged && (in_flight == 0 || now >= entry.learned + entry.limit)) entry.drained = true;
  return entry.drained;
}

std::optional<SteadyTime> DrainTracker::next_cut(SteadyTime now) const {
  std::optional<SteadyTime> next;
  for (const auto& [key, entry] : entries_) {
    const SteadyTime cut = entry.learned + entry.limit;
    if (!entry.drained && cut > now && (!next || cut < *next)) next = cut;
  }
  return next;
}

}  // namespace balancer::targets
