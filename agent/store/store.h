// Where control keeps its truth: load everything at start, then commit change sets. No queries: the working
// state is in memory (agent/control), the store only makes it durable. Not for node state or for metrics.
//
// Errors of every operation:
//   "disk_full"  nothing was written; free space and try again (Retry::kYes)
//   "locked"     another process (or store object) has the file open
//   "corrupt"    the file is no store, is damaged, or was written by a newer version
//   "io"         anything else of the disk. After a failed commit with "io" or "corrupt" it is unknown what
//   would
//                survive a crash, so that every later commit is refused with the same code until the store is
//                reopened.
// Thread: one at a time, not bound to the opening one. commit() blocks until the disk has the data.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"

namespace agent::store {

// Keys look like "task/<cluster>/<id>"; values are bytes (in practice JSON).
struct Record {
  std::string key;
  std::string value;
  bool operator==(const Record&) const = default;
};

// Puts create or replace. Deleting an absent key is no error. A key in both parts ends up deleted; of a key
// put twice the last value wins.
struct ChangeSet {
  std::vector<Record> puts;
  std::vector<std::string> deletes;
  bool empty() const { return puts.empty() && deletes.empty(); }
};

// A copy that is being made, a part at a time, so that commits come between; what these commit belongs to it.
// Dropped before it is whole, it leaves no file behind.
class StoreCopy {
 public:
  virtual ~StoreCopy() = default;
  // Copies a part (4 MiB at most) and says whether all is there and on the disk. Errors end it.
  virtual shared::Result<bool> advance() = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Every record, ordered by key.
  virtual shared::Result<std::vector<Record>> load() = 0;
  // All of it or nothing; durable when it returns. On an error nothing of it is visible to load().
  virtual shared::Result<void> commit(const ChangeSet& changes) = 0;
  // Begins a copy of everything that is committed in a new file, readable by the owner only, that open_sqlite
  // opens. Errors: "exists", "disk_full", "io". The store outlives the copy, and is not closed before it
  // ends.
  virtual shared::Result<std::unique_ptr<StoreCopy>> copy_to(const std::string& path) = 0;
  // Releases the file. Later calls fail with "io". Closing twice is fine; the destructor closes too.
  virtual shared::Result<void> close() = 0;
};

// SQLite in one file (write-ahead log beside it), readable by the owner only; missing directories are created
// with mode 0700. Held exclusively while open.
shared::Result<std::unique_ptr<Store>> open_sqlite(const std::string& path);

// The twin for simulation and tests: the same promises without a disk. Copying one is a snapshot of what a
// crash at this moment would leave behind; the copy is open and has no faults scheduled.
class MemoryStore final : public Store {
 public:
  MemoryStore() = default;
  MemoryStore(const MemoryStore& other) : records_(other.records_) {}
  MemoryStore& operator=(const MemoryStore&) = delete;

  shared::Result<std::vector<Record>> load() override;
  shared::Result<void> commit(const ChangeSet& changes) override;
  shared::Result<std::unique_ptr<StoreCopy>> copy_to(const std::string& path) override;
  shared::Result<void> close() override;

  // The next n commits that are not empty fail with `error` and leave everything as it was. As with the real
  // store, an "io" or "corrupt" error lasts.
  void fail_next_commits(std::size_t n, shared::Error error);

  const std::map<std::string, std::string>& records() const { return records_; }
  std::size_t commits() const { return commits_; }  // successful ones

 private:
  std::map<std::string, std::string> records_;
  std::size_t commits_ = 0;
  std::size_t failures_left_ = 0;
  std::optional<shared::Error> failure_;  // what the scheduled failures return
  std::optional<shared::Error> broken_;   // set: no commit succeeds any more
  bool closed_ = false;
};

}  // namespace agent::store
