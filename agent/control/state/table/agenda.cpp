#include "agent/control/state/table/agenda.h"

#include "agent/control/state/plant.h"

namespace agent::control {

using shared::WallTime;

void Agenda::at(Concern concern, const std::string& key, WallTime time) {
  if (BERTH_PLANTED(kLoseWake) && concern == Concern::kServiceTask && time != WallTime::min()) return;
  lane(concern).at(key, time);
}

std::vector<std::string> Agenda::take(Concern concern, WallTime now, std::size_t most) {
  std::vector<std::string> keys = lane(concern).take(now, most);
  for (const std::string& key : keys) taken_.push_back({concern, key});
  return keys;
}

bool Agenda::due(WallTime now) const {
  const auto next_one = next();
  return next_one && *next_one <= now;
}

std::optional<WallTime> Agenda::next() const {
  std::optional<WallTime> earliest;
  for (const auto& each : lanes_) make_earlier(earliest, each.next());
  return earliest;
}

std::optional<WallTime> Agenda::when(Concern concern, const std::string& key) const {
  const auto& times = lanes_[static_cast<std::size_t>(concern)].times();
  const auto it = times.find(key);
  return it == times.end() ? std::nullopt : std::optional(it->second);
}

std::vector<std::pair<Subject, WallTime>> Agenda::all() const {
  std::vector<std::pair<Subject, WallTime>> out;
  for (std::size_t i = 0; i < kConcerns; ++i) {
    for (const auto& [key, time] : lanes_[i].times()) out.push_back({{static_cast<Concern>(i), key}, time});
  }
  return out;
}

void Agenda::undo_batches() {
  batches_.clear();
  for (const Subject& each : std::exchange(taken_, {})) note(each.concern, each.key);
}

}  // namespace agent::control
