// What control makes CloudWatch's metrics of: counters of listeners and target groups as differences, by the
// names of the metrics. Thread: main.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "balancer/proxy/worker/snapshot.h"
#include "balancer/targets/target.h"
#include "shared/lbconfig/feed.h"

namespace balancer::feed {

class FigureCounter {
 public:
  // Since the call before. `everything`: also of what had no traffic.
  shared::lbconfig::Figures since_last(const proxy::StatsRegistry* listeners,
                                       const std::vector<std::shared_ptr<const targets::Group>>& groups,
                                       bool everything);

 private:
  using Counts = std::map<std::string, std::uint64_t>;
  std::map<std::string, Counts> before_;  // totals, by "l" and the load balancer or "g" and the target group
};

}  // namespace balancer::feed
