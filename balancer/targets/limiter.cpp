#include "balancer/targets/limiter.h"

#include <algorithm>

#include "shared/base/check.h"

namespace balancer::targets {

bool RequestLimiter::has_room(Target target) const {
  if (settings_.per_target == 0) return true;
  const auto found = slots_.find(target);
  return found == slots_.end() || found->second.used < settings_.per_target;
}

bool RequestLimiter::open(const Slots& slots) const {
  return slots.member && slots.in_rotation &&
         (settings_.per_target == 0 || slots.used < settings_.per_target);
}

void RequestLimiter::take(Target target) { ++slots_[target].used; }

bool RequestLimiter::accepts(const Waiter& waiter, Target target) const {
  if (std::find(std::begin(waiter.never), std::end(waiter.never), target) != std::end(waiter.never))
    return false;
  if (waiter.only == nullptr || waiter.only == target) return true;
  const auto wanted = slots_.find(waiter.only);
  return wanted == slots_.end() || !wanted->second.member || !wanted->second.in_rotation;
}

void RequestLimiter::let_in(Ticket ticket, Target target, Granted& granted) {
  take(target);
  uncollected_.emplace(ticket, target);
  granted.push_back(ticket);
  queue_.erase(ticket);
}

// Lets in whom one target has room for.
void RequestLimiter::fill(Target target, Granted& granted) {
  const auto found = slots_.find(target);
  if (found == slots_.end()) return;
  for (auto it = queue_.begin(); it != queue_.end() && open(found->second);) {
    const auto [ticket, waiter] = *it++;
    if (accepts(waiter, target)) let_in(ticket, target, granted);
  }
}

RequestLimiter::Granted RequestLimiter::update(Settings settings, std::span<const Member> members) {
  settings_ = settings;
  any_in_rotation_ = false;
  for (auto& [target, slots] : slots_) slots.member = slots.in_rotation = false;
  for (const Member& member : members) {
    any_in_rotation_ = any_in_rotation_ || member.in_rotation;
    Slots& slots = slots_[member.target];
    slots.member = true;
    slots.in_rotation = member.in_rotation;
  }
  std::erase_if(slots_, [](const auto& each) { return !each.second.member && each.second.used == 0; });
  Granted granted;
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto [ticket, waiter] = *it++;
    // The one with the fewest requests; of equal ones the first of the group.
    Target best = nullptr;
    std::size_t fewest = 0;
    bool any = false;
    for (const Member& member : members) {
      const Slots& slots = slots_[member.target];
      if (!open(slots)) continue;
      any = true;
      if (!accepts(waiter, member.target) || (best != nullptr && slots.used >= fewest)) continue;
      best = member.target;
      fewest = slots.used;
    }
    if (best != nullptr) let_in(ticket, best, granted);
    if (!any) break;
  }
  return granted;
}

RequestLimiter::Granted RequestLimiter::give_back(Target target) {
  Granted granted;
  const auto found = slots_.find(target);
  BERTH_CHECK(found != slots_.end() && found->second.used != 0, "more was given back than was taken");
  --found->second.used;
  if (!found->second.member && found->second.used == 0) {
    slots_.erase(found);
  } else {
    fill(target, granted);
  }
  return granted;
}

std::optional<RequestLimiter::Ticket> RequestLimiter::wait(Target only, std::span<const Target> never) {
  const std::size_t most = any_in_rotation_ ? settings_.queue : std::max(settings_.queue, settings_.hold);
  if (queue_.size() >= most) return std::nullopt;
  Waiter waiter;
  waiter.only = only;
  BERTH_CHECK(never.size() <= kMaxNever, "more targets were tried than may be");
  std::copy(never.begin(), never.end(), std::begin(waiter.never));
  queue_.emplace(++last_, waiter);
  return last_;
}

std::optional<RequestLimiter::Target> RequestLimiter::collect(Ticket ticket) {
  const auto found = uncollected_.find(ticket);
  if (found == uncollected_.end()) return std::nullopt;
  const Target target = found->second;
  uncollected_.erase(found);
  return target;
}

RequestLimiter::Granted RequestLimiter::leave(Ticket ticket) {
  if (queue_.erase(ticket) != 0) return {};
  const auto target = collect(ticket);
  return target ? give_back(*target) : Granted();
}

}  // namespace balancer::targets
