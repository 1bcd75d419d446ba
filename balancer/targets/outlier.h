// Ejection of targets that fail again and again: when one is to be left out, and for how long. Quicker than
// health checks and judged by what clients get: 5xx answers, connections that could not be made or broke
// before an answer, so many in a row. Pure: counts and the time in, an answer out.
#pragma once
#include <cstddef>
#include <optional>

#include "shared/base/time.h"
#include "shared/lbconfig/guard.h"

namespace balancer::targets {

// Of one target. It is forgiven once it has been back for max_time.
struct EjectionHistory {
  int times = 0;
  shared::SteadyTime back{};  // the end of the last one
};

// Its target group at that moment.
struct EjectionFacts {
  std::size_t targets = 0;  // registered, whatever their health
  std::size_t ejected = 0;
  std::size_t others = 0;  // beside this one, in rotation
};

// A target has failed often enough: how long it gets no requests, noted in `history`. Nothing: it stays,
// because as many are ejected as may be or because it is the last one in rotation.
std::optional<shared::Millis> eject(const shared::lbconfig::OutlierEjection& rule, const EjectionFacts& facts,
                                    EjectionHistory& history, shared::SteadyTime now);

}  // namespace balancer::targets
