#include "balancer/h2/flood_guard.h"

#include <algorithm>

namespace balancer::h2 {

bool LeakyBucket::take(shared::SteadyTime now, double amount) {
  const double passed = std::chrono::duration<double>(now - seen_).count();
  if (passed > 0) level_ = std::max(0.0, level_ - passed * per_second_);
  seen_ = now;
  level_ += amount;
  return level_ <= burst_;
}

}  // namespace balancer::h2
