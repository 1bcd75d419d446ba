// The events of services, one row each. Row key: "<service key>/<number>", the number of 20 digits: it rises
// with every event of the service, so that the order of the keys is the order in which they happened.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/state.h"

namespace agent::control {

// Newest first. The pointers are good until an event of the service comes or goes.
std::vector<const model::ServiceEvent*> events_of(const State& state, const std::string& service_key);
// nullptr: there is none.
const model::ServiceEvent* newest_event(const State& state, const std::string& service_key);
// The oldest go when there are more than model::kMaxServiceEvents. The service's own row is not touched.
void append_event(State& state, const std::string& service_key, model::ServiceEvent event);
// Its service deployments and revisions.
void erase_history(State& state, const std::string& service_key);
void erase_events(State& state, const std::string& service_key);

}  // namespace agent::control
