// The door to time: two clocks, timers and "run this later on the owner's thread".
// Real one: shared/httpd IoLoop (Asio). Simulated one: tests/sim. Code that decides never reads a clock
// itself; it is handed `now`. Thread: everything except post() belongs to the thread that runs the executor.
#pragma once
#include <functional>
#include <memory>

#include "shared/base/time.h"

namespace shared::env {

// A pending timer. Destroying or cancelling it guarantees that its function will not run any more.
class Timer {
 public:
  struct State {
    virtual ~State() = default;  // cancels
  };
  Timer() = default;
  explicit Timer(std::unique_ptr<State> state) : state_(std::move(state)) {}
  void cancel() { state_.reset(); }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  std::unique_ptr<State> state_;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual WallTime wall_now() const = 0;
  virtual SteadyTime now() const = 0;
  // Runs `work` on the executor's thread after the current callback has returned. May be called from any
  // thread.
  virtual void post(std::function<void()> work) = 0;
  // Runs `work` once, not before `delay` has passed. Keep the Timer: dropping it cancels.
  [[nodiscard]] virtual Timer after(Millis delay, std::function<void()> work) = 0;
};

}  // namespace shared::env
