// Table<T>: rows of one kind, with an undo log. Every change of durable state goes through put/edit/erase, so
// that a failed step or a failed commit can be taken back, and a commit knows which rows to write. Thread:
// control's.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/store/store.h"
#include "shared/base/check.h"

namespace agent::control {

class TableBase {
 public:
  explicit TableBase(std::string prefix) : prefix_(std::move(prefix)) {}
  virtual ~TableBase() = default;
  TableBase(const TableBase&) = delete;
  TableBase& operator=(const TableBase&) = delete;
  const std::string& prefix() const { return prefix_; }  // of its keys in the store, such as "task/"

  virtual void begin_step() = 0;                              // a savepoint
  virtual void undo_step() = 0;                               // back to the last savepoint
  virtual void undo_batch() = 0;                              // back to the last end_batch()
  virtual void end_batch() = 0;                               // forgets the log
  virtual void collect(store::ChangeSet& changes) const = 0;  // rows changed since the last end_batch()
  virtual bool load(std::string_view key, std::string_view value) = 0;  // false: the value cannot be decoded
  virtual std::uint64_t generation() const = 0;

 private:
  std::string prefix_;
};

template <class T>
class Table final : public TableBase {
 public:
  using Encode = std::string (*)(const T&);
  using Decode = bool (*)(std::string_view, T&);
  Table(std::string prefix, Encode encode, Decode decode)
      : TableBase(std::move(prefix)), encode_(encode), decode_(decode) {}

  const T* find(std::string_view key) const {
    const auto it = rows_.find(key);
    return it == rows_.end() ? nullptr : &it->second;
  }
  const std::map<std::string, T, std::less<>>& rows() const { return rows_; }
  std::size_t size() const { return rows_.size(); }
  // Grows with every change, never falls: lets a reader skip work when nothing of this kind changed.
  std::uint64_t generation() const override { return generation_; }

  // For an index over the rows: after follow(), every key that may have changed is kept until it is taken.
  // Finish an edit before asking such an index, because an edited row is noted when edit() is called.
  void follow() { following_ = true; }
  std::vector<std::string> take_touched() const { return std::exchange(touched_, {}); }

  // A mutable row, nullptr if there is none. The pointer is good until that row is erased or a step is
  // undone.
  T* edit(std::string_view key) {
    const auto it = rows_.find(key);
    if (it == rows_.end()) return nullptr;
    remember(it->first, &it->second);
    return &it->second;
  }
  T& put(const std::string& key, T value) {
    const auto it = rows_.find(key);
    remember(key, it == rows_.end() ? nullptr : &it->second);
    return rows_.insert_or_assign(key, std::move(value)).first->second;
  }
  void erase(std::string_view key) {
    const auto it = rows_.find(key);
    if (it == rows_.end()) return;
    remember(it->first, &it->second);
    rows_.erase(it);
  }

  void begin_step() override {
    savepoint_ = log_.size();
    logged_.clear();
  }
  void undo_step() override { undo_to(savepoint_); }
  void undo_batch() override {
    undo_to(0);
    savepoint_ = 0;
  }
  void end_batch() override {
    log_.clear();
    logged_.clear();
    savepoint_ = 0;
  }
  void collect(store::ChangeSet& changes) const override {
    std::set<std::string_view> seen;
    for (const auto& [key, before] : log_) {
      if (!seen.insert(key).second) continue;
      if (const T* row = find(key)) {
        changes.puts.push_back({prefix() + key, encode_(*row)});
      } else if (before) {
        changes.deletes.push_back(prefix() + key);
      }
    }
  }
  bool load(std::string_view key, std::string_view value) override {
    T row{};
    if (!decode_(value, row)) return false;
    rows_.insert_or_assign(std::string(key), std::move(row));
    touch(std::string(key));
    return true;
  }

 private:
  void touch(const std::string& key) {
    ++generation_;
    if (following_) touched_.push_back(key);
  }
  void remember(const std::string& key, const T* before) {
    touch(key);
    if (!logged_.insert(key).second) return;
    log_.emplace_back(key, before == nullptr ? std::optional<T>() : std::optional<T>(*before));
  }
  void undo_to(std::size_t mark) {
    while (log_.size() > mark) {
      auto& [key, before] = log_.back();
      if (before) {
        rows_.insert_or_assign(key, std::move(*before));
      } else {
        rows_.erase(key);
      }
      touch(key);
      log_.pop_back();
    }
    logged_.clear();
  }

  Encode encode_;
  Decode decode_;
  std::map<std::string, T, std::less<>> rows_;
  std::vector<std::pair<std::string, std::optional<T>>> log_;
  std::set<std::string> logged_;  // keys in log_ since the savepoint
  std::size_t savepoint_ = 0;
  std::uint64_t generation_ = 0;
  bool following_ = false;
  mutable std::vector<std::string> touched_;
};

}  // namespace agent::control
