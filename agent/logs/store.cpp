#include "agent/logs/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "shared/base/unique_fd.h"
#include "shared/json/reader.h"

namespace agent::logs {

using shared::Error;
using shared::Result;

namespace {

constexpr int kSchema = 1;
constexpr mode_t kOwnerOnly = 0600;  // lines may hold secrets
constexpr std::int64_t kMillisPerDay = 86'400'000;

Error refused(const char* code, const std::string& text) { return Error(code, text, shared::Blame::kClient); }
Error no_group() { return refused("ResourceNotFoundException", "The specified log group does not exist."); }
Error no_stream() { return refused("ResourceNotFoundException", "The specified log stream does not exist."); }

Result<void> create_file(const std::string& path) {
  const shared::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly));
  if (fd || errno == EEXIST) return {};
  return Error("io", "create " + path + ": " + std::strerror(errno));
}

std::string tags_text(const std::map<std::string, std::string>& tags) {
  return shared::json::to_text(nlohmann::json(tags));
}

Group group_of(SQLite::Statement& row) {
  Group out;
  out.id = row.getColumn(0).getInt64();
  out.name = row.getColumn(1).getString();
  out.created_at = row.getColumn(2).getInt64();
  if (!row.getColumn(3).isNull()) out.retention_days = row.getColumn(3).getInt();
  out.log_class = row.getColumn(4).getString();
  out.bytes = row.getColumn(5).getInt64();
  if (const auto tags = shared::json::parse(row.getColumn(6).getString()); tags && tags->is_object()) {
    for (const auto& [key, value] : tags->items()) {
      if (value.is_string()) out.tags[key] = value.get<std::string>();
    }
  }
  return out;
}
constexpr const char* kGroupColumns =
    "SELECT id, name, created_at, retention, class, bytes, tags FROM groups ";

Stream stream_of(SQLite::Statement& row) {
  const auto maybe = [&](int column) {
    return row.getColumn(column).isNull() ? std::optional<std::int64_t>() : row.getColumn(column).getInt64();
  };
  return {row.getColumn(0).getInt64(),
          row.getColumn(1).getString(),
          row.getColumn(2).getInt64(),
          maybe(3),
          maybe(4),
          maybe(5)};
}
constexpr const char* kStreamColumns =
    "SELECT id, name, created_at, first_event, last_event, last_ingestion FROM streams ";

// The first text that does not begin with `prefix` and comes after those that do; empty: there is none.
std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::optional<std::int64_t> oldest_seen(const Group& group, std::int64_t now) {
  if (!group.retention_days) return std::nullopt;
  return now - *group.retention_days * kMillisPerDay;
}

}  // namespace

struct Store::Impl {
  Impl(const std::string& given, std::int64_t bytes)
      : path(given), max_bytes(bytes), db(given, SQLite::OPEN_READWRITE) {}

