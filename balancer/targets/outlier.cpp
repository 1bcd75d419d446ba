#include "balancer/targets/outlier.h"

#include <algorithm>

namespace balancer::targets {

std::optional<shared::Millis> eject(const shared::lbconfig::OutlierEjection& rule, const EjectionFacts& facts,
                                    EjectionHistory& history, shared::SteadyTime now) {
  if (facts.others == 0) return std::nullopt;
  const std::size_t share = facts.targets * static_cast<std::size_t>(rule.max_percent) / 100;
  if (facts.ejected >= std::max<std::size_t>(share, 1)) return std::nullopt;
  if (now - history.back >= rule.max_time) history.times = 0;
  shared::Millis time = rule.time;
  for (int i = 0; i < history.times && time < rule.max_time; ++i) time *= 2;
  time = std::min(time, rule.max_time);
  if (time < rule.max_time) ++history.times;
  history.back = now + time;
  return time;
}

}  // namespace balancer::targets
