// What control has to look at again, and when: subjects (a service, a target group whose targets drain) that
// are due now because something they are decided from changed, and subjects that only time will change.
// Instead of asking every reconciler about everything after every event, the engine asks about these. Not
// stored: at a start everything is due. Thread: control's.
#pragma once
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/state/table/batch_ends.h"
#include "agent/control/state/table/timetable.h"
#include "shared/base/time.h"

namespace agent::control {

// Whose reconciler looks at the subject; the comment says what its key is.
enum class Concern {
  kServiceTask,        // task row; the service's scheduler judges it
  kDaemonHost,         // container instance row; what DAEMON services want there
  kDaemonService,      // service row of a DAEMON service, which goes first
  kService,            // service row
  kStoppingTask,       // task row
  kStoppedTasks,       // "", the oldest of them
  kDrainingGroup,      // target group row
  kBalancers,          // ""
  kRetiredDefinition,  // task definition row
  kInactiveService,    // service row
  kInactiveInstance,   // container instance row
  kInactiveCluster,    // cluster row
  kAgentSession,       // container instance ARN
  kFeeds,              // ""
  kCookieKeys,         // ""
  kCertificate,        // certificate ARN, of one that was asked for
  kTaskRoles,          // task row, of a task that has roles
  kAlarm,              // alarm row
  kScaling,            // scalable target row
  kEventRule,          // rule row of EventBridge
  kSchedule,           // schedule row of EventBridge Scheduler
  kInvocation,         // invocation row of either
};
inline constexpr std::size_t kConcerns = 22;

struct Subject {
  Concern concern = Concern::kServiceTask;
  std::string key;
};

class Agenda {
 public:
  // Due now.
  void note(Concern concern, const std::string& key) { at(concern, key, shared::WallTime::min()); }
  // Due at `time`, or earlier if that was said before.
  void at(Concern concern, const std::string& key, shared::WallTime time);

  // Those due by now, in key order; at most so many, those that have been due for longest. They are off the
  // agenda, times to come included: looking at one says anew when to look again.
  std::vector<std::string> take(Concern concern, shared::WallTime now,
                                std::size_t most = std::numeric_limits<std::size_t>::max());
  bool due(shared::WallTime now) const;
  // The earliest time of all; nothing to do before it.
  std::optional<shared::WallTime> next() const;
  // When the subject is due; nothing if it is not on the agenda.
  std::optional<shared::WallTime> when(Concern concern, const std::string& key) const;
  std::vector<std::pair<Subject, shared::WallTime>> all() const;

  // As those of the tables (table.h): what was taken in a batch is done with once that is durable, and due
  // again when it was undone.
  void end_batch() { batches_.end_at(taken_.size()); }
  void batch_is_durable() { batches_.drop_oldest(taken_); }
  void undo_batches();

 private:
  Timetable<std::string>& lane(Concern concern) { return lanes_[static_cast<std::size_t>(concern)]; }
  std::array<Timetable<std::string>, kConcerns> lanes_;
  std::vector<Subject> taken_;  // in batches that are not durable yet
  BatchEnds batches_;           // in taken_
};

}  // namespace agent::control
