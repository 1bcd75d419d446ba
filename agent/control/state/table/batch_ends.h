// Where batches end in a log that is kept until they are durable: of a table's changes, of what was taken off
// the agenda. Thread: the owner's.
#pragma once
#include <cstddef>
#include <deque>
#include <vector>

#include "shared/base/check.h"

namespace agent::control {

class BatchEnds {
 public:
  // What the log holds since the last one is a batch.
  void end_at(std::size_t size) { ends_.push_back(size); }
  // The first place that belongs to no ended batch.
  std::size_t last() const { return ends_.empty() ? 0 : ends_.back(); }
  // The oldest batch is durable: takes its part off the log; returns how long that was.
  template <class T>
  std::size_t drop_oldest(std::vector<T>& log) {
    BERTH_CHECK(!ends_.empty(), "a batch is ended before it is durable");
    const std::size_t end = ends_.front();
    ends_.pop_front();
    log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(end));
    for (std::size_t& each : ends_) each -= end;
    return end;
  }
  void clear() { ends_.clear(); }

 private:
  std::deque<std::size_t> ends_;
};

}  // namespace agent::control
