#include "shared/httpd/deadline.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace shared::httpd {

using Clock = std::chrono::steady_clock;

struct Deadline::Inner {
  explicit Inner(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::function<void()> expired;
  std::optional<Clock::time_point> due;    // what the owner asked for
  std::optional<Clock::time_point> armed;  // when the pending wait ends, if there is one
};

Deadline::Deadline(asio::io_context& context, std::function<void()> expired)
    : inner_(std::make_shared<Inner>(context)) {
  inner_->expired = std::move(expired);
}

Deadline::~Deadline() {
  inner_->due.reset();
  inner_->timer.cancel();
}

void Deadline::set(Millis from_now) {
  inner_->due = Clock::now() + from_now;
  if (!inner_->armed || *inner_->armed > *inner_->due) arm(inner_);
}

void Deadline::clear() { inner_->due.reset(); }

void Deadline::arm(const std::shared_ptr<Inner>& inner) {
  const Clock::time_point at = *inner->due;
  inner->armed = at;
  inner->timer.expires_at(at);  // cancels an earlier wait
  inner->timer.async_wait([inner, at](ErrorCode error) {
    if (error || inner->armed != at) return;
    inner->armed.reset();
    if (!inner->due) return;
    if (*inner->due > Clock::now()) return arm(inner);
    inner->due.reset();
    inner->expired();
  });
}

}  // namespace shared::httpd