  // Runs `work`, which may throw SQLite::Exception, in a transaction that an error takes back.
  template <class Work>
  auto in_transaction(Work work) -> decltype(work()) {
    try {
      SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
      auto done = work();
      if (done) transaction.commit();
      return done;
    } catch (const SQLite::Exception& e) {
      return Error("io", path + ": " + e.what());
    }
  }
  template <class Work>
  auto reading(Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const SQLite::Exception& e) {
      return Error("io", path + ": " + e.what());
    }
  }
  // Throw SQLite::Exception.
  std::int64_t scalar(const char* sql) { return db.execAndGet(sql).getInt64(); }
  std::optional<Group> find_group(const std::string& name) {
    SQLite::Statement find(db, std::string(kGroupColumns) + "WHERE name = ?");
    find.bind(1, name);
    return find.executeStep() ? std::optional(group_of(find)) : std::nullopt;
  }
  std::optional<Stream> find_stream(const Group& group, const std::string& name) {
    SQLite::Statement find(db, std::string(kStreamColumns) + "WHERE group_id = ? AND name = ?");
    find.bind(1, group.id);
    find.bind(2, name);
    return find.executeStep() ? std::optional(stream_of(find)) : std::nullopt;
  }
  Result<void> prepare();
  std::int64_t erase_events(const std::string& where, std::int64_t bound);

  std::string path;
  std::int64_t max_bytes;
  SQLite::Database db;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<void> Store::Impl::prepare() {
  db.exec("PRAGMA locking_mode=EXCLUSIVE");
  db.exec("PRAGMA journal_mode=WAL");
  db.exec("PRAGMA synchronous=NORMAL");
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  const int version = db.execAndGet("PRAGMA user_version").getInt();
  if (version != 0 && version != kSchema)
    return Error("corrupt",
                 path + " was written by another version (schema " + std::to_string(version) + ")");
  db.exec(
      "CREATE TABLE IF NOT EXISTS groups(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
      " created_at INTEGER NOT NULL, retention INTEGER, class TEXT NOT NULL, bytes INTEGER NOT NULL, tags "
      "TEXT NOT NULL);"
      "CREATE TABLE IF NOT EXISTS streams(id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL, "
      "name TEXT NOT NULL,"
      " created_at INTEGER NOT NULL, first_event INTEGER, last_event INTEGER, last_ingestion INTEGER,"
      " UNIQUE(group_id, name));"
      "CREATE TABLE IF NOT EXISTS events(id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL,"
      " stream_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT "
      "NULL);"
      "CREATE INDEX IF NOT EXISTS by_group ON events(group_id, timestamp, id);"
      "CREATE INDEX IF NOT EXISTS by_stream ON events(stream_id, timestamp, id);"
      "CREATE TABLE IF NOT EXISTS gone(kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(kind, id));"
      "CREATE TABLE IF NOT EXISTS total(bytes INTEGER NOT NULL)");
  if (scalar("SELECT count(*) FROM total") == 0) db.exec("INSERT INTO total VALUES(0)");
  db.exec("PRAGMA user_version=" + std::to_string(kSchema));
  transaction.commit();
  return {};
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, std::int64_t max_bytes) {
  if (auto made = create_file(path); !made) return made.error();
  try {
    auto impl = std::make_unique<Impl>(path, max_bytes);
    if (auto ok = impl->prepare(); !ok) return ok.error();
    return std::unique_ptr<Store>(new Store(std::move(impl)));
  } catch (const SQLite::Exception& e) {
    return Error("io", "open " + path + ": " + e.what());
  }
}

// ---- Groups ----

Result<void> Store::create_group(const Group& group) {
  return impl_->in_transaction([&]() -> Result<void> {
    if (impl_->find_group(group.name))
      return refused("ResourceAlreadyExistsException", "The specified log group already exists");
    if (impl_->scalar("SELECT count(*) FROM groups") >= static_cast<std::int64_t>(kMaxGroups))
      return refused("LimitExceededException",
                     "Resource limit exceeded: there may be " + std::to_string(kMaxGroups) + " log groups.");
    SQLite::Statement add(impl_->db,
                          "INSERT INTO groups(name, created_at, class, bytes, tags) VALUES(?, ?, ?, 0, ?)");
    add.bind(1, group.name);
    add.bind(2, group.created_at);
    add.bind(3, group.log_class);
    add.bind(4, tags_text(group.tags));
    add.exec();
    return {};
  });
}

Result<Group> Store::group(const std::string& name) {
  return impl_->reading([&]() -> Result<Group> {
    if (auto found = impl_->find_group(name)) return *std::move(found);
    return no_group();
  });
}

Result<std::vector<Group>> Store::groups(const std::string& text, Match match, const std::string& after,
                                         std::size_t limit) {
  return impl_->reading([&]() -> Result<std::vector<Group>> {
    const bool prefix = match == Match::kPrefix && !text.empty();
    std::string sql = std::string(kGroupColumns) + "WHERE name > ?1";
    if (prefix) sql += " AND name >= ?2 AND name < ?3";
    if (match == Match::kAnywhere) sql += " AND instr(name, ?2) > 0";
    SQLite::Statement find(impl_->db, sql + " ORDER BY name LIMIT ?4");
    find.bind(1, after);
    if (prefix || match == Match::kAnywhere) find.bind(2, text);
    if (prefix) find.bind(3, end_of_prefix(text));
    find.bind(4, static_cast<std::int64_t>(limit));
    std::vector<Group> out;
    while (find.executeStep()) out.push_back(group_of(find));
    return out;
  });
}

