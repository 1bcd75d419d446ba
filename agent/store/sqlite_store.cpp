#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "agent/store/snapshot.h"
#include "agent/store/store.h"
#include "shared/base/unique_fd.h"

namespace agent::store {

using shared::Blame;
using shared::Error;
using shared::Result;
using shared::Retry;

namespace {

// Raised when the meaning of tables or keys changes so that older programs would misread them.
constexpr int kSchemaVersion = 1;

// Only this file's owner may read the store: it holds environment variables of tasks.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// `system` is errno as the failed call left it. (sqlite3_system_errno is not set by a failed COMMIT.)
Error classify(const SQLite::Exception& e, int system, std::string_view doing) {
  const int extended = e.getExtendedErrorCode();
  const std::string text = std::string(doing) + ": " + e.what();
  switch (e.getErrorCode()) {
    case SQLITE_FULL:
      return Error("disk_full", text, Blame::kSelf, Retry::kYes);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error("locked", std::string(doing) + ": another process uses the store");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error("corrupt", text);
    case SQLITE_IOERR:
      // SQLite knows only ENOSPC as a full disk. A failed write is certain to have left no commit behind; a
      // failed sync is not, whatever its cause.
      if (extended == SQLITE_IOERR_WRITE && (system == EFBIG || system == EDQUOT || system == ENOSPC)) {
        return Error("disk_full", std::string(doing) + ": " + std::strerror(system), Blame::kSelf,
                     Retry::kYes);
      }
      [[fallthrough]];
    default:
      return Error("io", text);
  }
}

Result<void> make_directories(const std::filesystem::path& directory) {
  if (directory.empty() || directory == "/") return {};
  struct stat status {};
  if (::stat(directory.c_str(), &status) == 0) return {};
  if (auto parent = make_directories(directory.parent_path()); !parent) return parent;
  if (::mkdir(directory.c_str(), kDirectoryMode) == 0 || errno == EEXIST) return {};
  return Error(errno == ENOSPC ? "disk_full" : "io",
               "create directory " + directory.string() + ": " + std::strerror(errno));
}

// SQLite would create the file with the process's umask.
Result<void> create_new_file(const std::string& path) {
  const shared::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (fd) return {};
  if (errno == EEXIST) return Error("exists", "there is a file " + path + " already", Blame::kClient);
  return Error(errno == ENOSPC ? "disk_full" : "io", "create " + path + ": " + std::strerror(errno));
}

// An existing file is never opened here: closing any descriptor of it would drop the locks that another store
// object of this process holds.
Result<void> create_file(const std::string& path) {
  auto made = create_new_file(path);
  if (!made && made.error().code() != "exists") return made;
  return {};
}

// Onto the disk, and under its name unless there is a file of that name; then `from` is removed.
Result<void> move_into_place(const std::string& from, const std::string& to) {
  const shared::UniqueFd file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string parent = std::filesystem::path(to).parent_path();
  const shared::UniqueFd folder(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file && ::fsync(file.get()) == 0 &&
      ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 && folder &&
      ::fsync(folder.get()) == 0)
    return {};
  const int failure = errno;
  ::unlink(from.c_str());
  if (failure == EEXIST) return Error("exists", "there is a file " + to + " already", Blame::kClient);
  return Error(failure == ENOSPC ? "disk_full" : "io", "write " + to + ": " + std::strerror(failure));
}

class SqliteCopy final : public StoreCopy {
 public:
  // Throws SQLite::Exception.
  SqliteCopy(SQLite::Database& from, const std::string& path)
      : path_(path), to_(std::in_place, path, SQLite::OPEN_READWRITE), backup_(std::in_place, *to_, from) {}
  ~SqliteCopy() override {
    backup_.reset();
    to_.reset();
    if (!whole_) ::unlink(path_.c_str());
  }

  Result<bool> advance() override {
    errno = 0;
    try {
      if (backup_->executeStep(kPagesOfAPart) != SQLITE_DONE) return false;
      backup_.reset();
      to_.reset();
      whole_ = true;
      return true;
    } catch (const SQLite::Exception& e) {
      return classify(e, errno, "copy the store to " + path_);
    }
  }

