// Stickiness by source address: rendezvous hashing. A target that comes or goes moves the clients that are
// its own and no others. Pure. Thread: any.
#pragma once
#include <array>
#include <cstdint>

#include "balancer/sticky/value.h"

namespace balancer::proxy {

// The place of a target for a client: the highest score is first.
std::uint64_t source_score(const std::array<std::uint8_t, 16>& source, const sticky::Mark& target);

}  // namespace balancer::proxy