Result<void> Store::delete_group(const std::string& name) {
  return impl_->in_transaction([&]() -> Result<void> {
    const auto found = impl_->find_group(name);
    if (!found) return no_group();
    for (const char* sql : {"DELETE FROM streams WHERE group_id = ?", "DELETE FROM groups WHERE id = ?",
                            "INSERT OR IGNORE INTO gone VALUES('group', ?)"}) {
      SQLite::Statement change(impl_->db, sql);
      change.bind(1, found->id);
      change.exec();
    }
    return {};
  });
}

Result<void> Store::set_retention(const std::string& name, std::optional<int> days) {
  return impl_->in_transaction([&]() -> Result<void> {
    SQLite::Statement change(impl_->db, "UPDATE groups SET retention = ? WHERE name = ?");
    if (days) change.bind(1, *days);
    change.bind(2, name);
    if (change.exec() == 0) return no_group();
    return {};
  });
}

Result<void> Store::set_tags(const std::string& name, const std::map<std::string, std::string>& tags) {
  return impl_->in_transaction([&]() -> Result<void> {
    SQLite::Statement change(impl_->db, "UPDATE groups SET tags = ? WHERE name = ?");
    change.bind(1, tags_text(tags));
    change.bind(2, name);
    if (change.exec() == 0) return no_group();
    return {};
  });
}

// ---- Streams ----

Result<void> Store::create_stream(const Group& group, const std::string& name, std::int64_t now) {
  return impl_->in_transaction([&]() -> Result<void> {
    if (impl_->find_stream(group, name))
      return refused("ResourceAlreadyExistsException", "The specified log stream already exists");
    SQLite::Statement count(impl_->db, "SELECT count(*) FROM streams WHERE group_id = ?");
    count.bind(1, group.id);
    count.executeStep();
    if (count.getColumn(0).getInt64() >= static_cast<std::int64_t>(kMaxStreamsOfGroup)) {
      return refused("LimitExceededException", "Resource limit exceeded: a log group may have " +
                                                   std::to_string(kMaxStreamsOfGroup) + " log streams.");
    }
    SQLite::Statement add(impl_->db, "INSERT INTO streams(group_id, name, created_at) VALUES(?, ?, ?)");
    add.bind(1, group.id);
    add.bind(2, name);
    add.bind(3, now);
    add.exec();
    return {};
  });
}

Result<Stream> Store::stream(const Group& group, const std::string& name) {
  return impl_->reading([&]() -> Result<Stream> {
    if (auto found = impl_->find_stream(group, name)) return *std::move(found);
    return no_stream();
  });
}

Result<std::vector<Stream>> Store::streams(const Group& group, const std::string& prefix) {
  return impl_->reading([&]() -> Result<std::vector<Stream>> {
    std::string sql = std::string(kStreamColumns) + "WHERE group_id = ?1";
    if (!prefix.empty()) sql += " AND name >= ?2 AND name < ?3";
    SQLite::Statement find(impl_->db, sql + " ORDER BY name");
    find.bind(1, group.id);
    if (!prefix.empty()) {
      find.bind(2, prefix);
      find.bind(3, end_of_prefix(prefix));
    }
    std::vector<Stream> out;
    while (find.executeStep()) out.push_back(stream_of(find));
    return out;
  });
}

Result<void> Store::delete_stream(const Group& group, const std::string& name) {
  return impl_->in_transaction([&]() -> Result<void> {
    const auto found = impl_->find_stream(group, name);
    if (!found) return no_stream();
    for (const char* sql :
         {"DELETE FROM streams WHERE id = ?", "INSERT OR IGNORE INTO gone VALUES('stream', ?)"}) {
      SQLite::Statement change(impl_->db, sql);
      change.bind(1, found->id);
      change.exec();
    }
    return {};
  });
}

// ---- Events ----

