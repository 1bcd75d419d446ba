#include "agent/node/engine/lane.h"

#include "shared/base/check.h"

namespace agent::node {

void Lane::enter(std::uint64_t order, std::function<void()> work) {
  waiting_.emplace(std::pair(order, next_++), std::move(work));
  fill();
}

// The room is given away later: whoever leaves is about to enter with the next step of the same task.
void Lane::leave() {
  BERTH_CHECK(running_ > 0, "left a lane more often than it was entered");
  --running_;
  fill_later();
}

void Lane::set_limit(std::size_t limit) {
  limit_ = limit;
  fill_later();
}

// Work that is over at once makes room at once: no more than a lane full in one go, so that a long queue of
// such work keeps nobody else waiting.
void Lane::fill() {
  if (filling_) return;
  filling_ = true;
  for (std::size_t begun = 0; running_ < limit_ && begun < limit_ && !waiting_.empty(); ++begun) {
    auto first = waiting_.extract(waiting_.begin());
    ++running_;
    first.mapped()();
  }
  filling_ = false;
  if (running_ < limit_ && !waiting_.empty()) fill_later();
}

void Lane::fill_later() {
  if (fill_posted_) return;
  fill_posted_ = true;
  executor_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.lock()) return;
    fill_posted_ = false;
    fill();
  });
}

}  // namespace agent::node
