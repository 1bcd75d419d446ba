#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "agent/store/async_store.h"
#include "shared/base/check.h"

namespace agent::store {

using shared::Result;

namespace {

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

 private:
  using Job = std::pair<ChangeSet, Done>;

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return waiting_ || ending_; });
      if (!waiting_) return;
      Job job = *std::exchange(waiting_, std::nullopt);
      lock.unlock();
      answer(std::move(job.second), store_.commit(job.first));
      lock.lock();
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
  bool ending_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace

std::unique_ptr<AsyncStore> on_a_thread(Store& store, shared::env::Executor& executor) {
  return std::make_unique<ThreadedStore>(store, executor);
}

}  // namespace agent::store
