#include "balancer/loop/timer_wheel.h"

#include <algorithm>

namespace balancer::loop {

using shared::SteadyTime;

TimerNode::~TimerNode() {
  if (wheel_ != nullptr && previous_ != nullptr) wheel_->remove(*this);
}

TimerWheel::TimerWheel(SteadyTime start) : current_(tick_after(start)) {
  for (TimerNode& head : heads_) head.previous_ = head.next_ = &head;
}

std::int64_t TimerWheel::tick_after(SteadyTime t) {
  constexpr std::int64_t kNanos = std::chrono::nanoseconds(kTick).count();
  return (t.time_since_epoch().count() + kNanos - 1) / kNanos;
}

SteadyTime TimerWheel::next_tick() const { return SteadyTime(std::chrono::nanoseconds(kTick) * earliest_); }

void TimerWheel::arm(TimerNode& node, SteadyTime deadline) {
  node.deadline_ = deadline;
  const std::int64_t tick = std::clamp(tick_after(deadline), current_ + 1, current_ + kSlots - 1);
  if (node.previous_ != nullptr) {
    if (node.slot_tick_ <= tick) return;
    unlink(node);
  }
  link(node, tick);
}

void TimerWheel::remove(TimerNode& node) {
  node.deadline_ = TimerNode::kNever;
  if (node.previous_ != nullptr) unlink(node);
}

void TimerWheel::advance(SteadyTime now) {
  // A node due exactly at `now` has fired: its tick is the first one not before the deadline.
  constexpr std::int64_t kNanos = std::chrono::nanoseconds(kTick).count();
  const std::int64_t last = now.time_since_epoch().count() / kNanos;
  if (last - current_ >= kSlots) current_ = last - kSlots + 1;  // after a pause every slot is visited once
  while (current_ < last) {
    ++current_;
    TimerNode& head = heads_[static_cast<std::size_t>(current_ % kSlots)];
    // Firing may link further nodes, but never into the slot in hand (arm() starts at current_ + 1).
    while (head.next_ != &head) {
      TimerNode& node = *head.next_;
      unlink(node);
      if (node.deadline_ == TimerNode::kNever) continue;
      if (node.deadline_ > now) {
        arm(node, node.deadline_);
        continue;
      }
      node.deadline_ = TimerNode::kNever;
      node.fire_(node.owner_);
    }
  }
  if (earliest_ <= current_) find_earliest();
}

void TimerWheel::find_earliest() {
  earliest_ = kNoTick;
  for (std::int64_t tick = current_ + 1; linked_ != 0 && tick < current_ + kSlots; ++tick) {
    const TimerNode& head = heads_[static_cast<std::size_t>(tick % kSlots)];
    if (head.next_ == &head) continue;
    earliest_ = tick;
    return;
  }
}

void TimerWheel::link(TimerNode& node, std::int64_t tick) {
  TimerNode& head = heads_[static_cast<std::size_t>(tick % kSlots)];
  node.wheel_ = this;
  node.slot_tick_ = tick;
  node.previous_ = head.previous_;
  node.next_ = &head;
  head.previous_->next_ = &node;
  head.previous_ = &node;
  earliest_ = std::min(earliest_, tick);
  ++linked_;
}

void TimerWheel::unlink(TimerNode& node) {
  node.previous_->next_ = node.next_;
  node.next_->previous_ = node.previous_;
  node.previous_ = node.next_ = nullptr;
  --linked_;
}

}  // namespace balancer::loop
