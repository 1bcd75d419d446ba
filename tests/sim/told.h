// What balancers have told control of the health of targets, heard at control's door: the truth that the
// scheduler's decisions are judged by. It shares the messages' form with the product, nothing else.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "shared/lbconfig/feed.h"
#include "tests/sim/world.h"

namespace sim {

namespace lb = shared::lbconfig;

enum class Found { kHealthy, kUnknown, kUnhealthy };

class Told {
 public:
  // Control starts and knows nothing.
  void forget();
  void hear(std::uint64_t session, const std::string& text, SteadyTime now);
  // Control has noticed that the session is over.
  void left(std::uint64_t session);
  // The worst that those balancers found that are connected: their session is open and was not silent for too
  // long, which control may have noticed and not said yet. With none, the last word of each, which says
  // nothing against a target.
  Found found(const std::string& target_group, const std::string& registration, SteadyTime now) const;
  // Rises with everything that may change what `found` says.
  std::uint64_t generation() const { return generation_; }

 private:
  struct Balancer {
    std::uint64_t session = 0;  // the newest
    bool connected = false;
    SteadyTime heard{};
    std::uint64_t sequence = 0;  // of the last report, 0: the next one that counts is complete
    std::map<std::pair<std::string, std::string>, lb::Health> targets;  // by group and registration
  };
  Balancer* of(std::uint64_t session);
  std::map<std::string, Balancer> balancers_;  // by id
  std::uint64_t generation_ = 0;
};

}  // namespace sim
