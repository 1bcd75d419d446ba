// Coarse timers that cost a store per request. A node that is armed again for a later time is only
// relabelled; the wheel finds out when it reaches the node's old slot and moves it then. So "this connection
// was active, push its idle timeout" never touches a list. Fires late by up to one tick, never early. Pure:
// driven by advance(now), no clock. Thread: one. A node must be removed before it dies; its function may arm,
// disarm or remove any node.
#pragma once
#include <array>
#include <cstdint>
#include <limits>

#include "shared/base/time.h"

namespace balancer::loop {

class TimerWheel;

class TimerNode {
 public:
  using Fire = void (*)(void* owner);
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode();

  void bind(void* owner, Fire fire) { owner_ = owner, fire_ = fire; }
  bool armed() const { return deadline_ != kNever; }
  shared::SteadyTime deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  static constexpr shared::SteadyTime kNever = shared::SteadyTime::max();
  TimerNode* previous_ = nullptr;  // null: not linked
  TimerNode* next_ = nullptr;
  TimerWheel* wheel_ = nullptr;
  std::int64_t slot_tick_ = 0;  // the tick at which the wheel looks at this node
  shared::SteadyTime deadline_ = kNever;
  void* owner_ = nullptr;
  Fire fire_ = nullptr;
};

class TimerWheel {
 public:
  static constexpr shared::Millis kTick{20};
  static constexpr std::int64_t kSlots = 1024;  // horizon 20 s; later deadlines go round again

  explicit TimerWheel(shared::SteadyTime start);
  void arm(TimerNode& node, shared::SteadyTime deadline);
  void disarm(TimerNode& node) { node.deadline_ = TimerNode::kNever; }  // stays linked until its slot comes
  void remove(TimerNode& node);                                         // before the node dies or is recycled
  void advance(shared::SteadyTime now);
  bool empty() const { return linked_ == 0; }
  // When advance() has something to look at again; only meaningful unless empty(). May be too early after a
  // node was removed, never too late.
  shared::SteadyTime next_tick() const;

 private:
  static constexpr std::int64_t kNoTick = std::numeric_limits<std::int64_t>::max();
  static std::int64_t tick_after(shared::SteadyTime t);  // first tick not before t
  void link(TimerNode& node, std::int64_t tick);
  void unlink(TimerNode& node);
  void find_earliest();

  std::array<TimerNode, kSlots> heads_;  // circular lists
  std::int64_t current_ = 0;             // the last tick that was handled
  std::int64_t earliest_ = kNoTick;      // no node is linked before it
  std::size_t linked_ = 0;
};

}  // namespace balancer::loop
