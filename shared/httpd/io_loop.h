// IoLoop: the Asio event loop behind management traffic, as an env::Executor. One thread runs it; post() is
// the only call allowed from other threads. Servers, clients and timers made on it must die before it does.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "shared/env/executor.h"

namespace shared::httpd {

class IoLoop final : public env::Executor {
 public:
  IoLoop();
  ~IoLoop() override;

  WallTime wall_now() const override;
  SteadyTime now() const override;
  void post(std::function<void()> work) override;
  [[nodiscard]] env::Timer after(Millis delay, std::function<void()> work) override;

  // Calls `handler(signal)` on the loop's thread for each of the named signals, until the loop dies.
  void on_signals(std::vector<int> signals, std::function<void(int)> handler);
  // Stops the loop at the first of these signals: after what it does just then, but before anything that
  // waits its turn, however much that is. `stopped_by` tells which one, 0 before.
  void stop_on_signals(std::vector<int> signals);
  int stopped_by() const;
  void run();   // until stop()
  void stop();  // from any thread
  // For tests: runs what is ready or becomes ready within `limit`, returns early once `done()` is true.
  bool run_until(const std::function<bool()>& done, Millis limit);
  // Calls `ready` as long as the descriptor, owned by someone else, has something to read or is at its end,
  // until the handle is dropped. The owner may close it meanwhile. An empty handle: it cannot be watched (a
  // file, a bad one).
  [[nodiscard]] env::Timer watch_readable(int fd, std::function<void()> ready);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  class StopWatch;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shared::httpd
