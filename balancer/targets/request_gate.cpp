#include "balancer/targets/request_gate.h"

#include <vector>

#include "balancer/targets/target.h"

namespace balancer::targets {

// With the lock: a keeper that leaves has taken back its tickets before.
void RequestGate::tell(const RequestLimiter::Granted& granted) {
  for (const Ticket ticket : granted) {
    const auto keeper = keepers_.find(ticket);
    keeper->second->let_in(ticket);
    keepers_.erase(keeper);
  }
}

void RequestGate::update(const Group& group) {
  std::lock_guard lock(mutex_);
  if (group.sequence < sequence_) return;
  sequence_ = group.sequence;
  std::vector<Candidate> candidates;
  candidates.reserve(group.active.size());
  for (const auto& target : group.active) candidates.push_back(target->candidate());
  const Rotation rotation = rotation_of(group.selection, candidates);
  std::vector<RequestLimiter::Member> members;
  members.reserve(group.active.size());
  for (std::size_t i = 0; i < group.active.size(); ++i)
    members.push_back({group.active[i].get(), rotation.has(candidates[i])});
  RequestLimiter::Settings settings;
  if (group.request_limit) {
    settings.per_target = static_cast<std::size_t>(group.request_limit->per_target);
    settings.queue = static_cast<std::size_t>(group.request_limit->queue);
  }
  if (group.hold_requests) settings.hold = static_cast<std::size_t>(group.hold_requests->requests);
  tell(limiter_.update(settings, members));
}

std::optional<RequestGate::Ticket> RequestGate::Open::wait(GateKeeper& keeper, Target only,
                                                           std::span<const Target> never) {
  const auto ticket = gate_.limiter_.wait(only, never);
  if (ticket) gate_.keepers_.emplace(*ticket, &keeper);
  return ticket;
}

void RequestGate::give_back(Target target) {
  std::lock_guard lock(mutex_);
  tell(limiter_.give_back(target));
}

std::optional<RequestGate::Target> RequestGate::collect(Ticket ticket) {
  std::lock_guard lock(mutex_);
  return limiter_.collect(ticket);
}

void RequestGate::leave(Ticket ticket) {
  std::lock_guard lock(mutex_);
  keepers_.erase(ticket);
  tell(limiter_.leave(ticket));
}

std::size_t RequestGate::waiting() const {
  std::lock_guard lock(mutex_);
  return limiter_.waiting();
}

}  // namespace balancer::targets
