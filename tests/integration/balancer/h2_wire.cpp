#include "tests/integration/balancer/h2_wire.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>

#include "balancer/loop/clock.h"

namespace balancer::test {

void Call::on_head(std::string_view text, bool end) {
  const int code_of = std::stoi(std::string(text.substr(9, 3)));
  if (code_of < 200) return interims.emplace_back(text), void();
  status = code_of;
  head = text;
  ended = end;
}

std::unique_ptr<H2Wire> H2Wire::connect(std::uint16_t port) {
  std::unique_ptr<H2Wire> out(new H2Wire(Wire::connect(port)));
  EXPECT_TRUE(out->wire_.valid());
  out->session_ = std::move(h2::Session::create(h2::Session::Role::kClient, *out)).value();
  return out;
}

Call& H2Wire::ask(const std::string& text, bool ended) {
  calls_.push_back(std::make_unique<Call>());
  Call& call = *calls_.back();
  call.id = session_->request(text, "http", ended, call);
  return call;
}

void H2Wire::push(Call& call, const std::string& bytes, bool end) {
  call.out.append(bytes);
  call.out_ends = end;
  session_->resume(call.id);
}

// Sends what there is, without waiting for room; waits a moment for what comes.
bool H2Wire::turn() {
  codec::Buffer out;
  EXPECT_TRUE(session_->send(out, 1 << 20));
  while (!out.empty()) {
    const ssize_t n = ::send(wire_.fd(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      out.consume(static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && errno != EAGAIN) break;
    pollfd wanted{wire_.fd(), POLLIN | POLLOUT, 0};
    if (::poll(&wanted, 1, kLimitMs) != 1) return false;
    if ((wanted.revents & POLLIN) != 0) break;
  }
  const std::string rest(out.view());
  char chunk[64 * 1024];
  pollfd wanted{wire_.fd(), POLLIN, 0};
  if (::poll(&wanted, 1, 20) == 1) {
    const ssize_t n = ::recv(wire_.fd(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n <= 0) return ended_ = true, false;
    session_->receive(std::string_view(chunk, static_cast<std::size_t>(n)), loop::steady_now());
    for (const auto& call : calls_) {
      if (call->hold || call->unconsumed == 0) continue;
      session_->consumed(call->id, call->unconsumed);
      call->unconsumed = 0;
    }
  }
  return rest.empty() || wire_.send(rest);
}

bool H2Wire::wait(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(3 * kLimitMs);
  while (!condition()) {
    if (ended_ || std::chrono::steady_clock::now() > limit) return false;
    if (!turn()) ended_ = true;
  }
  return true;
}

h2::Frame RawH2::until(const std::function<bool(const h2::Frame&)>& wanted) {
  for (;;) {
    while (!waiting_.empty()) {
      const h2::Frame one = waiting_.front();
      waiting_.erase(waiting_.begin());
      if (wanted(one)) return one;
      seen.push_back(one);
    }
    pollfd readable{wire.fd(), POLLIN, 0};
    char chunk[64 * 1024];
    const ssize_t n =
        ::poll(&readable, 1, kLimitMs) == 1 ? ::recv(wire.fd(), chunk, sizeof chunk, 0) : ssize_t{0};
    if (n <= 0) {
      ended = true;
      return {255, 0, 0, std::string(8, '\0')};
    }
    bytes_.append(chunk, static_cast<std::size_t>(n));
    waiting_ = h2::take_frames(bytes_);
  }
}

}  // namespace balancer::test
