#include "agent/control/state/agenda.h"

#include <algorithm>

#include "agent/control/state/plant.h"

namespace agent::control {

using shared::WallTime;

void Agenda::at(Concern concern, const std::string& key, WallTime time) {
  if (BERTH_PLANTED(kLoseWake) && concern == Concern::kServiceTask && time != WallTime::min()) return;
  Lane& mine = lane(concern);
  const auto [it, fresh] = mine.when.try_emplace(key, time);
  if (!fresh) {
    if (it->second <= time) return;
    mine.order.erase({it->second, key});
    it->second = time;
  }
  mine.order.emplace(time, key);
}

std::vector<std::string> Agenda::take(Concern concern, WallTime now) {
  Lane& mine = lane(concern);
  std::vector<std::string> keys;
  while (!mine.order.empty() && mine.order.begin()->first <= now) {
    auto node = mine.order.extract(mine.order.begin());
    mine.when.erase(node.value().second);
    taken_.push_back({concern, node.value().second});
    keys.push_back(std::move(node.value().second));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool Agenda::due(WallTime now) const {
  const auto next_one = next();
  return next_one && *next_one <= now;
}

std::optional<WallTime> Agenda::next() const {
  std::optional<WallTime> earliest;
  for (const Lane& each : lanes_) {
    if (each.order.empty()) continue;
    const WallTime time = each.order.begin()->first;
    if (!earliest || time < *earliest) earliest = time;
  }
  return earliest;
}

std::optional<WallTime> Agenda::when(Concern concern, const std::string& key) const {
  const Lane& mine = lanes_[static_cast<std::size_t>(concern)];
  const auto it = mine.when.find(key);
  return it == mine.when.end() ? std::nullopt : std::optional(it->second);
}

std::vector<std::pair<Subject, WallTime>> Agenda::all() const {
  std::vector<std::pair<Subject, WallTime>> out;
  for (std::size_t i = 0; i < kConcerns; ++i) {
    for (const auto& [key, time] : lanes_[i].when) out.push_back({{static_cast<Concern>(i), key}, time});
  }
  return out;
}

void Agenda::undo_batch() {
  for (const Subject& each : std::exchange(taken_, {})) note(each.concern, each.key);
}

}  // namespace agent::control
