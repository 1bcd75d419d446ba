// The /metrics page: per-worker counters added up and written as Prometheus text. Names follow the
// AWS/ApplicationELB metrics of the same meaning. Reads atomics only. Thread: main.
#pragma once
#include <cstdint>
#include <string>

#include "balancer/feed/board.h"
#include "balancer/proxy/worker/fleet.h"
#include "balancer/proxy/worker/snapshot.h"

namespace balancer::admin {

struct MetricsSources {
  const proxy::Fleet& fleet;
  const proxy::StatsRegistry& stats;
  feed::TargetBoard& board;
  std::uint64_t config_version = 0;
  std::uint64_t control_version = 0;
  bool control_configured = false;
  bool control_connected = false;
  std::uint64_t dropped_log_bytes = 0;
  std::uint64_t dropped_log_lines = 0;
  bool each_target = false;  // samples of each target, of which there may be thousands
};

std::string metrics_text(const MetricsSources& sources);

}  // namespace balancer::admin
