// The host ports that this host's agent uses itself, which no task may get. Pure but for reading the kernel's
// range.
#pragma once
#include <cstdint>
#include <string>

#include "agent/node/settings.h"
#include "shared/base/result.h"

namespace agent::app {

// Adds to the reserved TCP ports what no setting can take out: the ECS agent's own ports (kAgentPorts), the
// port this agent listens on, and control's when it is dialled on this host (a loopback address, "localhost"
// or the node's own address).
void reserve_own_ports(node::NodeSettings& node, std::uint16_t listens_on, const std::string& control_url);

// "32768-60999". Errors name the text.
shared::Result<node::PortRange> parse_port_range(const std::string& text);
// The kernel's range of ephemeral ports, as the container engine takes it; docker's own where there is none.
node::PortRange kernel_port_range();

}  // namespace agent::app
