// One worker's event loop: libevent as a reactor (readiness of descriptors, one timer), a timer wheel, work
// posted from other threads. Not for management traffic (shared/httpd IoLoop). Thread: all members belong to
// the thread inside run(), except post() and stop(). Watches and timer nodes must die before their Loop.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "balancer/loop/clock.h"
#include "balancer/loop/timer_wheel.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

struct event;
struct event_base;

namespace balancer::loop {

// Why a descriptor's owner is called. Edge-triggered: a flag is reported when the state began, once.
struct Ready {
  bool readable = false;
  bool writable = false;
  bool ended = false;  // the peer will send no more (FIN); read until the end to see it in order
};

class Loop {
 public:
  using Clock = std::function<shared::SteadyTime()>;
  // `clock` is read once in a turn; tests have their own.
  static shared::Result<std::unique_ptr<Loop>> create(Clock clock = steady_now);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // until stop()
  void stop();  // from any thread; run() returns after the turn in hand
  // From any thread. Runs `work` on the loop's thread in a later turn; work posted before stop() still runs.
  void post(std::function<void()> work);

  shared::SteadyTime now();     // one reading per turn
  shared::WallTime wall_now();  // read each time: only for log lines and dates
  TimerWheel& timers() { return *wheel_; }
  void arm(TimerNode& node, shared::Millis delay) { arm_at(node, now() + delay); }
  void arm_at(TimerNode& node, shared::SteadyTime deadline);
  // Called once at the end of every turn that ran callbacks.
  void at_turn_end(std::function<void()> hook) { turn_end_.push_back(std::move(hook)); }
  // Names the kernel's reports that are being told now, which are all from one moment before the first of
  // them was told; 0 between such times. What a report says was so before anything that its batch has led to.
  std::uint64_t batch() const { return batch_; }

 private:
  friend class FdWatch;
  Loop() = default;
  void run_posted();
  void drive_wheel();

  struct BaseDeleter {
    void operator()(event_base* base) const;
  };
  struct EventDeleter {
    void operator()(event* ev) const;
  };
  std::unique_ptr<event_base, BaseDeleter> base_;
  shared::UniqueFd wake_fd_;
  std::unique_ptr<event, EventDeleter> wake_event_;
  std::unique_ptr<event, EventDeleter> tick_event_;
  bool tick_pending_ = false;
  shared::SteadyTime tick_at_{};  // while pending
  std::unique_ptr<TimerWheel> wheel_;
  std::vector<std::function<void()>> turn_end_;
  Clock clock_;
  bool now_valid_ = false;
  shared::SteadyTime now_{};
  std::uint64_t batch_ = 0;
  std::uint64_t batches_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
};

// A descriptor's place in the loop: registered once for everything, edge-triggered, so that switching between
// reading and writing costs no system call. The owner keeps reading until short or blocked, and remembers
// what it left undone. Does not own the descriptor; stop() before closing it. Reusable, keeps its memory.
class FdWatch {
 public:
  using Callback = void (*)(void* owner, Ready ready);
  enum class Interest {
    kReadWrite,
    kReadLevel
  };  // kReadLevel: level-triggered reading, for listening sockets

  FdWatch() = default;
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  shared::Result<void> start(Loop& loop, int fd, Interest interest, void* owner, Callback callback);
  void stop();
  bool active() const { return active_; }

 private:
  static void dispatch(int fd, short what, void* self);
  event* event_ = nullptr;
  void* owner_ = nullptr;
  Callback callback_ = nullptr;
  bool active_ = false;
};

}  // namespace balancer::loop
