#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "agent/store/async_store.h"
#include "shared/base/check.h"

namespace agent::store {

using shared::Error;
using shared::Result;

namespace {

// The whole of a copy, or the next part of it: none while there is more.
std::optional<Result<void>> advance_copy(Store& store, const std::string& path,
                                         std::unique_ptr<StoreCopy>& copy) {
  if (!copy) {
    auto begun = store.copy_to(path);
    if (!begun) return std::move(begun).error();
    copy = *std::move(begun);
  }
  auto whole = copy->advance();
  if (!whole) return std::move(whole).error();
  if (!*whole) return std::nullopt;
  return Result<void>();
}

class ThreadedStore final : public AsyncStore {
 public:
  ThreadedStore(Store& store, shared::env::Executor& executor)
      : store_(store), executor_(executor), thread_([this] { run(); }) {}
  ~ThreadedStore() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  Result<std::vector<Record>> load() override { return store_.load(); }
  void commit(ChangeSet changes, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      BERTH_CHECK(!waiting_, "one commit at a time");
      waiting_.emplace(std::move(changes), std::move(done));
    }
    changed_.notify_one();
  }
  void copy_to(std::string path, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      if (copying_) return answer(std::move(done), Error("busy", "another copy is being made"));
      copying_.emplace(std::move(path), std::move(done));
    }
    changed_.notify_one();
  }

 private:
  using Job = std::pair<ChangeSet, Done>;
  using CopyJob = std::pair<std::string, Done>;

  // Commits first, a part of the copy when there is none.
  void run() {
    std::unique_ptr<StoreCopy> copy;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return waiting_ || copying_ || ending_; });
      if (waiting_) {
        Job job = *std::exchange(waiting_, std::nullopt);
        lock.unlock();
        answer(std::move(job.second), store_.commit(job.first));
        lock.lock();
        continue;
      }
      if (ending_) return;
      const std::string path = copying_->first;
      lock.unlock();
      auto done = advance_copy(store_, path, copy);
      if (done) copy.reset();
      lock.lock();
      if (done) answer(std::exchange(copying_, std::nullopt)->second, *std::move(done));
    }
  }

  void answer(Done done, Result<void> result) {
    executor_.post([lives = std::weak_ptr<char>(alive_), done = std::move(done), result = std::move(result)] {
      if (!lives.expired()) done(result);
    });
  }

  Store& store_;
  shared::env::Executor& executor_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();  // expires on the executor's thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Job> waiting_;
  std::optional<CopyJob> copying_;
  bool ending_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace

void DirectStore::copy_to(std::string path, Done done) {
  std::unique_ptr<StoreCopy> copy;
  for (;;) {
    if (auto result = advance_copy(store_, path, copy)) return done(*std::move(result));
  }
}

std::unique_ptr<AsyncStore> on_a_thread(Store& store, shared::env::Executor& executor) {
  return std::make_unique<ThreadedStore>(store, executor);
}

}  // namespace agent::store
