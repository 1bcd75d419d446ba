// A RequestLimiter that the workers share: requests of a target group are counted over all of them, and
// whoever lets one end may let in one of another worker. Only groups with a request_limit come here, each of
// whose requests takes the lock twice, and requests of groups that hold those that find no target. Thread:
// any.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>

#include "balancer/targets/limiter.h"

namespace balancer::targets {

struct Group;

// Is told that one who waited is let in. From any thread, also from inside of a call to the gate: takes a
// note and does the rest later.
class GateKeeper {
 public:
  virtual void let_in(std::uint64_t ticket) = 0;

 protected:
  ~GateKeeper() = default;
};

class RequestGate {
 public:
  using Target = RequestLimiter::Target;
  using Ticket = RequestLimiter::Ticket;

  // Members, their health and the limit are these now. Older groups than the last one are passed over.
  void update(const Group& group);
  // While it lives nobody else takes or gives back.
  class Open {
   public:
    explicit Open(RequestGate& gate) : lock_(gate.mutex_), gate_(gate) {}
    bool has_room(Target target) const { return gate_.limiter_.has_room(target); }
    void take(Target target) { gate_.limiter_.take(target); }
    std::optional<Ticket> wait(GateKeeper& keeper, Target only, std::span<const Target> never);

   private:
    std::unique_lock<std::mutex> lock_;
    RequestGate& gate_;
  };
  void give_back(Target target);
  std::optional<Target> collect(Ticket ticket);
  void leave(Ticket ticket);
  std::size_t waiting() const;

 private:
  void tell(const RequestLimiter::Granted& granted);

  mutable std::mutex mutex_;
  RequestLimiter limiter_;
  std::unordered_map<Ticket, GateKeeper*> keepers_;  // of those who wait
  std::uint64_t sequence_ = 0;                       // of the group that was told last
};

}  // namespace balancer::targets
