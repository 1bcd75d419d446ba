// How many interim (1xx) responses a target may send before the final one of an exchange: a bucket that
// leaks, counted in bytes of heads, so that a job which reports every few seconds may run for days and a
// target that floods is found out at once. Pure: no clock. Thread: its owner's.
#pragma once
#include <cstddef>
#include <cstdint>

#include "shared/base/time.h"

namespace balancer::proxy {

// A head counts as this many bytes at least: a short one costs as much work.
inline constexpr std::size_t kInterimLeast = 1024;
inline constexpr std::size_t kInterimBurst = 64 * 1024;  // at once: 64 short heads, or two of the largest
inline constexpr std::size_t kInterimPerSecond = 16 * 1024;

class InterimBudget {
 public:
  void reset() { *this = InterimBudget(); }
  // False: the target has sent more than it may by `now`, which never goes back.
  bool take(std::size_t head_bytes, shared::SteadyTime now);

 private:
  std::int64_t level_ = 0;  // bytes that have not leaked yet, in millionths
  shared::SteadyTime seen_{};
};

}  // namespace balancer::proxy
