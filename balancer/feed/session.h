// The balancer's half of the control feed as a decision: what to send and what to apply, when. Pure: no
// socket, no timer, no clock; the caller brings messages and `now`, and carries out the Output. Driven by
// feed::ControlFeed on real sockets and by the cluster simulation. One session lives over all connections of
// one process. Rules (shared/lbconfig/feed.h): Hello first; every Snapshot and Delta is answered by an Ack
// once every worker routes by it and a restart would serve it, never before, or by a Refusal; a Delta that
// does not start from the newest configuration received by a Resync; one Report, then a ReportDelta at once
// when a target's health or drain state changed (coalesced by the caller's turn) and at least every
// kReportDeltaInterval; Figures every kFiguresInterval once control has answered; a feed silent for
// kFeedSilence is closed. A control that ends the connection before it has said anything may be one that
// refuses a Hello with deltas: the next one is without, and Reports are whole. Thread: the owner's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/env/random.h"
#include "shared/lbconfig/feed.h"

namespace balancer::feed {

// Where a Report's content comes from; asked only while a message is made.
class ReportSource {
 public:
  virtual ~ReportSource() = default;
  // All targets of the applied version. Changes count from here.
  virtual std::vector<shared::lbconfig::TargetReport> target_reports() = 0;
  struct Changes {
    std::vector<shared::lbconfig::TargetName> removed;
    std::vector<shared::lbconfig::TargetReport> targets;  // new, or of another health, reason or drain state
  };
  // Since the last call of either.
  virtual Changes changed_reports() = 0;
  // What was counted since the last call: of everything, or of what had traffic.
  virtual shared::lbconfig::Figures figures(bool /*everything*/) { return {}; }
};

// Reconnecting waits with full jitter between half and all of a delay that doubles from 100 ms to 5 s.
class Backoff {
 public:
  static constexpr shared::Millis kFirst{100};
  static constexpr shared::Millis kLast{5'000};
  shared::Millis next(shared::env::Random& random);
  void reset() { delay_ = kFirst; }

 private:
  shared::Millis delay_ = kFirst;
};

// Whether a configuration is on the disk. It counts as acknowledged only then: after a restart an older one
// would be served, in which a target that has been stopped since is active. Control goes on without the
// acknowledgement once the targets' deregistration delay has passed.
enum class Kept { kOnDisk, kNotYet };

class FeedSession {
 public:
  struct Output {
    std::vector<shared::lbconfig::FeedMessage> send;  // in order
    std::optional<shared::lbconfig::Config> apply;    // answer with on_applied(version, ...)
    std::optional<std::string> close;                 // why the connection is to be closed
  };

  // `applied_version`: of the snapshot that serves already, 0 = none.
  FeedSession(std::string balancer_id, std::uint64_t applied_version, ReportSource& reports)
      : balancer_id_(std::move(balancer_id)),
        applied_(applied_version),
        kept_(applied_version),
        reports_(reports) {}

  Output on_connected(shared::SteadyTime now);
  void on_disconnected();
  Output on_message(const shared::lbconfig::FeedMessage& message, shared::SteadyTime now);
  // Every worker routes by `config`, or it was refused and the former one stays in force. A version that was
  // overtaken before it was applied is reported by on_superseded().
  Output on_applied(const shared::lbconfig::Config& config, const shared::Result<void>& result,
                    shared::SteadyTime now, Kept kept = Kept::kOnDisk);
  Output on_kept();  // the one that is applied is on the disk now
  void on_superseded(std::uint64_t version);
  // A target's health or drain state changed; the Report goes out with the next tick(), which should follow
  // soon.
  void on_targets_changed() { changed_ = true; }
  Output tick(shared::SteadyTime now);

  bool connected() const { return connected_; }
  std::uint64_t applied_version() const { return applied_; }
  std::uint64_t control_version() const { return control_version_; }  // newest one heard of

 private:
  void take(shared::lbconfig::Config config, Output& out);
  void take(const shared::lbconfig::Delta& delta, Output& out);
  void add_report(Output& out, shared::SteadyTime now);
  void add_changes(Output& out, shared::SteadyTime now);
  void add_figures(Output& out, shared::SteadyTime now);

  const std::string balancer_id_;
  std::uint64_t applied_ = 0;
  std::uint64_t kept_ = 0;       // what a restart would serve, as far as is known
  std::uint64_t requested_ = 0;  // newest version handed out in Output::apply and not answered yet
  std::uint64_t control_version_ = 0;
  ReportSource& reports_;
  // The newest one received, applied or not: what the next Delta starts from.
  std::optional<shared::lbconfig::Config> received_;
  bool connected_ = false;
  bool heard_anything_ = false;  // on this connection
  bool say_deltas_ = true;       // in the next Hello
  bool deltas_ = false;          // said so in this connection's Hello
  std::uint64_t sequence_ = 0;   // of the last report on this connection, 0: none yet
  bool changed_ = false;
  shared::SteadyTime heard_{};
  shared::SteadyTime reported_{};
  shared::SteadyTime counted_{};
  shared::SteadyTime counted_all_{};
};

}  // namespace balancer::feed
