#include "balancer/targets/check_schedule.h"

#include <algorithm>

namespace balancer::targets {

using shared::Millis;
using shared::SteadyTime;
using shared::lbconfig::HealthCheck;

SteadyTime CheckSchedule::on_check(const HealthCheck& check, SteadyTime now) {
  const bool first = !last_.has_value();
  last_ = now;
  if (!first) return now + check.interval;
  return now + drawn_between(std::max(check.interval / 2, check.timeout), check.interval);
}

// When the interval became much shorter, many are overdue: they are spread as well.
SteadyTime CheckSchedule::on_interval(const HealthCheck& check, SteadyTime now) const {
  const SteadyTime due = last_.value_or(now) + check.interval;
  return due > now ? due : now + drawn_between(Millis(0), check.interval);
}

Millis CheckSchedule::drawn_between(Millis least, Millis most) const {
  if (most <= least) return most;
  return least +
         Millis(static_cast<Millis::rep>(draw_ % static_cast<std::uint64_t>((most - least).count() + 1)));
}

}  // namespace balancer::targets
