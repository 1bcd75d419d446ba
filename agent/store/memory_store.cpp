#include "agent/store/store.h"

namespace agent::store {

using shared::Error;
using shared::Result;

Result<std::vector<Record>> MemoryStore::load() {
  if (closed_) return Error("io", "load store: it is closed");
  std::vector<Record> records;
  records.reserve(records_.size());
  for (const auto& [key, value] : records_) records.push_back({key, value});
  return records;
}

Result<void> MemoryStore::commit(const ChangeSet& changes) {
  if (closed_) return Error("io", "commit to store: it is closed");
  if (broken_) return *broken_;
  if (changes.empty()) return {};
  if (failures_left_ > 0) {
    --failures_left_;
    if (failure_->code() == "io" || failure_->code() == "corrupt") broken_ = failure_;
    return *failure_;
  }
  for (const Record& record : changes.puts) records_[record.key] = record.value;
  for (const std::string& key : changes.deletes) records_.erase(key);
  ++commits_;
  return {};
}

Result<void> MemoryStore::close() {
  closed_ = true;
  return {};
}

void MemoryStore::fail_next_commits(std::size_t n, Error error) {
  failures_left_ = n;
  failure_.emplace(std::move(error));
}

}  // namespace agent::store
