// Takes host ports, so that nothing else on the host gets them while nftables sends them on. Blocking; any
// thread.
#pragma once
#include "agent/network/network.h"

namespace agent::network {

struct HeldPort {
  int port = 0;
  shared::UniqueFd socket;  // bound, and not listening: a packet that no rule takes is refused
};

inline constexpr int kChoices = 1'000;  // ports that are tried where the choice is ours

// Error "port_taken", in Docker's words; "network" for an address that is none of this host's.
shared::Result<HeldPort> hold_port(const PortWish& wish);

}  // namespace agent::network
