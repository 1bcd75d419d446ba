#include "agent/logs/worker.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace agent::logs {

using shared::Result;

struct Worker::Impl {
  explicit Impl(std::unique_ptr<Store> given) : store(std::move(given)) {}

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return ending || !waiting.empty(); });
      if (ending) return;
      auto [job, done] = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      auto result = job(*store);
      executor->post(
          [lives = std::weak_ptr<char>(alive), done = std::move(done), result = std::move(result)]() mutable {
            if (!lives.expired()) done(std::move(result));
          });
      job = nullptr;
      lock.lock();
    }
  }

  std::unique_ptr<Store> store;
  shared::env::Executor* executor = nullptr;
  std::shared_ptr<char> alive = std::make_shared<char>();  // expires on the executor's thread
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<Job, Done>> waiting;
  bool ending = false;
  std::thread thread;
};

Worker::Worker(std::unique_ptr<Store> store, shared::env::Executor& executor)
    : impl_(std::make_shared<Impl>(std::move(store))), executor_(executor) {
  impl_->executor = &executor;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  timer_ = executor_.after(kSweepEvery, [this] { sweep(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->changed.notify_one();
  impl_->thread.join();
}

void Worker::run(Job job, Done done) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->waiting.size() < kMaxWaitingCalls) {
      impl_->waiting.emplace_back(std::move(job), std::move(done));
      done = nullptr;
    }
  }
  if (done) {
    return done(shared::Error("throttled",
                              "Rate exceeded: " + std::to_string(kMaxWaitingCalls) + " calls wait",
                              shared::Blame::kClient));
  }
  impl_->changed.notify_one();
}

void Worker::sweep() {
  const auto now = shared::epoch_millis(executor_.wall_now());
  run(
      [now](Store& store) -> Result<std::string> {
        const auto more = store.sweep(now);
        if (!more) return more.error();
        return std::string(*more ? "more" : "");
      },
      [this](const Result<std::string>& done) {
        timer_ = executor_.after(done && *done == "more" ? kSweepAgain : kSweepEvery, [this] { sweep(); });
      });
}

}  // namespace agent::logs
