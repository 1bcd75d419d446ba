// Table<T>: rows of one kind, with an undo log and a change log. Every change of durable state goes through
// put/edit/erase, so that a failed step or a failed commit can be taken back, a commit knows which rows to
// write, and whoever follows the table (an index, a reconciler's marks) looks at the rows that changed
// instead of at all of them. A key is noted once its row is what it changed to, never before. Thread:
// control's.
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/state/table/batch_ends.h"
#include "agent/control/state/table/in_parallel.h"
#include "agent/store/store.h"
#include "shared/base/check.h"

namespace agent::control {

inline constexpr std::size_t kRowsLoadedAtOnce = 16'384;

class TableBase {
 public:
  explicit TableBase(std::string prefix) : prefix_(std::move(prefix)) {}
  virtual ~TableBase() = default;
  TableBase(const TableBase&) = delete;
  TableBase& operator=(const TableBase&) = delete;
  const std::string& prefix() const { return prefix_; }  // of its keys in the store, such as "task/"

  virtual void begin_step() = 0;                              // a savepoint
  virtual void undo_step() = 0;                               // back to the last savepoint
  virtual void collect(store::ChangeSet& changes) const = 0;  // rows changed since the last end_batch()
  // A batch is what is made durable together. Ended ones are remembered, in order, until they are durable.
  virtual void end_batch() = 0;
  virtual void batch_is_durable() = 0;  // the oldest ended one: it cannot be undone any more
  virtual void undo_batches() = 0;      // all that is not durable, what came after the last end_batch() too
  // What the store has of this table, in key order; `records` lose their values. Returns the key of a row
  // that cannot be decoded. On several threads while it lasts.
  virtual std::optional<std::string> load(std::span<store::Record> records) = 0;
  virtual bool changed_in_step() const = 0;  // any row was edited since the savepoint
  // Keys whose rows are not what they were at the savepoint, as the store would see them; for checks.
  virtual std::vector<std::string> changed_since_savepoint() const = 0;

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
  // Grows with every change, never falls.
  std::uint64_t generation() const { return log_end_; }

  // A reader of the change log: the keys of rows that may have changed (also by being taken back) are kept
  // until it has taken them. It sees what changes after follow().
  using Reader = std::size_t;
  Reader follow() {
    cursors_.push_back(log_end_);
    return cursors_.size() - 1;
  }
  bool has_changes(Reader reader) const { return cursors_[reader] != log_end_; }
  // What changes from here on is not kept for this reader, or is again: for one who does not look all the
  // time.
  void pause(Reader reader) const { cursors_[reader] = kPaused; }
  void resume(Reader reader) const { cursors_[reader] = log_end_; }
  // Each key once, in key order.
  std::vector<std::string> take_changes(Reader reader) const {
    if (!has_changes(reader)) return {};
    const std::uint64_t first = log_end_ - changed_.size();
    std::vector<std::string> keys(changed_.begin() + static_cast<std::ptrdiff_t>(cursors_[reader] - first),
                                  changed_.end());
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    cursors_[reader] = log_end_;
    const std::uint64_t slowest = std::min(log_end_, *std::min_element(cursors_.begin(), cursors_.end()));
    changed_.erase(changed_.begin(), changed_.begin() + static_cast<std::ptrdiff_t>(slowest - first));
    return keys;
  }

  // Changes the row by `change(T&)`; false: there is no such row, nothing was done. `change` leaves the rest
  // of this table alone, and keeps no pointer to what it got: that would change a row that nobody hears of.
  template <class Change>
  bool edit(std::string_view key, Change&& change) {
    const auto it = rows_.find(key);
    if (it == rows_.end()) return false;
    remember(it->first, &it->second);
    const Editing noted(*this, it->first);
    std::forward<Change>(change)(it->second);
    return true;
  }
  // The row as it is now.
  const T& put(const std::string& key, T value) {
    const auto it = rows_.find(key);
    remember(key, it == rows_.end() ? nullptr : &it->second);
    const T& row = rows_.insert_or_assign(key, std::move(value)).first->second;
    touch(key);
    return row;
  }
  void erase(std::string_view key) {
    const auto it = rows_.find(key);
    if (it == rows_.end()) return;
    remember(it->first, &it->second);
    const std::string gone = it->first;
    rows_.erase(it);
    touch(gone);
  }

