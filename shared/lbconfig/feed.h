// Messages of the control <-> balancer feed, one JSON object with a "type" member per websocket text message.
// The balancer dials GET /berth/v1/feed on control (Authorization: Bearer <balancer token>) and says Hello;
// control answers with a Snapshot, and with a Delta (to a balancer that said it understands them) or another
// Snapshot as the configuration changes, each to the newest once the last one was answered or a second has
// passed. The balancer answers every Snapshot and Delta with an Ack once EVERY worker routes by it (never
// before: control's ordering promise hangs on this) and it is what a restart would serve: one whose disk is
// full routes by it and says nothing. A Delta that starts from another version than the newest
// that it has is answered with a Resync, and control sends a Snapshot.
//
// A balancer that said deltas sends one Report, then a ReportDelta whenever a target's health or drain state
// changed, and one at least every kReportDeltaInterval; one that is missing is answered with a Resync, and
// the balancer sends a Report. One that said figures sends Figures every kFiguresInterval. Others send a
// Report at each change and at least every kReportInterval.
//
// Members that are not known are errors, so that a side sends what the other one has announced only. A
// control of before deltas refuses a Hello that says them, and gets one that does not.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/result.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/delta.h"

namespace shared::lbconfig {

inline constexpr Millis kReportInterval{1'000};
// Control treats a feed that was silent this long as lost and closes it; so does the balancer.
inline constexpr Millis kFeedSilence{10'000};
inline constexpr Millis kReportDeltaInterval = kFeedSilence / 3;
// Figures of what had traffic; of everything each kWholeFiguresInterval, so that none is told from unknown.
inline constexpr Millis kFiguresInterval{1'000};
inline constexpr Millis kWholeFiguresInterval{10'000};

struct Hello {                        // balancer -> control, first message
  std::string balancer_id;            // stable over restarts (kept beside the snapshot)
  std::uint64_t applied_version = 0;  // of the last good snapshot, 0 = none
  bool deltas = false;                // understands Delta and Resync, sends ReportDelta
  // What it would serve after a restart, where that is another one: the newer one is not acknowledged then.
  // Said with `deltas` only.
  std::optional<std::uint64_t> kept_version{};
  bool figures = false;  // sends Figures; with `deltas` only
};

struct Snapshot {  // control -> balancer
  Config config;
};

// Either way: what was said last has no use for the other side, which says the whole (Snapshot, Report).
struct Resync {
  std::string reason;
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

// All by which anybody decides: not the open requests, which always change.
bool says_the_same(const TargetReport& a, const TargetReport& b);

struct Report {               // balancer -> control: complete, all targets of the applied version
  std::uint64_t version = 0;  // the applied version the report speaks about
  std::vector<TargetReport> targets;
  std::uint64_t sequence = 0;  // of the report in its session, 0: the balancer sends no deltas
};

struct TargetName {
  std::string target_group;
  std::string registration;
};

// balancer -> control: what became another one (says_the_same) since the report before.
struct ReportDelta {
  std::uint64_t version = 0;   // as in Report
  std::uint64_t sequence = 0;  // one more than that of the report before
  std::vector<TargetName> removed;
  std::vector<TargetReport> targets;  // new or changed; after `removed`
};

// What was counted since the message before, by names of CloudWatch's metrics; those that are 0 may be
// absent. Names that control does not know are none of its business. Of ActiveConnectionCount it is what
// there is.
struct Counted {
  std::string id;  // of a target group, or "app/NAME/ID" of a load balancer
  std::map<std::string, std::uint64_t> counts;
};
// Beside CloudWatch's: of how many responses ResponseMicros is the sum.
inline constexpr const char* kResponses = "Responses";
inline constexpr const char* kResponseMicros = "ResponseMicros";
// Requests of a target group that found no target and wait for one (HoldRequests).
inline constexpr const char* kHeldRequests = "HeldRequestCount";

struct Figures {  // balancer -> control
  std::vector<Counted> load_balancers;
  std::vector<Counted> target_groups;
};

struct Heartbeat {            // control -> balancer, at least every kFeedSilence / 3
  std::uint64_t version = 0;  // newest version of control
};

using FeedMessage =
    std::variant<Hello, Snapshot, Delta, Resync, Ack, Refusal, Report, ReportDelta, Figures, Heartbeat>;

// A Snapshot's configuration is valid; a Delta is looked at when it is applied.
Result<FeedMessage> feed_from_json(std::string_view text);
std::string feed_to_json(const FeedMessage& message);

const char* to_string(Health health);  // "healthy", as ELBv2 spells it

}  // namespace shared::lbconfig
