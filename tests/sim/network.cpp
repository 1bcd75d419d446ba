#include "tests/sim/network.h"

#include <algorithm>

namespace sim {

using shared::Error;

Millis Network::delay() {
  return world_.chance(faults.slow) ? world_.between(kFast, kSlow) : world_.between(Millis(0), kFast);
}

void Network::End::send(std::string text) {
  if (!open_ || !same_life()) return;
  const auto peer = peer_.lock();
  if (!peer) return;
  if (network_.world_.chance(network_.faults.break_connection)) {
    open_ = false;
    peer->notice_close("connection broke", network_.world_.between(Millis(0), kNoticeLoss));
    notice_close("connection broke", network_.world_.between(Millis(0), kNoticeLoss));
    return;
  }
  last_delivery_ = std::max(last_delivery_, process_.now() + network_.delay());
  const Millis wait = std::chrono::ceil<Millis>(last_delivery_ - process_.now());
  peer->process_.deliver(wait, [peer, message = std::move(text)]() mutable {
    if (peer->open_ && peer->same_life() && peer->on_text) peer->on_text(std::move(message));
  });
}

void Network::End::close(const std::string& reason) {
  if (!open_) return;
  open_ = false;
  if (const auto peer = peer_.lock()) {
    // What was sent before arrives before.
    const Millis wait =
        std::max(std::chrono::ceil<Millis>(last_delivery_ - process_.now()), Millis(0)) + network_.delay();
    peer->notice_close(reason, wait);
  }
  notice_close(reason, Millis(0));
}

void Network::End::notice_close(const std::string& reason, Millis delay) {
  if (!on_close || !same_life()) return;
  process_.deliver(delay, [handler = std::exchange(on_close, nullptr), reason, end = weak_from_this()] {
    if (const auto self = end.lock()) self->open_ = false;
    handler(reason);
  });
}

std::pair<std::shared_ptr<Network::End>, std::shared_ptr<Network::End>> Network::connect(Process& a,
                                                                                         Process& b) {
  auto end_a = std::make_shared<End>(*this, a);
  auto end_b = std::make_shared<End>(*this, b);
  end_a->peer_ = end_b;
  end_b->peer_ = end_a;
  connections_.push_back({end_a, end_b, &a, &b});
  std::erase_if(connections_, [](const Connection& c) { return c.a.expired() && c.b.expired(); });
  return {end_a, end_b};
}

bool Network::reachable(const Process& a, const Process& b) const {
  return !partitions_.contains({a.name(), b.name()}) && !partitions_.contains({b.name(), a.name()});
}

void Network::lose(const std::weak_ptr<End>& weak) {
  const auto end = weak.lock();
  if (!end || !end->open_) return;
  end->open_ = false;
  end->notice_close("connection lost", world_.between(Millis(0), kNoticeLoss));
}

void Network::partition(const Process& a, const Process& b) {
  partitions_.insert({a.name(), b.name()});
  for (const Connection& connection : connections_) {
    if (reachable(*connection.process_a, *connection.process_b)) continue;
    lose(connection.a);
    lose(connection.b);
  }
}

void Network::heal() { partitions_.clear(); }

void Network::crashed(const Process& process) {
  for (const Connection& connection : connections_) {
    if (connection.process_a != &process && connection.process_b != &process) continue;
    lose(connection.a);
    lose(connection.b);
  }
}

void Network::call(Process& from, Process& to, bool to_is_up, Serve serve, Answer done) {
  const auto fail = [&from](Answer answer, const std::string& code, Millis after) {
    from.deliver(after, [answer = std::move(answer), code] {
      answer(Error(code, "simulated " + code, shared::Blame::kTarget));
    });
  };
  if (!to_is_up || !reachable(from, to)) return fail(std::move(done), "connect", delay());
  if (world_.chance(faults.lose_call)) return fail(std::move(done), "timeout", kCallTimeout);
  // The caller hears the first answer or gives up, never both.
  auto pending = std::make_shared<Answer>(std::move(done));
  const auto answer_once = [pending](shared::Result<std::string> result) {
    if (!*pending) return;
    const Answer answer = std::exchange(*pending, nullptr);
    answer(std::move(result));
  };
  from.deliver(kCallTimeout,
               [answer_once] { answer_once(Error("timeout", "simulated timeout", shared::Blame::kTarget)); });
  const bool lost = world_.chance(faults.lose_answer);
  const auto back = [this, &from, answer_once, lost](shared::Result<std::string> result) {
    if (lost) return;
    from.deliver(delay(),
                 [answer_once, moved = std::move(result)]() mutable { answer_once(std::move(moved)); });
  };
  to.deliver(delay(), [serve, back] { serve(back); });
  if (world_.chance(faults.repeat_call)) {
    to.deliver(world_.between(kFast, kSlow), [serve] { serve([](const shared::Result<std::string>&) {}); });
  }
}

}  // namespace sim
