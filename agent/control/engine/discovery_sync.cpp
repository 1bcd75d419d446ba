#include "agent/control/engine/discovery_sync.h"

#include "agent/control/discovery/zones.h"

namespace agent::control {

DiscoverySync::DiscoverySync(State& state)
    : namespaces_(state.neighbours().namespaces.follow()),
      services_(state.neighbours().discovery_services.follow()),
      instances_(state.neighbours().discovery_instances.follow()) {}

void DiscoverySync::flush(const State& state, Outbox& messages) {
  const Neighbours& tables = state.neighbours();
  const bool spaces = !tables.namespaces.take_changes(namespaces_).empty();
  const bool services = !tables.discovery_services.take_changes(services_).empty();
  const bool instances = !tables.discovery_instances.take_changes(instances_).empty();
  if (!take_ || (made_ && !spaces && !services && !instances)) return;
  made_ = true;
  messages.run([this, zones = discovery::build_zones(state, ++serial_)] { take_(zones); },
               [this] { made_ = false; });
}

}  // namespace agent::control
