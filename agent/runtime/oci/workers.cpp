#include "agent/runtime/oci/workers.h"

#include <algorithm>

namespace agent::runtime::oci {

Workers::Workers(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Workers::~Workers() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& each : threads_) each.join();
}

void Workers::add(std::string key, std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    waiting_.emplace_back(std::move(key), std::move(work));
  }
  changed_.notify_one();
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    // The first whose key is not being worked on; later work of that key is behind it.
    const auto ready = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const auto& each) { return !busy_.contains(each.first); });
    if (ready == waiting_.end()) {
      if (stopping_) return;
      changed_.wait(lock);
      continue;
    }
    auto [key, work] = std::move(*ready);
    waiting_.erase(ready);
    if (!key.empty()) busy_.insert(key);
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    busy_.erase(key);
    changed_.notify_all();
  }
}

}  // namespace agent::runtime::oci
