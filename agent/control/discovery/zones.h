// The DNS namespaces with their instances as the DNS server answers from them.
#pragma once
#include <memory>

#include "agent/control/state/step.h"
#include "agent/dns/zones.h"

namespace agent::control::discovery {

// Two private namespaces of one name, in different VPCs, are one zone here: there is one network.
std::shared_ptr<const dns::Zones> build_zones(const State& state, std::uint32_t serial);

}  // namespace agent::control::discovery
