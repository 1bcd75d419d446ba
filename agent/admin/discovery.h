// For Prometheus' http_sd: where the ports of running tasks are. JSON of the form that http_sd takes, a group
// for each port, with labels that relabelling can choose by:
//
//   __meta_berth_cluster, _service (may be empty), _family, _revision, _task, _container, _container_port,
//   _host, _zone; and each docker label of the container that begins with "prometheus", with what is no
//   letter or digit as _: prometheus.io/path is __meta_berth_label_prometheus_io_path
//
// Pure reads.
#pragma once
#include <string>

#include "agent/control/state/state.h"

namespace agent::admin {

inline constexpr std::size_t kMostLabels = 20;  // of a container
std::string discovery_json(const control::State& state);

}  // namespace agent::admin
