// What the admin pages look at, without a running balancer: an idle fleet, counters that a test sets by hand
// and a board of target groups.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "balancer/admin/metrics.h"
#include "balancer/targets/target.h"
#include "shared/httpd/io_loop.h"

namespace balancer::admin {

inline constexpr std::size_t kWorkers = 2;

struct Rig {
  Rig() {
    proxy::FleetOptions options;
    options.workers = kWorkers;
    fleet = proxy::Fleet::start(options).value();
  }

  proxy::TrafficCounters& counters(const std::string& listener, const std::string& load_balancer,
                                   std::size_t worker) {
    shared::lbconfig::Listener source;
    source.id = listener;
    source.load_balancer = load_balancer;
    return stats.of(source)->per_worker[worker];
  }

  // Puts the configuration's target groups on the board as the pipeline does.
  void show(const shared::lbconfig::Config& config) {
    targets::DrainTracker drains = board.drains();
    drains.on_config(config, loop.now());
    auto groups = registry.compile(config, drains).value();
    board.drains() = std::move(drains);
    board.on_applied(config.version, std::move(groups));
  }

  MetricsSources sources() { return {*fleet, stats, board, 7, 0, false, false, 0}; }

  shared::httpd::IoLoop loop;
  std::unique_ptr<proxy::Fleet> fleet;
  proxy::StatsRegistry stats{kWorkers};
  feed::TargetBoard board{loop};
  targets::Registry registry{kWorkers};
};

}  // namespace balancer::admin
