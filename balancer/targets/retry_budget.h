// How many of a target group's requests may be sent again: a share of those of the last ten seconds, and a
// minimum for groups that have few. Pure: the time comes from outside. Thread: one at a time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "shared/base/time.h"
#include "shared/lbconfig/guard.h"

namespace balancer::targets {

inline constexpr std::size_t kRetryWindowSeconds = 10;

class RetryBudget {
 public:
  void count_request(shared::SteadyTime now) { ++second_of(now).requests; }
  // Takes one if there is one left.
  bool take(const shared::lbconfig::RetryBudget& rule, shared::SteadyTime now);

 private:
  struct Second {
    std::int64_t at = -1;  // since the clock's epoch
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
  };
  Second& second_of(shared::SteadyTime now);
  std::array<Second, kRetryWindowSeconds> seconds_{};
};

}  // namespace balancer::targets
