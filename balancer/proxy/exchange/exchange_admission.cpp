// When a request may go to a target: whether its client may ask so often, whether it may be tried again, and
// its turn where each target has so many at a time.
#include <algorithm>

#include "balancer/codec/forwarded_for.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/routing/source.h"

namespace balancer::proxy {

// False: answered.
bool Exchange::within_rate() {
  const shared::lbconfig::RateLimit& rate = *now_->options.rate_limit;
  routing::SourceAddress client = client_->peer().source;
  if (rate.forwarded_for_hops != 0) {
    const auto told = routing::parse_source(codec::forwarded_for(head, rate.forwarded_for_hops));
    if (told) client = *told;
  }
  const auto wait = now_->rate_limiter->take(client, rate, worker_.loop().now());
  if (wait == std::chrono::nanoseconds(0)) return true;
  answer_rate_limited(wait);
  return false;
}

// Finds a target for the bytes in request_out_, waits for its turn, or answers. True: they go to one.
bool Exchange::try_target() {
  WorkerGroup* group = group_in_force();
  bool budget_spent = false;
  while (group != nullptr && tries_ < kMaxTries) {
    using State = Worker::Admission::State;
    const Worker::Admission admission =
        worker_.admit(*group, std::span(tried_.data(), tries_), kept_ ? &*kept_ : nullptr, *this);
    if (admission.state == State::kNobody) break;
    targets::GroupCounters& counters = group->group->runtime->counters;
    if (admission.state == State::kQueueFull) {
      auto& counter = admission.held ? counters.hold_full : counters.queue_full;
      counter.fetch_add(1, std::memory_order_relaxed);
      answer_status(503, admission.held ? "hold_queue_full" : "request_queue_full", EndedBy::kBalancer);
      return false;
    }
    if (group->group->request_limit || admission.state == State::kWaits) {
      gate_ = group->group->runtime;
      ticket_ = admission.ticket;
      if (admission.chosen.target != nullptr) place_ = admission.chosen.target->runtime.get();
    }
    if (tries_ != 0 && !may_try_again()) {
      leave_gate();
      budget_spent = true;
      break;
    }
    if (tries_ != 0) counters_->retries.add();
    if (admission.state == State::kWaits) {
      if (turn_limit_ == shared::SteadyTime()) {
        held_ = admission.held;
        turn_limit_ = worker_.loop().now() + (held_ ? group->group->hold_requests->wait_limit
                                                    : group->group->request_limit->wait_limit);
        (held_ ? counters.held : counters.queued).fetch_add(1, std::memory_order_relaxed);
      }
      worker_.loop().arm_at(timer_, turn_limit_);
      return false;
    }
    if (admission.chosen.failed_open) counters_->failed_open.add();
    WorkerTarget& target = *admission.chosen.target;
    if (attach(target)) return true;
    if (last_failure_ == ConnectFailure::kNoDescriptor) {
      answer_status(503, "out_of_descriptors", EndedBy::kBalancer);
      return false;
    }
    note_not_connected(target);
  }
  answer_unreachable(budget_spent);
  return false;
}

void Exchange::answer_unreachable(bool budget_spent) {
  const auto reason = [budget_spent](std::string_view otherwise) {
    return budget_spent ? std::string_view("retry_budget_spent") : otherwise;
  };
  if (tries_ == 0) {
    answer_status(503, "no_target", EndedBy::kBalancer);
  } else if (last_failure_ == ConnectFailure::kTimeout) {
    answer_status(504, reason("connect_timeout"), EndedBy::kTarget);
  } else if (last_failure_ == ConnectFailure::kHandshake) {
    answer_status(502, reason("tls_handshake_failed"), EndedBy::kTarget);
  } else {
    answer_status(502, reason("connect_refused"), EndedBy::kTarget);
  }
}

// One of the group's retries is taken where they are counted.
bool Exchange::may_try_again() {
  const targets::Group& group = *config_->groups[group_]->group;
  if (!group.retry_budget) return true;
  std::lock_guard lock(group.runtime->mutex);
  const bool may = group.runtime->budget.take(*group.retry_budget, worker_.loop().now());
  auto& counter = may ? group.runtime->counters.retries : group.runtime->counters.retries_denied;
  counter.fetch_add(1, std::memory_order_relaxed);
  return may;
}

void Exchange::let_in(std::uint64_t ticket) {
  worker_.loop().post([this, ticket] { on_turn(ticket); });
}

void Exchange::on_turn(targets::RequestGate::Ticket ticket) {
  if (ticket_ == 0 || ticket_ != ticket) return;  // it did not wait so long
  const auto place = gate_->gate.collect(ticket);
  if (!place) return;
  ticket_ = 0;
  place_ = *place;
  touch();
  deadline_connect_ = worker_.loop().now() + kConnectBudget;
  dispatched_ = worker_.loop().now();
  WorkerTarget* target = worker_.find_target(*place);
  bool goes = false;
  if (target == nullptr || !target->accepting) {
    leave_gate();  // this worker's configuration is another one than the gate's, for a moment
    goes = try_target();
  } else if (attach(*target)) {
    goes = true;
  } else if (last_failure_ == ConnectFailure::kNoDescriptor) {
    answer_status(503, "out_of_descriptors", EndedBy::kBalancer);
  } else {
    note_not_connected(*target);
    goes = try_target();
  }
  if (goes) note_dispatched();
  client_->advance();
}

void Exchange::on_turn_missed() {
  targets::GroupCounters& counters = gate_->counters;
  (held_ ? counters.hold_timeouts : counters.queue_timeouts).fetch_add(1, std::memory_order_relaxed);
  answer_status(503, held_ ? "hold_timeout" : "request_queue_timeout", EndedBy::kBalancer);
  client_->advance();
}

// Waits no more, or makes room for who does.
void Exchange::leave_gate() {
  if (gate_ == nullptr) return;
  if (ticket_ != 0) gate_->gate.leave(ticket_);
  if (place_ != nullptr) gate_->gate.give_back(place_);
  ticket_ = 0;
  place_ = nullptr;
  gate_.reset();
}

}  // namespace balancer::proxy