Result<void> Store::put(const Group& group, const Stream& stream, const std::vector<NewEvent>& events,
                        std::int64_t now) {
  if (events.empty()) return {};
  return impl_->in_transaction([&]() -> Result<void> {
    std::int64_t bytes = 0;
    SQLite::Statement add(
        impl_->db,
        "INSERT INTO events(group_id, stream_id, timestamp, ingested, message) VALUES(?, ?, ?, ?, ?)");
    for (const NewEvent& event : events) {
      add.bind(1, group.id);
      add.bind(2, stream.id);
      add.bind(3, event.timestamp);
      add.bind(4, now);
      add.bindNoCopy(5, event.message);
      add.exec();
      add.reset();
      bytes += static_cast<std::int64_t>(event.message.size());
    }
    const auto [oldest, newest] = std::minmax_element(
        events.begin(), events.end(), [](const auto& a, const auto& b) { return a.timestamp < b.timestamp; });
    SQLite::Statement note(impl_->db,
                           "UPDATE streams SET first_event = min(coalesce(first_event, ?1), ?1), last_event ="
                           " max(coalesce(last_event, ?2), ?2), last_ingestion = ?3 WHERE id = ?4");
    note.bind(1, oldest->timestamp);
    note.bind(2, newest->timestamp);
    note.bind(3, now);
    note.bind(4, stream.id);
    note.exec();
    SQLite::Statement grow(impl_->db, "UPDATE groups SET bytes = bytes + ?1 WHERE id = ?2");
    grow.bind(1, bytes);
    grow.bind(2, group.id);
    grow.exec();
    SQLite::Statement total(impl_->db, "UPDATE total SET bytes = bytes + ?1");
    total.bind(1, bytes);
    total.exec();
    return {};
  });
}

Result<std::vector<Event>> Store::read(const Group& group, const StreamQuery& query, std::int64_t now) {
  return impl_->reading([&]() -> Result<std::vector<Event>> {
    std::string sql = "SELECT timestamp, id, ingested, message FROM events WHERE stream_id = ?1";
    if (query.from) sql += " AND timestamp >= ?2";
    if (query.before) sql += " AND timestamp < ?3";
    if (query.after) sql += " AND (timestamp, id) > (?4, ?5)";
    if (query.ahead_of) sql += " AND (timestamp, id) < (?6, ?7)";
    const auto oldest = oldest_seen(group, now);
    if (oldest) sql += " AND timestamp >= ?8";
    sql += query.newest ? " ORDER BY timestamp DESC, id DESC LIMIT ?9" : " ORDER BY timestamp, id LIMIT ?9";
    SQLite::Statement find(impl_->db, sql);
    find.bind(1, query.stream);
    if (query.from) find.bind(2, *query.from);
    if (query.before) find.bind(3, *query.before);
    if (query.after) {
      find.bind(4, query.after->timestamp);
      find.bind(5, query.after->id);
    }
    if (query.ahead_of) {
      find.bind(6, query.ahead_of->timestamp);
      find.bind(7, query.ahead_of->id);
    }
    if (oldest) find.bind(8, *oldest);
    find.bind(9, static_cast<std::int64_t>(query.limit));
    std::vector<Event> out;
    std::size_t bytes = 0;
    while (find.executeStep()) {
      Event event;
      event.at = {find.getColumn(0).getInt64(), find.getColumn(1).getInt64()};
      event.ingested = find.getColumn(2).getInt64();
      event.message = find.getColumn(3).getString();
      bytes += event.message.size();
      if (bytes > kMaxPageBytes && !out.empty()) break;
      out.push_back(std::move(event));
    }
    if (query.newest) std::reverse(out.begin(), out.end());
    return out;
  });
}

Result<FilterResult> Store::filter(const Group& group, const FilterQuery& query, const Pattern& pattern,
                                   std::int64_t now) {
  return impl_->reading([&]() -> Result<FilterResult> {
    std::string sql =
        "SELECT e.timestamp, e.id, e.ingested, e.message, s.name FROM events e JOIN streams s ON s.id = "
        "e.stream_id"
        " WHERE e.group_id = ?1";
    if (query.from) sql += " AND e.timestamp >= ?2";
    if (query.through) sql += " AND e.timestamp <= ?3";
    if (query.after) sql += " AND (e.timestamp, e.id) > (?4, ?5)";
    const auto oldest = oldest_seen(group, now);
    if (oldest) sql += " AND e.timestamp >= ?6";
    if (query.stream_prefix) sql += " AND s.name >= ?7 AND s.name < ?8";
    if (!query.streams.empty()) {
      std::string list;
      for (const std::int64_t id : query.streams) list += (list.empty() ? "" : ",") + std::to_string(id);
      sql += " AND e.stream_id IN (" + list + ")";
    }
    SQLite::Statement find(impl_->db, sql + " ORDER BY e.timestamp, e.id LIMIT ?9");
    find.bind(1, group.id);
    if (query.from) find.bind(2, *query.from);
    if (query.through) find.bind(3, *query.through);
    if (query.after) {
      find.bind(4, query.after->timestamp);
      find.bind(5, query.after->id);
    }
    if (oldest) find.bind(6, *oldest);
    if (query.stream_prefix) {
      find.bind(7, *query.stream_prefix);
      find.bind(8, end_of_prefix(*query.stream_prefix));
    }
    find.bind(9, static_cast<std::int64_t>(kMaxScannedEvents));
    FilterResult out;
    std::size_t scanned = 0;
    std::size_t bytes = 0;
    Position last;
    while (find.executeStep()) {
      const Position at{find.getColumn(0).getInt64(), find.getColumn(1).getInt64()};
      const std::string_view message(find.getColumn(3).getText(),
                                     static_cast<std::size_t>(find.getColumn(3).getBytes()));
      if (pattern.matches(message)) {
        bytes += message.size();
        if (out.events.size() == query.limit || (bytes > kMaxPageBytes && !out.events.empty())) {
          out.next = last;
          return out;
        }
        out.events.push_back(
            {at, find.getColumn(2).getInt64(), find.getColumn(4).getString(), std::string(message)});
      }
      last = at;
      ++scanned;
    }
    if (scanned == kMaxScannedEvents) out.next = last;
    return out;
  });
}

