// Where the lines of CloudWatch Logs are: groups, streams and events in an SQLite file of their own, apart
// from control's rows, as lines are many and nothing is decided by them. What a call has written is in the
// file before it returns: a program that is killed loses nothing, a host that loses its power the last
// moments at most (write-ahead log, not synced for each call).
//
// Bounded: when all messages together have more than `max_bytes`, the oldest go; events older than their
// group's retention are in no answer, and go with the next sweep. Errors are wire codes of CloudWatch Logs,
// or "io" and "corrupt" with the file's name. Thread: one at a time (worker.h has one of its own).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/logs/pattern.h"
#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::logs {

using shared::WallTime;

inline constexpr std::int64_t kDefaultMaxBytes = std::int64_t{1} << 30;
inline constexpr std::size_t kMaxGroups = 10'000;
inline constexpr std::size_t kMaxStreamsOfGroup = 100'000;
inline constexpr std::size_t kMaxPageEvents = 10'000;      // of GetLogEvents and FilterLogEvents
inline constexpr std::size_t kMaxPageBytes = 1024 * 1024;  // messages of one page
inline constexpr std::size_t kMaxScannedEvents =
    20'000;  // that one FilterLogEvents looks at; it goes on with its token
inline constexpr std::size_t kSweptAtOnce = 5'000;  // events that one sweep deletes for each reason

struct Group {
  std::int64_t id = 0;
  std::string name;
  std::int64_t created_at = 0;  // milliseconds since the epoch, as all times here
  std::optional<int> retention_days;
  std::string log_class = "STANDARD";
  std::int64_t bytes = 0;
  std::map<std::string, std::string> tags;
};

struct Stream {
  std::int64_t id = 0;
  std::string name;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> first_event;
  std::optional<std::int64_t> last_event;
  std::optional<std::int64_t> last_ingestion;
};

struct NewEvent {
  std::int64_t timestamp = 0;
  std::string message;
};

// Where an event stands in the order of its group: by its time, then as it came in.
struct Position {
  std::int64_t timestamp = 0;
  std::int64_t id = 0;
  bool operator==(const Position&) const = default;
};

struct Event {
  Position at;
  std::int64_t ingested = 0;
  std::string stream;
  std::string message;
};

struct StreamQuery {
  std::int64_t group = 0;
  std::int64_t stream = 0;
  std::optional<std::int64_t> from;    // inclusive
  std::optional<std::int64_t> before;  // exclusive
  bool newest = true;                  // the newest that fit, else the oldest
  std::optional<Position> after;       // only later ones
  std::optional<Position> ahead_of;    // only earlier ones
  std::size_t limit = kMaxPageEvents;
};

struct FilterQuery {
  std::int64_t group = 0;
  std::vector<std::int64_t> streams;  // empty: all
  std::optional<std::string> stream_prefix;
  std::optional<std::int64_t> from;     // inclusive
  std::optional<std::int64_t> through;  // inclusive
  std::optional<Position> after;
  std::size_t limit = kMaxPageEvents;
};
struct FilterResult {
  std::vector<Event> events;
  std::optional<Position> next;  // there may be more behind it
};

class Store {
 public:
  static shared::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                     std::int64_t max_bytes = kDefaultMaxBytes);
  ~Store();

  // Errors: ResourceAlreadyExistsException, LimitExceededException.
  shared::Result<void> create_group(const Group& group);
  // Error: ResourceNotFoundException.
  shared::Result<Group> group(const std::string& name);
  // In the order of their names, those after `after`; at most `limit`. `text`: what their names begin with,
  // or have anywhere.
  enum class Match { kPrefix, kAnywhere };
  shared::Result<std::vector<Group>> groups(const std::string& text, Match match, const std::string& after,
                                            std::size_t limit);
  shared::Result<void> delete_group(const std::string& name);
  shared::Result<void> set_retention(const std::string& name, std::optional<int> days);
  shared::Result<void> set_tags(const std::string& name, const std::map<std::string, std::string>& tags);

  shared::Result<void> create_stream(const Group& group, const std::string& name, std::int64_t now);
  shared::Result<Stream> stream(const Group& group, const std::string& name);
  // All that begin with `prefix`, in the order of their names.
  shared::Result<std::vector<Stream>> streams(const Group& group, const std::string& prefix);
  shared::Result<void> delete_stream(const Group& group, const std::string& name);

  shared::Result<void> put(const Group& group, const Stream& stream, const std::vector<NewEvent>& events,
                           std::int64_t now);
  // In the order of their times; at most kMaxPageBytes, but always one if there is one. `now` hides what is
  // too old for its group.
  shared::Result<std::vector<Event>> read(const Group& group, const StreamQuery& query, std::int64_t now);
  shared::Result<FilterResult> filter(const Group& group, const FilterQuery& query, const Pattern& pattern,
                                      std::int64_t now);

  // Deletes what nobody will see any more, a part at a time; true: there is more of it.
  shared::Result<bool> sweep(std::int64_t now);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent::logs
