// When one target is checked: at once, the second time between half an interval and a whole one later, from
// then on once per interval. The second one's place is drawn once for each target, so that targets which were
// added together are not all checked in the same instant for ever after. Pure; used unchanged by the cluster
// simulation.
#pragma once
#include <cstdint>
#include <optional>

#include "shared/base/time.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace balancer::targets {

class CheckSchedule {
 public:
  explicit CheckSchedule(shared::env::Random& random) : draw_(random.next()) {}

  // A check begins now. When the next one does: never more than an interval away, nor before this one's
  // timeout has passed.
  shared::SteadyTime on_check(const shared::lbconfig::HealthCheck& check, shared::SteadyTime now);
  // The interval is another one from now on. When the next check begins.
  shared::SteadyTime on_interval(const shared::lbconfig::HealthCheck& check, shared::SteadyTime now) const;
  // Checks are off: the next on_check() is a first one again.
  void rest() { last_.reset(); }

 private:
  shared::Millis drawn_between(shared::Millis least, shared::Millis most) const;

  std::uint64_t draw_;
  std::optional<shared::SteadyTime> last_;
};

}  // namespace balancer::targets
