// The health of one registered target as a table: ELBv2 states, reason codes and descriptions. Pure, no
// clock; used by the health checker and, unchanged, by the cluster simulation.
//
//              kRose     kFell      kDeregistered  kUnreferenced  kReferenced  kChecksOff   kChecksOn
// initial      healthy   unhealthy  draining       unused         -            unavailable  -
// healthy      -         unhealthy  draining       unused         -            unavailable  -
// unhealthy    healthy   -          draining       unused         -            unavailable  -
// unavailable  -         -          draining       unused         -            -            initial
// unused       -         -          draining       -              initial      -            -
// draining     -         -          -              -              -            -            -
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace balancer::targets {

using shared::lbconfig::Health;

enum class HealthEvent { kRose, kFell, kDeregistered, kUnreferenced, kReferenced, kChecksOff, kChecksOn };

struct HealthEdge {
  Health from;
  HealthEvent on;
  Health to;
};

inline constexpr std::array kHealthEdges = {
    HealthEdge{Health::kInitial, HealthEvent::kRose, Health::kHealthy},
    HealthEdge{Health::kInitial, HealthEvent::kFell, Health::kUnhealthy},
    HealthEdge{Health::kInitial, HealthEvent::kDeregistered, Health::kDraining},
    HealthEdge{Health::kInitial, HealthEvent::kUnreferenced, Health::kUnused},
    HealthEdge{Health::kInitial, HealthEvent::kChecksOff, Health::kUnavailable},
    HealthEdge{Health::kHealthy, HealthEvent::kFell, Health::kUnhealthy},
    HealthEdge{Health::kHealthy, HealthEvent::kDeregistered, Health::kDraining},
    HealthEdge{Health::kHealthy, HealthEvent::kUnreferenced, Health::kUnused},
    HealthEdge{Health::kHealthy, HealthEvent::kChecksOff, Health::kUnavailable},
    HealthEdge{Health::kUnhealthy, HealthEvent::kRose, Health::kHealthy},
    HealthEdge{Health::kUnhealthy, HealthEvent::kDeregistered, Health::kDraining},
    HealthEdge{Health::kUnhealthy, HealthEvent::kUnreferenced, Health::kUnused},
    HealthEdge{Health::kUnhealthy, HealthEvent::kChecksOff, Health::kUnavailable},
    HealthEdge{Health::kUnavailable, HealthEvent::kDeregistered, Health::kDraining},
    HealthEdge{Health::kUnavailable, HealthEvent::kUnreferenced, Health::kUnused},
    HealthEdge{Health::kUnavailable, HealthEvent::kChecksOn, Health::kInitial},
    HealthEdge{Health::kUnused, HealthEvent::kDeregistered, Health::kDraining},
    HealthEdge{Health::kUnused, HealthEvent::kReferenced, Health::kInitial},
};

constexpr std::optional<Health> next_health(Health from, HealthEvent on) {
  for (const HealthEdge& edge : kHealthEdges) {
    if (edge.from == from && edge.on == on) return edge.to;
  }
  return std::nullopt;
}
static_assert(!next_health(Health::kDraining, HealthEvent::kRose), "a draining target never comes back");

// What one check saw.
struct CheckOutcome {
  enum class Kind { kPassed, kWrongCode, kTimeout, kFailed, kInternalError };
  Kind kind = Kind::kFailed;
  int code = 0;  // kPassed and kWrongCode
};

// A target in these states gets requests without failing open.
constexpr bool is_routable(Health h) { return h == Health::kHealthy || h == Health::kUnavailable; }

class HealthMachine {
 public:
  // Starts in initial; feed it kUnreferenced or kChecksOff right away where they apply.
  HealthMachine() = default;

  // Both return true when the state, the reason or the description changed.
  bool on_event(HealthEvent event);
  // One success suffices while initial; recovery takes healthy_threshold successes in a row, a fall takes
  // unhealthy_threshold failures in a row. Ignored while unused, unavailable or draining.
  bool on_check(const CheckOutcome& outcome, const shared::lbconfig::HealthCheck& check);

  Health health() const { return health_; }
  std::string_view reason() const;  // ELBv2 reason code, empty when healthy
  std::string description() const;  // ELBv2 description, empty when healthy

 private:
  bool move_to(Health to);

  Health health_ = Health::kInitial;
  bool checked_ = false;  // initial only: a check has finished
  int successes_ = 0;     // in a row
  int failures_ = 0;      // in a row
  CheckOutcome last_failure_;
};

}  // namespace balancer::targets
