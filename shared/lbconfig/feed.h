// Messages of the control <-> balancer feed, one JSON object with a "type" member per websocket text message.
// The balancer dials GET /berth/v1/feed on control (Authorization: Bearer <balancer token>) and says Hello;
// control answers with a Snapshot and further ones as the configuration changes, each the newest once the
// last one was answered or a second has passed. The balancer answers every Snapshot with an Ack once EVERY
// worker routes by it (never before: control's ordering promise hangs on this), and sends a Report whenever a
// target's health or drain state changes, and at least every kReportInterval.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/result.h"
#include "shared/lbconfig/config.h"

namespace shared::lbconfig {

inline constexpr Millis kReportInterval{1'000};
// Control treats a feed that was silent this long as lost and closes it; so does the balancer.
inline constexpr Millis kFeedSilence{10'000};

struct Hello {                        // balancer -> control, first message
  std::string balancer_id;            // stable over restarts (kept beside the snapshot)
  std::uint64_t applied_version = 0;  // of the last good snapshot, 0 = none
};

struct Snapshot {  // control -> balancer
  Config config;
};

struct Ack {  // balancer -> control: every worker routes by this version
  std::uint64_t version = 0;
};

// balancer -> control: this version cannot be applied (port taken, ...); the former one stays in force.
struct Refusal {
  std::uint64_t version = 0;
  std::string reason;
};

enum class Health { kInitial, kHealthy, kUnhealthy, kDraining, kUnused, kUnavailable };

struct TargetReport {
  std::string target_group;
  std::string registration;
  Health health = Health::kInitial;
  std::string reason;       // ELBv2 reason code ("Target.ResponseCodeMismatch"), empty when healthy
  std::string description;  // ELBv2 description, empty when healthy
  // Requests (and upgraded connections) open towards the target, over all workers.
  std::uint64_t in_flight = 0;
  // Draining, acknowledged by every worker, and nothing in flight (or the limit passed).
  bool drained = false;
};

struct Report {               // balancer -> control: complete, all targets of the applied version
  std::uint64_t version = 0;  // the applied version the report speaks about
  std::vector<TargetReport> targets;
};

struct Heartbeat {            // control -> balancer, at least every kFeedSilence / 3
  std::uint64_t version = 0;  // newest version of control
};

using FeedMessage = std::variant<Hello, Snapshot, Ack, Refusal, Report, Heartbeat>;

Result<FeedMessage> feed_from_json(std::string_view text);
std::string feed_to_json(const FeedMessage& message);

const char* to_string(Health health);  // "healthy", as ELBv2 spells it

}  // namespace shared::lbconfig
