// How slowly a client may send a request's body while its target waits for it: pauses are limited by the idle
// timeout, this limits the whole (a byte each 59 s would hold a connection to a target for years). Time
// counts only while we wait for the client; each byte gives some back. Pure, no clock. Thread: its owner's.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "shared/base/time.h"

namespace balancer::proxy {

// Of waiting altogether, and as much as bytes that came at once may give back.
inline constexpr std::chrono::nanoseconds kBodyGrace = std::chrono::seconds(60);
inline constexpr std::int64_t kMinBodyRate = 240;  // bytes a second, averaged

class BodyPace {
 public:
  void start() { left_ = kBodyGrace, waits_ = false; }
  void wait(shared::SteadyTime now) {
    if (waits_) return;
    waits_ = true;
    since_ = now;
  }
  void came(std::uint64_t bytes, shared::SteadyTime now) {
    if (waits_) left_ -= now - since_;
    waits_ = false;
    const auto worth = std::min<std::uint64_t>(bytes, kBodyGrace / std::chrono::seconds(1) * kMinBodyRate);
    left_ = std::min(kBodyGrace, left_ + std::chrono::nanoseconds(std::chrono::seconds(1)) *
                                             static_cast<std::int64_t>(worth) / kMinBodyRate);
  }
  // While it waits: when it has been too slow.
  shared::SteadyTime limit() const { return since_ + left_; }
  bool over(shared::SteadyTime now) const { return waits_ && now >= limit(); }

 private:
  std::chrono::nanoseconds left_ = kBodyGrace;
  shared::SteadyTime since_{};
  bool waits_ = false;
};

}  // namespace balancer::proxy
