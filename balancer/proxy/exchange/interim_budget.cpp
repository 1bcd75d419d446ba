#include "balancer/proxy/exchange/interim_budget.h"

#include <algorithm>
#include <chrono>

namespace balancer::proxy {

namespace {

constexpr std::int64_t kScale = 1'000'000;  // the level leaks by kInterimPerSecond of its units a microsecond
// By then any level has leaked: longer pauses would only overflow.
constexpr std::chrono::microseconds kLongest{
    kScale * static_cast<std::int64_t>(kInterimBurst / kInterimPerSecond + 1)};

}  // namespace

bool InterimBudget::take(std::size_t head_bytes, shared::SteadyTime now) {
  if (level_ != 0) {
    const auto pause = std::min(std::chrono::duration_cast<std::chrono::microseconds>(now - seen_), kLongest);
    level_ = std::max<std::int64_t>(0, level_ - pause.count() * static_cast<std::int64_t>(kInterimPerSecond));
  }
  seen_ = now;
  level_ += static_cast<std::int64_t>(std::max(head_bytes, kInterimLeast)) * kScale;
  return level_ <= static_cast<std::int64_t>(kInterimBurst) * kScale;
}

}  // namespace balancer::proxy
