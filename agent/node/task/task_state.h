// What the node knows of its tasks. Known, desired and sent statuses only move forward. Values; no I/O.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/link/acs.h"
#include "agent/runtime/runtime.h"
#include "shared/base/time.h"

namespace agent::node {

// In order, for containers and (as the lowest of its containers) for tasks.
enum class Status { kNone, kPulled, kCreated, kRunning, kStopped };
std::string_view word(Status status);            // "NONE", "PULLED", ...
std::string_view api_word(Status status);        // as the API shows it: everything below RUNNING is PENDING
Status status_from_word(std::string_view text);  // kNone for anything unknown

// What is in flight for a container; never persisted: after a crash nothing is.
enum class Op {
  kNone,
  kQueued,  // the next step waits for its turn; nothing runs in the engine
  kPull,
  kCreate,
  kStart,
  kStop,
  kRetry,      // waiting to try again; nothing runs in the engine
  kStopRetry,  // the same for a stop
};

struct Container {
  link::ContainerPayload spec;
  Status known = Status::kNone;
  Status desired = Status::kRunning;
  Status sent = Status::kNone;  // highest of RUNNING, STOPPED that control acknowledged
  std::string engine_name;      // stored before the create call, so that a crash in between loses nothing
  std::string runtime_id;
  std::string image_digest;
  std::optional<int> exit_code;  // only of a container that ran
  std::string reason;            // the first error stays
  std::vector<runtime::PortBinding> bindings;
  std::optional<shared::WallTime> pull_started_at;
  std::optional<shared::WallTime> pull_stopped_at;
  std::optional<shared::WallTime> started_at;
  std::optional<shared::WallTime> finished_at;
  std::string health;  // the engine's word; empty without a health check
  std::optional<shared::WallTime> health_since;
  std::string health_output;  // of the last check; volatile
  std::string endpoint_id;    // of its metadata, in its environment; empty: made by an agent that had none
  std::string image_id;       // of the image's own configuration
  std::optional<shared::WallTime> created_at;
  std::map<std::string, std::string> networks;  // name to IPv4 address

  std::map<std::string, std::string>
      secret_environment;  // values of its secrets; volatile, never on the disk

  Op op = Op::kNone;
  // Created, and the engine may still be carrying out a start of which it will not tell us: one that timed
  // out, or that an agent before us asked for. It counts as stopped only once it is removed. Volatile.
  bool start_unanswered = false;
};

std::string id_of(const std::string& task_arn);  // the ARN's last part

struct Task {
  link::TaskPayload payload;  // without its containers: they are below
  std::vector<Container> containers;
  std::uint64_t order = 0;  // of arrival; FIFO for the host's resources
  Status known = Status::kNone;
  Status desired = Status::kRunning;
  Status sent = Status::kNone;
  std::string reason;  // why the task as a whole ended, empty for ordinary exits
  std::string cgroup_parent;
  std::vector<std::string>
      volumes;  // the engine's, still to be removed with the task; stored before they are made
  std::optional<shared::WallTime> execution_stopped_at;  // first essential container seen stopped
  std::optional<shared::WallTime> stopped_at;

  bool admitted = false;   // holds its share of the host; volatile, found again on start
  bool ready = false;      // its cgroup and its volumes are made; volatile, made again (the same) on start
  bool queued = false;     // waits for its turn to be prepared; volatile
  bool preparing = false;  // its volumes are being made, its secrets asked for; volatile
  bool fetching = false;   // the latter; volatile
  int clean_ups = 0;       // that left a volume behind; volatile
  bool ended = false;      // what follows from STOPPED was done (resources freed, clean-up set); volatile

  const std::string& arn() const { return payload.arn; }
  std::string id() const { return id_of(payload.arn); }
};

}  // namespace agent::node
