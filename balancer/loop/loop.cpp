#include "balancer/loop/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace balancer::loop {

using shared::Error;
using shared::Result;
using shared::SteadyTime;

Result<std::unique_ptr<Loop>> Loop::create(Clock clock) {
  std::unique_ptr<Loop> loop(new Loop);
  loop->clock_ = std::move(clock);
  loop->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return Error("loop", std::string("epoll: ") + std::strerror(errno));
  loop->reports_ = std::make_unique<epoll_event[]>(kMostReports);
  loop->wake_fd_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!loop->wake_fd_) return Error("loop", std::string("eventfd: ") + std::strerror(errno));
  loop->wheel_ = std::make_unique<TimerWheel>(loop->clock_());
  loop->wake_ = std::make_unique<FdWatch>();
  const auto woken = [](void* self, Ready) {
    std::uint64_t count = 0;
    (void)!::read(static_cast<Loop*>(self)->wake_fd_.get(), &count, sizeof count);
  };
  const auto watched =
      loop->wake_->start(*loop, loop->wake_fd_.get(), FdWatch::Interest::kReadLevel, loop.get(), woken);
  if (!watched) return watched.error();
  return loop;
}

Loop::~Loop() = default;

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    const int wait = longest_wait();
    const int count = ::epoll_wait(epoll_.get(), reports_.get(), kMostReports, wait);
    now_valid_ = false;
    if (count > 0) tell_reports(count);
    run_posted();
    wheel_->advance(now());
    for (const auto& hook : turn_end_) hook();
  }
  run_posted();
}

// Milliseconds until the wheel has something to look at; -1: it has not.
int Loop::longest_wait() {
  if (wheel_->empty()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wheel_->next_tick() - now()).count();
  return static_cast<int>(
      std::clamp<decltype(wait)>(wait, 0, std::chrono::milliseconds(kLongestWait).count()));
}

void Loop::tell_reports(int count) {
  batch_ = ++batches_;
  for (int i = 0; i < count; ++i) {
    const epoll_event& report = reports_[static_cast<std::size_t>(i)];
    const Place& place = places_[report.data.u64 & 0xffffffffU];
    if (place.watch == nullptr || place.generation != report.data.u64 >> 32) continue;
    place.watch->callback_(place.watch->owner_, ready_of(report.events));
  }
  batch_ = 0;
}

// An error is to be read, and to be met by a write; so is an end of both directions that no FIN came before.
Ready Loop::ready_of(std::uint32_t events) {
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLRDHUP) == 0))
    return {true, true, false};
  return {(events & EPOLLIN) != 0, (events & EPOLLOUT) != 0, (events & EPOLLRDHUP) != 0};
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

FdWatch::~FdWatch() { stop(); }

Result<void> FdWatch::start(Loop& loop, int fd, Interest interest, void* owner, Callback callback) {
  const auto index = static_cast<std::size_t>(fd);
  if (loop.places_.size() <= index) loop.places_.resize(std::max(index + 1, loop.places_.size() * 2));
  Loop::Place& place = loop.places_[index];
  epoll_event event{};
  event.events = interest == Interest::kReadWrite ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(place.generation + 1) << 32 | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Error("loop", std::string("watch descriptor: ") + std::strerror(errno));
  place.watch = this;
  ++place.generation;
  loop_ = &loop;
  fd_ = fd;
  owner_ = owner;
  callback_ = callback;
  return {};
}

void FdWatch::stop() {
  if (loop_ == nullptr) return;
  ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  stop_before_close();
}

void FdWatch::stop_before_close() {
  if (loop_ == nullptr) return;
  loop_->places_[static_cast<std::size_t>(fd_)].watch = nullptr;
  loop_ = nullptr;
}

}  // namespace balancer::loop
