#include "balancer/loop/loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace balancer::loop {

using shared::Error;
using shared::Result;
using shared::SteadyTime;

void Loop::BaseDeleter::operator()(event_base* base) const { event_base_free(base); }
void Loop::EventDeleter::operator()(event* ev) const { event_free(ev); }

Result<std::unique_ptr<Loop>> Loop::create(Clock clock) {
  std::unique_ptr<Loop> loop(new Loop);
  loop->clock_ = std::move(clock);
  event_config* config = event_config_new();
  if (config == nullptr) return Error("loop", "event_config_new failed");
  // One thread per base, so no locks; epoll for edge-triggering and early notice of a FIN.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  loop->base_.reset(event_base_new_with_config(config));
  event_config_free(config);
  if (!loop->base_) return Error("loop", "no libevent backend with edge triggers and early close (epoll)");

  loop->wake_fd_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!loop->wake_fd_) return Error("loop", std::string("eventfd: ") + std::strerror(errno));
  loop->wheel_ = std::make_unique<TimerWheel>(loop->clock_());
  loop->wake_event_.reset(event_new(
      loop->base_.get(), loop->wake_fd_.get(), EV_READ | EV_PERSIST,
      [](int fd, short, void*) {
        std::uint64_t count = 0;
        (void)!::read(fd, &count, sizeof count);
      },
      loop.get()));
  loop->tick_event_.reset(evtimer_new(
      loop->base_.get(), [](int, short, void* self) { static_cast<Loop*>(self)->tick_pending_ = false; },
      loop.get()));
  if (!loop->wake_event_ || !loop->tick_event_ || event_add(loop->wake_event_.get(), nullptr) != 0)
    return Error("loop", "event_add failed for the wake descriptor");
  return loop;
}

Loop::~Loop() = default;

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    drive_wheel();
    now_valid_ = false;
    batch_ = ++batches_;
    event_base_loop(base_.get(), EVLOOP_ONCE);
    batch_ = 0;
    run_posted();
    wheel_->advance(now());
    for (const auto& hook : turn_end_) hook();
  }
  run_posted();
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  post([] {});
}

void Loop::post(std::function<void()> work) {
  bool wake = false;
  {
    std::lock_guard lock(posted_mutex_);
    wake = posted_.empty();
    posted_.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  if (wake) (void)!::write(wake_fd_.get(), &one, sizeof one);
}

void Loop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) item();
}

SteadyTime Loop::now() {
  if (!now_valid_) {
    now_ = clock_();
    now_valid_ = true;
  }
  return now_;
}

shared::WallTime Loop::wall_now() { return loop::wall_now(); }

void Loop::arm_at(TimerNode& node, SteadyTime deadline) { wheel_->arm(node, deadline); }

void Loop::drive_wheel() {
  if (wheel_->empty()) return;
  const SteadyTime next = wheel_->next_tick();
  if (tick_pending_ && tick_at_ <= next) return;
  tick_at_ = next;
  const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(next - now());
  const auto micros = wait.count() < 0 ? 0 : wait.count() + 1;
  timeval tv{};
  tv.tv_sec = static_cast<time_t>(micros / 1'000'000);
  tv.tv_usec = static_cast<suseconds_t>(micros % 1'000'000);
  tick_pending_ = event_add(tick_event_.get(), &tv) == 0;
}

FdWatch::~FdWatch() {
  stop();
  if (event_ != nullptr) event_free(event_);
}

Result<void> FdWatch::start(Loop& loop, int fd, Interest interest, void* owner, Callback callback) {
  const short flags = interest == Interest::kReadWrite
                          ? static_cast<short>(EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST)
                          : static_cast<short>(EV_READ | EV_PERSIST);
  owner_ = owner;
  callback_ = callback;
  if (event_ == nullptr) {
    event_ = event_new(loop.base_.get(), fd, flags, &FdWatch::dispatch, this);
  } else {
    event_assign(event_, loop.base_.get(), fd, flags, &FdWatch::dispatch, this);
  }
  if (event_ == nullptr || event_add(event_, nullptr) != 0)
    return Error("loop", std::string("watch descriptor: ") + std::strerror(errno));
  active_ = true;
  return {};
}

void FdWatch::stop() {
  if (!active_) return;
  event_del(event_);
  active_ = false;
}

void FdWatch::dispatch(int, short what, void* self) {
  auto* watch = static_cast<FdWatch*>(self);
  Ready ready;
  ready.readable = (what & EV_READ) != 0;
  ready.writable = (what & EV_WRITE) != 0;
  ready.ended = (what & EV_CLOSED) != 0;
  watch->callback_(watch->owner_, ready);
}

}  // namespace balancer::loop
