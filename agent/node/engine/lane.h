// Lane: a bounded number of pieces of work at once, the rest waits its turn: lower `order` first, then who
// came first. Work that waits costs nothing; whether it is still wanted its own beginning must see. Thread:
// the executor's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "shared/env/executor.h"

namespace agent::node {

class Lane {
 public:
  // `executor` outlives the lane.
  Lane(shared::env::Executor& executor, std::size_t limit) : executor_(executor), limit_(limit) {}

  // Begins `work` inside this call when it is its turn, else later. It says leave() once when it is over,
  // which may be inside `work`.
  void enter(std::uint64_t order, std::function<void()> work);
  // What was entered for the same piece of work until then goes before what waits behind it.
  void leave();

  // 0: nothing begins until it is raised. What runs is not touched.
  void set_limit(std::size_t limit);
  std::size_t running() const { return running_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void fill();
  void fill_later();

  shared::env::Executor& executor_;
  std::size_t limit_;
  std::size_t running_ = 0;
  std::uint64_t next_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> waiting_;
  bool filling_ = false;
  bool fill_posted_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // posted work looks whether we are still there
};

}  // namespace agent::node