 private:
  static constexpr int kPagesOfAPart = 1024;  // of 4 KiB

  std::string path_;
  std::optional<SQLite::Database> to_;
  std::optional<SQLite::Backup> backup_;
  bool whole_ = false;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& path)
      : path_(path), database_(std::in_place, path, SQLite::OPEN_READWRITE) {}

  Result<void> prepare();
  Result<std::vector<Record>> load() override;
  Result<void> commit(const ChangeSet& changes) override;
  Result<std::unique_ptr<StoreCopy>> copy_to(const std::string& path) override;
  Result<void> close() override;

 private:
  void apply(const ChangeSet& changes);
  void rollback();
  std::string doing(std::string_view what) const { return std::string(what) + " store " + path_; }

  std::string path_;
  std::optional<SQLite::Database> database_;  // none: closed
  std::optional<SQLite::Statement> put_;
  std::optional<SQLite::Statement> erase_;
  std::optional<SQLite::Statement> begin_;
  std::optional<SQLite::Statement> end_;
  std::optional<Error> broken_;
};

// Throws SQLite::Exception.
int schema_version(SQLite::Database& database) {
  database.exec(
      "CREATE TABLE IF NOT EXISTS schema_version(version INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS records(key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL)");
  SQLite::Statement read(database, "SELECT version FROM schema_version");
  if (read.executeStep()) return read.getColumn(0).getInt();
  SQLite::Statement write(database, "INSERT INTO schema_version VALUES(?)");
  write.bind(1, kSchemaVersion);
  write.exec();
  return kSchemaVersion;
}

Result<void> SqliteStore::prepare() {
  try {
    // Exclusive before the first access: the write-ahead log then needs no shared memory file, and the lock
    // is kept until the store is closed.
    database_->exec("PRAGMA locking_mode=EXCLUSIVE");
    database_->exec("PRAGMA journal_mode=WAL");
    database_->exec("PRAGMA synchronous=FULL");
    SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
    const int version = schema_version(*database_);
    if (version != kSchemaVersion) {
      return Error("corrupt", doing("open") + ": it has schema version " + std::to_string(version) +
                                  ", this program knows " + std::to_string(kSchemaVersion));
    }
    transaction.commit();
    put_.emplace(*database_, "INSERT INTO records VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2");
    erase_.emplace(*database_, "DELETE FROM records WHERE key = ?1");
    begin_.emplace(*database_, "BEGIN IMMEDIATE");
    end_.emplace(*database_, "COMMIT");
    return {};
  } catch (const SQLite::Exception& e) {
    return classify(e, errno, doing("open"));
  }
}

Result<std::vector<Record>> SqliteStore::load() {
  if (!database_) return Error("io", doing("load") + ": it is closed");
  try {
    std::vector<Record> records;
    SQLite::Statement read(*database_, "SELECT key, value FROM records ORDER BY key");
    while (read.executeStep())
      records.push_back({read.getColumn(0).getString(), read.getColumn(1).getString()});
    return records;
  } catch (const SQLite::Exception& e) {
    return classify(e, errno, doing("load"));
  }
}

// Throws SQLite::Exception.
void SqliteStore::apply(const ChangeSet& changes) {
  begin_->exec();
  for (const Record& record : changes.puts) {
    put_->bindNoCopy(1, record.key);
    put_->bindNoCopy(2, record.value.data(), static_cast<int>(record.value.size()));
    put_->exec();
    put_->reset();
  }
  for (const std::string& key : changes.deletes) {
    erase_->bindNoCopy(1, key);
    erase_->exec();
    erase_->reset();
  }
  end_->exec();
  begin_->reset();
  end_->reset();
}

void SqliteStore::rollback() {
  for (auto* statement : {&put_, &erase_, &begin_, &end_}) (*statement)->tryReset();
  // SQLite may have rolled back by itself already.
  if (sqlite3_get_autocommit(database_->getHandle()) == 0) database_->tryExec("ROLLBACK");
}

Result<void> SqliteStore::commit(const ChangeSet& changes) {
  if (!database_) return Error("io", doing("commit to") + ": it is closed");
  if (broken_) return *broken_;
  if (changes.empty()) return {};
  errno = 0;
  try {
    apply(changes);
    return {};
  } catch (const SQLite::Exception& e) {
    Error error = classify(e, errno, doing("commit to"));
    rollback();
    if (error.code() != "disk_full") broken_ = error.within("after an earlier failure");
    return error;
  }
}

Result<std::unique_ptr<StoreCopy>> SqliteStore::copy_to(const std::string& path) {
  if (!database_) return Error("io", doing("copy") + ": it is closed");
  if (auto made = create_new_file(path); !made) return made.error();
  try {
    return std::unique_ptr<StoreCopy>(std::make_unique<SqliteCopy>(*database_, path));
  } catch (const SQLite::Exception& e) {
    ::unlink(path.c_str());
    return classify(e, errno, doing("copy"));
  }
}

Result<void> SqliteStore::close() {
  put_.reset();
  erase_.reset();
  begin_.reset();
  end_.reset();
  database_.reset();
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path) {
  if (auto made = make_directories(std::filesystem::path(path).parent_path()); !made) return made.error();
  if (auto made = create_file(path); !made) return made.error();
  std::unique_ptr<SqliteStore> store;
  try {
    store = std::make_unique<SqliteStore>(path);
  } catch (const SQLite::Exception& e) {
    return classify(e, errno, "open store " + path);
  }
  if (auto prepared = store->prepare(); !prepared) return prepared.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<void> finish_snapshot(const std::string& copy, const std::string& path,
                             const std::map<std::string, std::string>& files) {
  errno = 0;
  try {
    SQLite::Database database(copy, SQLite::OPEN_READWRITE);
    SQLite::Transaction transaction(database);
    database.exec("CREATE TABLE snapshot_files(name TEXT PRIMARY KEY NOT NULL, content BLOB NOT NULL)");
    SQLite::Statement put(database, "INSERT INTO snapshot_files VALUES(?1, ?2)");
    for (const auto& [name, content] : files) {
      put.bind(1, name);
      put.bind(2, content.data(), static_cast<int>(content.size()));
      put.exec();
      put.reset();
    }
    transaction.commit();
  } catch (const SQLite::Exception& e) {
    return classify(e, errno, "write the snapshot " + copy);
  }
  return move_into_place(copy, path);
}

Result<std::map<std::string, std::string>> restore_snapshot(const std::string& path,
                                                            const std::string& database_path) {
  const std::string part = database_path + ".part";
  std::map<std::string, std::string> files;
  errno = 0;
  try {
    SQLite::Database from(path, SQLite::OPEN_READONLY);
    if (!from.tableExists("records") || !from.tableExists("snapshot_files"))
      return Error("corrupt", path + " is no snapshot of control", Blame::kClient);
    const std::string found = from.execAndGet("PRAGMA integrity_check").getString();
    if (found != "ok") return Error("corrupt", path + " is damaged: " + found, Blame::kClient);
    SQLite::Statement read(from, "SELECT name, content FROM snapshot_files");
    while (read.executeStep()) files[read.getColumn(0).getString()] = read.getColumn(1).getString();
    if (auto made = make_directories(std::filesystem::path(database_path).parent_path()); !made)
      return made.error();
    ::unlink(part.c_str());
    if (auto made = create_new_file(part); !made) return made.error();
    SqliteCopy copy(from, part);
    for (bool whole = false; !whole;) {
      auto advanced = copy.advance();
      if (!advanced) return advanced.error();
      whole = *advanced;
    }
    SQLite::Database to(part, SQLite::OPEN_READWRITE);
    to.exec("DROP TABLE snapshot_files");
  } catch (const SQLite::Exception& e) {
    ::unlink(part.c_str());
    return classify(e, errno, "restore the snapshot " + path);
  }
  if (auto moved = move_into_place(part, database_path); !moved) return moved.error();
  return files;
}

}  // namespace agent::store
