// When keys are due: each at the earliest time that was said of it. Thread: the owner's.
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "shared/base/time.h"

namespace agent::control {

// `time` becomes `other` if that is earlier; nothing is later than any time.
inline void make_earlier(std::optional<shared::WallTime>& time, std::optional<shared::WallTime> other) {
  if (other && (!time || *other < *time)) time = other;
}

template <class Key>
class Timetable {
 public:
  // Due at `time`, or earlier if that was said before.
  void at(const Key& key, shared::WallTime time) {
    const auto [it, fresh] = times_.try_emplace(key, time);
    if (!fresh) {
      if (it->second <= time) return;
      order_.erase({it->second, key});
      it->second = time;
    }
    order_.emplace(time, key);
  }
  void now(const Key& key) { at(key, shared::WallTime::min()); }
  void forget(const Key& key) {
    const auto it = times_.find(key);
    if (it == times_.end()) return;
    order_.erase({it->second, key});
    times_.erase(it);
  }

  // Those due by `time`, in key order, at most so many. They are off the table.
  std::vector<Key> take(shared::WallTime time, std::size_t most = std::numeric_limits<std::size_t>::max()) {
    std::vector<Key> due;
    while (!order_.empty() && order_.begin()->first <= time && due.size() < most) {
      auto node = order_.extract(order_.begin());
      times_.erase(node.value().second);
      due.push_back(std::move(node.value().second));
    }
    std::sort(due.begin(), due.end());  // each is here once
    return due;
  }
  // Nothing to do before it.
  std::optional<shared::WallTime> next() const {
    return order_.empty() ? std::nullopt : std::optional(order_.begin()->first);
  }
  const std::map<Key, shared::WallTime>& times() const { return times_; }

 private:
  std::map<Key, shared::WallTime> times_;
  std::set<std::pair<shared::WallTime, Key>> order_;
};

}  // namespace agent::control
