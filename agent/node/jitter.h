// Spreads in time what many nodes, or many tasks of one, would otherwise do at the same moment.
#pragma once
#include "shared/base/time.h"
#include "shared/env/random.h"

namespace agent::node {

// In [0, limit); 0 without a limit.
inline shared::Millis up_to(shared::env::Random& random, shared::Millis limit) {
  return shared::Millis(limit.count() > 0 ? random.below(static_cast<std::uint64_t>(limit.count())) : 0);
}

}  // namespace agent::node
