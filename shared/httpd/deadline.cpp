#include "shared/httpd/deadline.h"

#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>

namespace shared::httpd {

struct Deadline::Inner {
  explicit Inner(IoLoop& on) : loop(on), timer(on.impl().context) {}
  IoLoop& loop;
  asio::steady_timer timer;
  std::function<void()> expired;
  std::optional<SteadyTime> due;    // what the owner asked for
  std::optional<SteadyTime> armed;  // when the pending wait ends, if there is one
};

Deadline::Deadline(IoLoop& loop, std::function<void()> expired) : inner_(std::make_shared<Inner>(loop)) {
  inner_->expired = std::move(expired);
}

Deadline::~Deadline() {
  inner_->due.reset();
  inner_->timer.cancel();
}

void Deadline::set(Millis from_now) {
  inner_->due = inner_->loop.now() + from_now;
  if (!inner_->armed || *inner_->armed > *inner_->due) arm(inner_);
}

void Deadline::clear() { inner_->due.reset(); }

void Deadline::arm(const std::shared_ptr<Inner>& inner) {
  const SteadyTime at = *inner->due;
  inner->armed = at;
  inner->timer.expires_after(at - inner->loop.now());  // cancels an earlier wait
  inner->timer.async_wait([inner, at](ErrorCode error) {
    if (error || inner->armed != at) return;
    inner->armed.reset();
    if (!inner->due) return;
    if (*inner->due > inner->loop.now()) return arm(inner);
    inner->due.reset();
    inner->expired();
  });
}

}  // namespace shared::httpd
