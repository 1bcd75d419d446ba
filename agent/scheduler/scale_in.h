// Which tasks of a service go first when it shrinks, as ECS chooses: spread (and the default) takes from the
// zone, then the instance with most of its tasks; binpack from the instance that then has most free; random
// any. Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/model/service.h"
#include "shared/env/random.h"

namespace agent::scheduler {

struct RunningTask {
  std::string instance;
  std::string zone;
  std::int64_t free_cpu = 0;  // of its instance, now
  std::int64_t free_memory = 0;
  std::int64_t cpu = 0;  // what stopping it frees
  std::int64_t memory = 0;
};

// Indices of all the tasks, the one to stop first in front.
std::vector<std::size_t> scale_in_order(const std::vector<RunningTask>& tasks,
                                        const std::vector<model::PlacementStrategy>& strategies,
                                        shared::env::Random& random);

}  // namespace agent::scheduler
