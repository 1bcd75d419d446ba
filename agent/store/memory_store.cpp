#include <filesystem>

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

namespace {

class MemoryCopy final : public StoreCopy {
 public:
  MemoryCopy(MemoryStore& from, std::string path) : from_(from), path_(std::move(path)) {}
  Result<bool> advance() override {
    auto records = from_.load();
    if (!records) return std::move(records).error();
    auto to = open_sqlite(path_);
    if (!to) return std::move(to).error();
    if (auto committed = (*to)->commit({*std::move(records), {}}); !committed) return committed.error();
    return true;
  }

 private:
  MemoryStore& from_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<StoreCopy>> MemoryStore::copy_to(const std::string& path) {
  if (closed_) return Error("io", "copy store: it is closed");
  if (std::filesystem::exists(path))
    return Error("exists", "copy store: there is a file " + path + " already");
  return std::unique_ptr<StoreCopy>(std::make_unique<MemoryCopy>(*this, path));
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
