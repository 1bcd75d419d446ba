#include "shared/httpd/io_loop.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "shared/httpd/io_loop_impl.h"

namespace shared::httpd {
namespace {

SteadyTime steady(std::chrono::steady_clock::time_point t) {
  return SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(t.time_since_epoch()));
}

// Shared with the pending wait, which outlives a dropped Timer until Asio has delivered its cancellation.
struct Alarm {
  explicit Alarm(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::function<void()> work;  // empty: cancelled or done
};

class AlarmHandle final : public env::Timer::State {
 public:
  explicit AlarmHandle(std::shared_ptr<Alarm> alarm) : alarm_(std::move(alarm)) {}
  ~AlarmHandle() override {
    const auto work = std::exchange(alarm_->work, nullptr);
    alarm_->timer.cancel();
  }

 private:
  std::shared_ptr<Alarm> alarm_;
};

struct Watch : std::enable_shared_from_this<Watch> {
  explicit Watch(asio::io_context& context) : descriptor(context) {}

  void arm() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](ErrorCode error) {
                            if (error || !self->ready) return;
                            const auto keep = self->ready;  // the callback may drop the handle
                            (*keep)();
                            if (self->ready) self->arm();
                          });
  }

  asio::posix::stream_descriptor descriptor;  // a duplicate: its owner may close the original at any time
  std::shared_ptr<const std::function<void()>> ready;
};

class WatchHandle final : public env::Timer::State {
 public:
  explicit WatchHandle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~WatchHandle() override {
    const auto ready = std::exchange(watch_->ready, nullptr);
    ErrorCode ignored;
    watch_->descriptor.close(ignored);
  }

 private:
  std::shared_ptr<Watch> watch_;
};

void wait_for_signal(const std::shared_ptr<asio::signal_set>& set,
                     const std::shared_ptr<const std::function<void(int)>>& handler) {
  // Held by the loop, not by its own handler: the loop's death must destroy it.
  set->async_wait([weak = std::weak_ptr(set), handler](ErrorCode error, int signal) {
    if (error) return;
    (*handler)(signal);
    if (const auto alive = weak.lock()) wait_for_signal(alive, handler);
  });
}

}  // namespace

IoLoop::IoLoop() : impl_(std::make_unique<Impl>()) {}
IoLoop::~IoLoop() = default;

WallTime IoLoop::wall_now() const { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

SteadyTime IoLoop::now() const { return steady(std::chrono::steady_clock::now()); }

void IoLoop::post(std::function<void()> work) { asio::post(impl_->context, std::move(work)); }

env::Timer IoLoop::after(Millis delay, std::function<void()> work) {
  auto alarm = std::make_shared<Alarm>(impl_->context);
  alarm->work = std::move(work);
  alarm->timer.expires_after(delay);
  alarm->timer.async_wait([alarm](ErrorCode) {
    // A cancelled alarm has no work; an expired one whose handler was already queued may have lost it since.
    if (const auto due = std::exchange(alarm->work, nullptr)) due();
  });
  return env::Timer(std::make_unique<AlarmHandle>(std::move(alarm)));
}

void IoLoop::on_signals(std::vector<int> signals, std::function<void(int)> handler) {
  auto set = std::make_shared<asio::signal_set>(impl_->context);
  for (const int signal : signals) set->add(signal);
  impl_->signals.push_back(set);
  wait_for_signal(set, std::make_shared<const std::function<void(int)>>(std::move(handler)));
}

IoLoop::StopWatch::StopWatch(asio::io_context& loop, const std::vector<int>& signals) {
  for (const int signal : signals) set_.add(signal);
  set_.async_wait([this, &loop](ErrorCode error, int signal) {
    if (error) return;
    signal_ = signal;
    loop.stop();
  });
  thread_ = std::thread([this] { context_.run(); });
}

IoLoop::StopWatch::~StopWatch() {
  context_.stop();
  thread_.join();
}

void IoLoop::stop_on_signals(std::vector<int> signals) {
  impl_->stop_watch = std::make_unique<StopWatch>(impl_->context, signals);
}

int IoLoop::stopped_by() const { return impl_->stop_watch ? impl_->stop_watch->signal() : 0; }

void IoLoop::run() {
  impl_->context.run();
  impl_->context.restart();  // so that it can be run again; a stop() before run() still counts
}

void IoLoop::stop() { impl_->context.stop(); }

bool IoLoop::run_until(const std::function<bool()>& done, Millis limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool finished = done();
  while (!finished && !impl_->context.stopped() && std::chrono::steady_clock::now() < deadline) {
    impl_->context.run_one_until(deadline);
    finished = done();
  }
  if (impl_->context.stopped()) impl_->context.restart();
  return finished;
}

env::Timer IoLoop::watch_readable(int fd, std::function<void()> ready) {
  const int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return env::Timer();
  auto watch = std::make_shared<Watch>(impl_->context);
  ErrorCode error;
  watch->descriptor.assign(duplicate, error);
  if (error) {
    ::close(duplicate);
    return env::Timer();
  }
  watch->ready = std::make_shared<const std::function<void()>>(std::move(ready));
  watch->arm();
  return env::Timer(std::make_unique<WatchHandle>(std::move(watch)));
}

}  // namespace shared::httpd
