// A store on a thread of its own, so that neither control's decisions nor its commits wait for lines. Calls
// are carried out in the order in which they come; a reading one waits for those before it.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/logs/store.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"

namespace agent::logs {

inline constexpr std::size_t kMaxWaitingCalls = 1'000;
inline constexpr shared::Millis kSweepEvery{60'000};
inline constexpr shared::Millis kSweepAgain{200};  // while there is more to delete

class Worker {
 public:
  // `executor` outlives it; everything but the jobs is on its thread.
  Worker(std::unique_ptr<Store> store, shared::env::Executor& executor);
  ~Worker();  // what is being done ends, what waits is dropped

  using Job = std::function<shared::Result<std::string>(Store&)>;
  using Done = std::function<void(shared::Result<std::string>)>;
  // `done` gets what `job` returned, or "throttled" at once when kMaxWaitingCalls wait.
  void run(Job job, Done done);

 private:
  void sweep();

  struct Impl;
  std::shared_ptr<Impl> impl_;
  shared::env::Executor& executor_;
  shared::env::Timer timer_;
};

}  // namespace agent::logs
