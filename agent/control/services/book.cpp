#include "agent/control/services/book.h"

#include <algorithm>

#include "agent/control/state/lookup.h"
#include "agent/scheduler/placement.h"
#include "shared/base/check.h"

namespace agent::control {
namespace {

bool any_of_kinds(const PlanCounts& counts, const PlanKinds& kinds) {
  for (std::size_t kind = 0; kind < kPlanKinds; ++kind) {
    if (kinds[kind] && counts[kind] > 0) return true;
  }
  return false;
}

void adjust(std::map<std::string, int>& counts, const std::string& name, int by) {
  const auto it = counts.try_emplace(name, 0).first;
  it->second += by;
  if (it->second == 0) counts.erase(it);
}

std::int64_t size_of(const State& state, std::string_view task_key, bool by_cpu) {
  const model::Task* task = state.tasks.find(task_key);
  if (task == nullptr) return 0;
  return by_cpu ? task->reserved.cpu : task->reserved.memory;
}

std::int64_t free_on(const State& state, const std::string& instance_arn, bool by_cpu) {
  const model::ContainerInstance* instance = find_instance_by_arn(state, instance_arn);
  if (instance == nullptr) return 0;
  const InstanceUsage& usage = state.task_index().usage(instance_arn);
  return by_cpu ? instance->registered.cpu - usage.cpu : instance->registered.memory - usage.memory;
}

}  // namespace

void Book::put(const std::string& task_key, Entry entry) {
  const auto [it, fresh] = entries_.try_emplace(task_key);
  if (!fresh) count(it, -1);
  it->second = std::move(entry);
  count(it, 1);
}

void Book::erase(const std::string& task_key) {
  const auto it = entries_.find(task_key);
  if (it == entries_.end()) return;
  count(it, -1);
  entries_.erase(it);
}

const Book::Entry* Book::find(const std::string& task_key) const {
  const auto it = entries_.find(task_key);
  return it == entries_.end() ? nullptr : &it->second;
}

int Book::wanted(const std::string& deployment) const {
  const auto it = wanted_.find(deployment);
  return it == wanted_.end() ? 0 : it->second;
}

void Book::count(std::map<std::string, Entry>::iterator it, int by) {
  const Entry& entry = it->second;
  counts_[kind_of(entry.task)] += by;
  waiting_ += entry.waits_to_stop ? by : 0;
  if (entry.task.phase == PlanPhase::kStopping) return;
  adjust(wanted_, entry.deployment, by);
  place(it->first, entry, by);
}

void Book::place(const std::string& key, const Entry& entry, int by) {
  const std::size_t kind = kind_of(entry.task);
  const auto zone_at = zones_.try_emplace(entry.zone).first;
  Zone& zone = zone_at->second;
  const auto host_at = zone.hosts.try_emplace(entry.instance).first;
  Host& host = host_at->second;
  zone.fullest.erase({host.tasks, entry.instance});
  zone.tasks += by;
  zone.counts[kind] += by;
  host.tasks += by;
  if (by > 0) {
    by_kind_[kind].insert(key);
    host.by_kind[kind].insert(key);
  } else {
    by_kind_[kind].erase(key);
    const auto keys = host.by_kind.find(kind);
    keys->second.erase(key);
    if (keys->second.empty()) host.by_kind.erase(keys);
  }
  if (host.tasks > 0) {
    zone.fullest.emplace(host.tasks, entry.instance);
    return;
  }
  zone.hosts.erase(host_at);
  if (zone.hosts.empty()) zones_.erase(zone_at);
}

std::vector<std::string> Book::take(const State& state, const PlanKinds& kinds, int count_wanted,
                                    const std::vector<model::PlacementStrategy>& strategies) {
  const auto type = strategies.empty() ? model::StrategyType::kSpread : strategies.front().type;
  const bool by_cpu = !strategies.empty() && scheduler::packs_cpu(strategies.front());
  std::map<std::string, std::int64_t> freed;  // by instance
  std::vector<std::string> taken;
  while (static_cast<int>(taken.size()) < count_wanted) {
    const std::string_view key = type == model::StrategyType::kSpread ? first_by_spread(kinds)
                                 : type == model::StrategyType::kBinpack
                                     ? first_by_binpack(state, kinds, by_cpu, freed)
                                     : any_of(kinds);
    const auto it = entries_.find(std::string(key));
    BERTH_CHECK(it != entries_.end(), "a plan stops tasks that are there");
    freed[it->second.instance] += size_of(state, key, by_cpu);
    count(it, -1);
    it->second.task.phase = PlanPhase::kStopping;
    it->second.waits_to_stop = true;
    count(it, 1);
    taken.push_back(it->first);
  }
  return taken;
}

std::string_view Book::any_of(const PlanKinds& kinds) const {
  std::string_view lowest;
  for (std::size_t kind = 0; kind < kPlanKinds; ++kind) {
    if (!kinds[kind] || by_kind_[kind].empty()) continue;
    const std::string_view key = *by_kind_[kind].begin();
    if (lowest.empty() || key < lowest) lowest = key;
  }
  return lowest;
}

std::string_view Book::first_by_spread(const PlanKinds& kinds) const {
  std::string_view first;
  std::pair<int, int> most{0, 0};  // tasks of the zone, of the instance
  for (const auto& [name, zone] : zones_) {
    if (zone.tasks < most.first || !any_of_kinds(zone.counts, kinds)) continue;
    for (auto it = zone.fullest.rbegin(); it != zone.fullest.rend(); ++it) {
      if (std::pair(zone.tasks, it->first) <= most) break;
      const auto& by_kind = zone.hosts.at(it->second).by_kind;
      const auto fits =
          std::find_if(by_kind.begin(), by_kind.end(), [&](const auto& each) { return kinds[each.first]; });
      if (fits == by_kind.end()) continue;
      most = {zone.tasks, it->first};
      first = *fits->second.begin();
      break;
    }
  }
  return first;
}

std::string_view Book::first_by_binpack(const State& state, const PlanKinds& kinds, bool by_cpu,
                                        const std::map<std::string, std::int64_t>& freed) const {
  std::string_view best;
  std::int64_t best_room = 0;
  for (const auto& [name, zone] : zones_) {
    for (const auto& [instance, host] : zone.hosts) {
      std::string_view largest;
      for (const auto& [kind, keys] : host.by_kind) {
        if (!kinds[kind]) continue;
        for (const std::string_view key : keys) {
          if (largest.empty() || size_of(state, key, by_cpu) > size_of(state, largest, by_cpu)) largest = key;
        }
      }
      if (largest.empty()) continue;
      const auto already = freed.find(instance);
      const std::int64_t room = free_on(state, instance, by_cpu) + size_of(state, largest, by_cpu) +
                                (already == freed.end() ? 0 : already->second);
      if (!best.empty() && room <= best_room) continue;
      best = largest;
      best_room = room;
    }
  }
  return best;
}

}  // namespace agent::control