  void begin_step() override {
    savepoint_ = log_.size();
    logged_.clear();
  }
  void undo_step() override { undo_to(savepoint_); }
  void undo_batches() override {
    undo_to(0);
    savepoint_ = 0;
    batches_.clear();
  }
  void end_batch() override {
    batches_.end_at(log_.size());
    begin_step();
  }
  void batch_is_durable() override { savepoint_ -= batches_.drop_oldest(log_); }
  void collect(store::ChangeSet& changes) const override {
    std::set<std::string_view> seen;
    for (std::size_t i = batches_.last(); i < log_.size(); ++i) {
      const auto& [key, before] = log_[i];
      if (!seen.insert(key).second) continue;
      if (const T* row = find(key)) {
        changes.puts.push_back({prefix() + key, encode_(*row)});
      } else if (before) {
        changes.deletes.push_back(prefix() + key);
      }
    }
  }
  bool changed_in_step() const override { return log_.size() > savepoint_; }
  std::vector<std::string> changed_since_savepoint() const override {
    std::vector<std::string> keys;
    for (std::size_t i = savepoint_; i < log_.size(); ++i) {
      const auto& [key, before] = log_[i];
      const T* row = find(key);
      const bool same = row != nullptr && before ? encode_(*row) == encode_(*before) : !row && !before;
      if (!same) keys.push_back(prefix() + key);
    }
    return keys;
  }
  std::optional<std::string> load(std::span<store::Record> records) override {
    while (!records.empty()) {  // in parts, so that texts and rows are not there twice
      const auto part = records.first(std::min(records.size(), kRowsLoadedAtOnce));
      records = records.subspan(part.size());
      std::vector<T> rows(part.size());
      const auto bad = first_failure(part.size(), [&](std::size_t i) {
        const bool decoded = decode_(part[i].value, rows[i]);
        part[i].value = {};
        return decoded;
      });
      if (bad) return part[*bad].key;
      for (std::size_t i = 0; i < part.size(); ++i) {
        std::string key = part[i].key.substr(prefix().size());
        touch(key);
        rows_.insert_or_assign(rows_.end(), std::move(key), std::move(rows[i]));
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint64_t kPaused = std::numeric_limits<std::uint64_t>::max();

  // Notes the row when the change is over, also when it threw half-way.
  class Editing {
   public:
    Editing(Table& table, const std::string& key) : table_(table), key_(key) { table_.editing_ = true; }
    ~Editing() {
      table_.editing_ = false;
      table_.touch(key_);
    }
    Editing(const Editing&) = delete;
    Editing& operator=(const Editing&) = delete;

   private:
    Table& table_;
    const std::string& key_;
  };

  // Followers look at the row anew.
  void touch(const std::string& key) {
    const bool unread = std::all_of(cursors_.begin(), cursors_.end(),
                                    [this](std::uint64_t at) { return at < log_end_ || at == kPaused; });
    if (unread && !changed_.empty() && changed_.back() == key) return;
    ++log_end_;
    if (!cursors_.empty()) changed_.push_back(key);
  }
  // What the row was, for undo and collect.
  void remember(const std::string& key, const T* before) {
    BERTH_CHECK(!editing_, "a change of a row changes no other row of its table");
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
  bool editing_ = false;
  std::size_t savepoint_ = 0;
  BatchEnds batches_;  // in log_, those that are not durable yet
  // The change log: keys, the newest last, from the first one on that some reader has not taken.
  mutable std::deque<std::string> changed_;
  std::uint64_t log_end_ = 0;  // changes ever made
  mutable std::vector<std::uint64_t> cursors_;
};

}  // namespace agent::control
