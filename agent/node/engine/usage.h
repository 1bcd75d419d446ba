// What running containers use, asked of the engine now and then. Thread: the executor's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/link/tcs.h"
#include "agent/node/engine/task_engine.h"
#include "agent/runtime/runtime.h"
#include "shared/env/executor.h"

namespace agent::node {

// The ECS agent measures each second and tells the averages of twenty; here a load is to be seen soon.
inline constexpr shared::Millis kUsageInterval{4'000};

// Has a container that uses something.
bool is_measured(const Task& task);

// Counters of a container at one moment.
struct UsageSample {
  double cpu_nanos = 0;  // since it began
  double memory = 0;     // MiB, without what the kernel would give back
};
// Out of the engine's answer. Nothing: it has none, as of a container that has just ended.
std::optional<UsageSample> usage_in(std::string_view stats);

class UsageSampler {
 public:
  // `tell` gets what is known of the tasks that run, at each interval. References outlive it.
  UsageSampler(shared::env::Executor& executor, runtime::Runtime& runtime, TaskEngine& engine,
               std::int64_t cpus, std::function<void(std::vector<link::TaskUsage>)> tell);
  void start();
  void stop();

 private:
  struct Known {
    std::optional<UsageSample> last;
    shared::SteadyTime at{};
    std::optional<link::ContainerUsage> usage;  // since the sample before
    bool asked = false;                         // the engine has not answered yet
  };
  void tick();
  void ask(const std::string& id, const Container& container);
  void answered(const std::string& id, const std::string& name, const shared::Result<std::string>& stats);

  shared::env::Executor& executor_;
  runtime::Runtime& runtime_;
  TaskEngine& engine_;
  const double cpus_;
  std::function<void(std::vector<link::TaskUsage>)> tell_;
  std::map<std::string, Known> known_;  // by the engine's id
  shared::env::Timer timer_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace agent::node
