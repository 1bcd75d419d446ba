// Which of a target group's requests may go to which target now, where each target has so many at a time, and
// who waits for a turn meanwhile. Those who wait are one queue of the group, the first one first: whichever
// target is free takes the first request that it may serve, so that a request waits for no target that is
// gone. Pure: no clock, no lock (RequestGate has both a lock and those who are to be told).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace balancer::targets {

class RequestLimiter {
 public:
  using Target = const void*;  // who it is; only compared
  using Ticket = std::uint64_t;
  struct Member {
    Target target = nullptr;
    bool in_rotation = false;
  };
  struct Settings {
    std::size_t per_target = 0;  // 0: no limit
    std::size_t queue = 0;       // requests that wait at most
    std::size_t hold = 0;        // and while nobody is in rotation, where that is more
  };
  using Granted = std::vector<Ticket>;  // in the order in which they came

  // Who there is from now on. Targets that are not named get nothing more. Each call that makes room says
  // whom it let in.
  Granted update(Settings settings, std::span<const Member> members);

  bool has_room(Target target) const;  // whether it is in rotation is not asked
  void take(Target target);            // has_room() said so
  Granted give_back(Target target);

  // Waits behind the others. `only`: for this target, as long as it is in rotation; null: for any but
  // `never`. Nothing: as many wait as may: `queue`, or `hold` where that is more and nobody is in
  // rotation.
  std::optional<Ticket> wait(Target only, std::span<const Target> never);
  // The target that one who waited was let in to; it is taken. Once.
  std::optional<Target> collect(Ticket ticket);
  // Waits no more. What it was let in to and has not collected is given back.
  Granted leave(Ticket ticket);

  std::size_t waiting() const { return queue_.size(); }

 private:
  static constexpr std::size_t kMaxNever = 3;
  struct Slots {
    std::size_t used = 0;
    bool in_rotation = false;
    bool member = false;
  };
  struct Waiter {
    Target only = nullptr;
    Target never[kMaxNever] = {};
  };
  bool accepts(const Waiter& waiter, Target target) const;
  bool open(const Slots& slots) const;
  void let_in(Ticket ticket, Target target, Granted& granted);
  void fill(Target target, Granted& granted);

  Settings settings_;
  bool any_in_rotation_ = false;
  std::unordered_map<Target, Slots> slots_;
  std::map<Ticket, Waiter> queue_;  // in order
  std::unordered_map<Ticket, Target> uncollected_;
  Ticket last_ = 0;
};

}  // namespace balancer::targets
