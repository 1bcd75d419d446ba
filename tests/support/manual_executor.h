// ManualExecutor: an env::Executor whose time moves only when a test says so. Posted work runs first in,
// first out; timers by due time, then by the order in which they were made.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "shared/base/check.h"
#include "shared/env/executor.h"

namespace tests {

class ManualExecutor final : public shared::env::Executor {
 public:
  explicit ManualExecutor(shared::WallTime start = shared::from_epoch_millis(1'700'000'000'000))
      : wall_start_(start) {}

  shared::WallTime wall_now() const override {
    return wall_start_ + std::chrono::duration_cast<shared::Millis>(now_.time_since_epoch());
  }
  shared::SteadyTime now() const override { return now_; }
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  [[nodiscard]] shared::env::Timer after(shared::Millis delay, std::function<void()> work) override {
    const Key key{now_ + std::max(delay, shared::Millis(0)), next_++};
    timers_->emplace(key, std::move(work));
    return shared::env::Timer(std::make_unique<Handle>(timers_, key));
  }

  // Everything that can run without time passing.
  void run_ready() {
    for (std::size_t steps = 0;; ++steps) {
      BERTH_CHECK(steps < kMaxSteps, "posted work that never ends");
      if (!queue_.empty()) {
        auto work = std::move(queue_.front());
        queue_.pop_front();
        work();
        continue;
      }
      if (!fire(now_)) return;
    }
  }
  // Lets time pass; timers fire at their own moments on the way.
  void advance(shared::Millis by) {
    const auto until = now_ + by;
    run_ready();
    while (!timers_->empty() && timers_->begin()->first.first <= until) {
      now_ = std::max(now_, timers_->begin()->first.first);
      run_ready();
    }
    now_ = until;
    run_ready();
  }

 private:
  using Key = std::pair<shared::SteadyTime, std::uint64_t>;
  using Timers = std::map<Key, std::function<void()>>;
  static constexpr std::size_t kMaxSteps = 1'000'000;
  struct Handle final : shared::env::Timer::State {
    Handle(std::shared_ptr<Timers> all, Key which) : timers(std::move(all)), key(which) {}
    ~Handle() override { timers->erase(key); }
    std::shared_ptr<Timers> timers;  // shared: a Timer may outlive the executor
    Key key;
  };
  bool fire(shared::SteadyTime until) {
    if (timers_->empty() || timers_->begin()->first.first > until) return false;
    auto work = std::move(timers_->begin()->second);
    timers_->erase(timers_->begin());
    work();
    return true;
  }

  shared::WallTime wall_start_;
  shared::SteadyTime now_{};
  std::uint64_t next_ = 0;
  std::deque<std::function<void()>> queue_;
  std::shared_ptr<Timers> timers_ = std::make_shared<Timers>();
};

}  // namespace tests