// Throws SQLite::Exception. How many went. `where` has one ?, for `bound`.
std::int64_t Store::Impl::erase_events(const std::string& where, std::int64_t bound) {
  db.exec("CREATE TEMP TABLE IF NOT EXISTS going(id INTEGER PRIMARY KEY, group_id INTEGER, size INTEGER)");
  db.exec("DELETE FROM going");
  SQLite::Statement choose(
      db, "INSERT INTO going SELECT id, group_id, length(CAST(message AS BLOB)) FROM events WHERE " + where +
              " LIMIT " + std::to_string(kSweptAtOnce));
  choose.bind(1, bound);
  const int count = choose.exec();
  if (count == 0) return 0;
  db.exec(
      "UPDATE groups SET bytes = max(0, bytes - coalesce((SELECT sum(size) FROM going WHERE group_id = "
      "groups.id), 0))"
      " WHERE id IN (SELECT group_id FROM going)");
  db.exec("UPDATE total SET bytes = max(0, bytes - (SELECT sum(size) FROM going))");
  db.exec("DELETE FROM events WHERE id IN (SELECT id FROM going)");
  return count;
}

Result<bool> Store::sweep(std::int64_t now) {
  return impl_->in_transaction([&]() -> Result<bool> {
    bool more = false;
    const auto erase = [&](const std::string& where, std::int64_t bound) {
      const auto count = impl_->erase_events(where, bound);
      more = more || count == static_cast<std::int64_t>(kSweptAtOnce);
      return count;
    };
    // Of groups and streams that were deleted.
    std::vector<std::pair<std::string, std::int64_t>> gone;
    {
      SQLite::Statement list(impl_->db, "SELECT kind, id FROM gone LIMIT 10");
      while (list.executeStep())
        gone.emplace_back(list.getColumn(0).getString(), list.getColumn(1).getInt64());
    }
    for (const auto& [kind, id] : gone) {
      if (erase(kind == "group" ? "group_id = ?" : "stream_id = ?", id) ==
          static_cast<std::int64_t>(kSweptAtOnce))
        continue;
      SQLite::Statement done(impl_->db, "DELETE FROM gone WHERE kind = ? AND id = ?");
      done.bind(1, kind);
      done.bind(2, id);
      done.exec();
      more = true;
    }
    // Older than their group keeps them.
    std::vector<Group> groups;
    {
      SQLite::Statement list(impl_->db, std::string(kGroupColumns) + "WHERE retention IS NOT NULL");
      while (list.executeStep()) groups.push_back(group_of(list));
    }
    for (const Group& group : groups) {
      erase("group_id = " + std::to_string(group.id) + " AND timestamp < ? ORDER BY timestamp, id",
            *oldest_seen(group, now));
    }
    // More than there is room for: the oldest that came in.
    if (impl_->scalar("SELECT bytes FROM total") > impl_->max_bytes) {
      erase("id > ? ORDER BY id", 0);
      more = more || impl_->scalar("SELECT bytes FROM total") > impl_->max_bytes;
    }
    return more;
  });
}

}  // namespace agent::logs
