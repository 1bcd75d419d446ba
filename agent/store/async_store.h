// A store as control's engine uses it: it hands over a change set, goes on deciding, and hears later that all
// of it is durable. One commit at a time: the next is handed over when the last has been answered.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/store/store.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"

namespace agent::store {

class AsyncStore {
 public:
  virtual ~AsyncStore() = default;
  // As Store::load(); before the first commit, and blocking.
  virtual shared::Result<std::vector<Record>> load() = 0;
  // As Store::commit(); `done` gets what that returns, on the caller's thread, and may be called before
  // commit() returns. When the store is destroyed meanwhile, the commit is carried out and `done` not called.
  using Done = std::function<void(shared::Result<void>)>;
  virtual void commit(ChangeSet changes, Done done) = 0;
  // As Store::copy_to(), the whole of it; commits do not wait for it. One at a time, a further one is the
  // error "busy". When the store is destroyed meanwhile, there is no copy and `done` is not called.
  virtual void copy_to(std::string path, Done done) = 0;
};

// Commits on a thread of its own, so that the executor's does not wait for the disk. `store` and `executor`
// outlive it; nobody else uses the store meanwhile.
std::unique_ptr<AsyncStore> on_a_thread(Store& store, shared::env::Executor& executor);

// Commits within commit(), for tests.
class DirectStore final : public AsyncStore {
 public:
  explicit DirectStore(Store& store) : store_(store) {}
  shared::Result<std::vector<Record>> load() override { return store_.load(); }
  void commit(ChangeSet changes, Done done) override { done(store_.commit(changes)); }
  void copy_to(std::string path, Done done) override;

 private:
  Store& store_;
};

}  // namespace agent::store
