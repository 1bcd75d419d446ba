// One request through a target: choice and retries, both bodies, what happens when either side breaks.
#include <algorithm>

#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/worker.h"
#include "balancer/routing/action.h"

namespace balancer::proxy {

using codec::Transfer;

void ClientConnection::forward(const routing::Match& match, const codec::RequestRewrite& rewrite) {
  record_.action = "forward";
  const auto chosen = routing::choose_target_group(match.action->forward, worker_.random().next());
  if (!chosen) return answer_status(503, "no_target_group_weight", EndedBy::kBalancer);
  group_ = now_->action_groups[match.index][*chosen];
  const targets::Group& group = *config_->groups[group_]->group;
  if (record_.wanted) record_.target_group = group.id;

  codec::RequestRewrite options = rewrite;
  options.trace =
      codec::make_trace_stamp(worker_.epoch_seconds(), worker_.random().next(), worker_.random().next());
  if (record_.wanted) {
    record_.trace_id.assign(codec::trace_field(head_));
    record_.trace_id += options.trace.view();
  }
  worker_.buffers().take(request_out_);
  codec::write_request_head(request_out_, head_, options);
  deadline_connect_ = worker_.loop().now() + kConnectBudget;
  dispatched_ = worker_.loop().now();
  if (!try_target()) return;
  TrafficCounters& counters = *counters_;
  counters.requests.add();
  if (head_.expects_continue && facts_.http11 && !upload_done_) {
    worker_.buffers().take(client_.out);
    client_.out.append(codec::kContinue);
    facts_.continued = true;
  }
}

// After a configuration change only the new one says who may get a request.
WorkerGroup* ClientConnection::group_in_force() {
  WorkerGroup* group = config_->groups[group_].get();
  return config_ == &worker_.current() ? group : worker_.find_group(group->group->id);
}

// Finds a target for the bytes in request_out_, or answers. False: answered.
bool ClientConnection::try_target() {
  WorkerGroup* group = group_in_force();
  while (group != nullptr && tries_ < kMaxTries) {
    const auto chosen = worker_.choose(*group, std::span(tried_.data(), tries_));
    if (!chosen) break;
    if (chosen->failed_open) counters_->failed_open.add();
    if (tries_ != 0) counters_->retries.add();
    if (attach(*chosen->target)) return true;
    if (last_failure_ == ConnectFailure::kNoDescriptor) {
      answer_status(503, "out_of_descriptors", EndedBy::kBalancer);
      return false;
    }
    worker_.target_counters().connect_errors.add();
    worker_.suspect(*chosen->target);
    tried_[tries_++] = chosen->target;
  }
  if (tries_ == 0) {
    answer_status(503, "no_target", EndedBy::kBalancer);
  } else if (last_failure_ == ConnectFailure::kTimeout) {
    answer_status(504, "connect_timeout", EndedBy::kTarget);
  } else {
    answer_status(502, "connect_refused", EndedBy::kTarget);
  }
  return false;
}

bool ClientConnection::attach(WorkerTarget& target) {
  const shared::Millis left =
      std::chrono::duration_cast<shared::Millis>(deadline_connect_ - worker_.loop().now());
  const bool last = tries_ + 1 >= kMaxTries;
  TargetConnection* connection = nullptr;
  if (!fresh_only_)
    connection = TargetConnection::reuse(target, *this, replayable_ ? Replay::kPossible : Replay::kNever);
  if (connection == nullptr)
    connection = TargetConnection::open(
        target, *this, std::max(shared::Millis(1), last ? left : std::min(left, kConnectTry)), last_failure_);
  if (connection == nullptr) return false;
  target_ = connection;
  target.runtime->opened(worker_.index());
  Stream& stream = connection->stream;
  stream.out.swap(request_out_);
  worker_.buffers().give(request_out_);
  stream.sent = 0;
  stream.hold = replayable_;
  response_parser_.reset();
  response_head_.clear();
  if (record_.wanted) record_.target = loop::to_string(target.runtime->address);
  return true;
}

void ClientConnection::detach(TargetConnection& connection) {
  connection.target().runtime->closed(worker_.index());
  target_ = nullptr;
}

void ClientConnection::drop_target() {
  if (target_ == nullptr) return;
  TargetConnection& connection = *target_;
  detach(connection);
  connection.close();
}

void ClientConnection::on_connect_failed(ConnectFailure failure) {
  worker_.target_counters().connect_errors.add();
  WorkerTarget& failed = target_->target();
  request_out_.swap(target_->stream.out);
  drop_target();
  worker_.suspect(failed);
  tried_[tries_++] = &failed;
  last_failure_ = failure;
  // Nothing was sent, so any method may go to another target.
  try_target();
  advance();
}

void ClientConnection::on_target_cut() {
  if (phase_ == Phase::kExchange && answer_ == Answer::kAwaited) {
    answer_status(502, "deregistration_delay", EndedBy::kBalancer);
    return advance();
  }
  record_.reason = "deregistration_delay";
  close(EndedBy::kBalancer);
}

bool ClientConnection::run_exchange() {
  if (!watch_client()) return client_gone(), true;
  bool progress = false;
  if (target_ != nullptr) progress |= pump_request();
  if (phase_ == Phase::kExchange && target_ != nullptr && target_->connected()) progress |= pump_response();
  if (phase_ != Phase::kExchange) return true;
  const std::size_t unsent = client_.unsent();
  if (unsent != 0) {
    if (!client_.flush()) return client_gone(), true;
    if (client_.unsent() != unsent) {
      touch();
      progress |= answer_ != Answer::kComplete;
    }
  }
  if (answer_ == Answer::kComplete && client_.unsent() == 0) {
    finish_exchange();
    return true;
  }
  return progress;
}

// While the client has nothing to send that is wanted now, its end or reset is still noticed, and the next
// pipelined request is taken in as far as the buffer goes. False: the connection is broken.
bool ClientConnection::watch_client() {
  if (!client_.readable || !upload_done_) return !client_.failed;
  return client_.fill(worker_.buffers(), kBufferSize / 2) != Filled::kFailed;
}

// Moves what is there of the request body; true when something moved.
bool ClientConnection::pump_request() {
  bool progress = false;
  Stream& to = target_->stream;
  while (!upload_done_ && !upload_broken_) {
    const std::size_t before = client_.in.size();
    const Transfer moved = codec::transfer_body(request_body_, client_.in, to.out, request_form_, kMaxOut);
    progress |= client_.in.size() != before;
    if (moved == Transfer::kDone) {
      upload_done_ = true;
      break;
    }
    if (moved == Transfer::kFailed) {
      if (answer_ == Answer::kAwaited) {
        answer_status(400, request_body_.problem(), EndedBy::kClient);
      } else {
        record_.reason = request_body_.problem();
        close(EndedBy::kClient);
      }
      return true;
    }
    if (moved == Transfer::kOutFull) {
      const std::size_t unsent = to.unsent();
      if (!send_request()) return true;
      if (to.unsent() == unsent) return progress;
      progress = true;
      continue;
    }
    if (out_of_turn()) break;
    const Filled filled = client_.fill(worker_.buffers(), kBufferSize / 2);
    if (filled == Filled::kEnded || filled == Filled::kFailed) return client_gone(), true;
    if (filled != Filled::kBytes) break;
    touch();
    progress = true;
  }
  const std::size_t unsent = to.unsent();
  if (unsent != 0 && !upload_broken_) {
    if (!send_request()) return true;
    progress |= to.unsent() != unsent;
  }
  return progress;
}

// False: the target takes nothing more.
bool ClientConnection::send_request() {
  Stream& to = target_->stream;
  const std::size_t unsent = to.unsent();
  if (to.flush()) {
    if (to.unsent() != unsent) touch();
    return true;
  }
  // It may have answered before it stopped listening: the answer decides.
  upload_broken_ = true;
  to.readable = true;
  return false;
}

bool ClientConnection::pump_response() {
  const Answer before = answer_;
  if (answer_ == Answer::kAwaited && !read_response_head())
    return answer_ != before || phase_ != Phase::kExchange;
  if (phase_ != Phase::kExchange) return true;
  const std::size_t waiting = client_.out.size();
  if (answer_ == Answer::kBody) read_response_body();
  return answer_ != before || phase_ != Phase::kExchange || client_.out.size() != waiting;
}

// False: no complete head yet, or the exchange took another way.
bool ClientConnection::read_response_head() {
  for (;;) {
    if (interims_seen_ && !room_for_interims()) return false;
    Stream& from = target_->stream;
    if (!from.in.empty()) {
      if (from.hold) {  // a byte of an answer: never repeated from here on
        from.hold = false;
        from.out.consume(from.sent);
        from.sent = 0;
      }
      const codec::ParseState parsed = response_parser_.parse(from.in.view(), response_head_);
      if (parsed == codec::ParseState::kError) return target_broke(response_parser_.problem()), false;
      if (parsed == codec::ParseState::kComplete) {
        take_response_head();
        if (phase_ != Phase::kExchange || target_ == nullptr) return false;
        if (answer_ != Answer::kAwaited) return true;
        continue;
      }
    }
    if (out_of_turn()) return false;
    switch (from.fill(worker_.buffers(), codec::kMaxResponseHead + kMinRead)) {
      case Filled::kBytes:
        touch();
        continue;
      case Filled::kBlocked:
        return false;
      case Filled::kFull:
        return target_broke("response_head_too_long"), false;
      case Filled::kEnded:
      case Filled::kFailed:
        return on_target_end(), false;
    }
  }
}

// Interim responses wait in the kernel while the client does not read what it has been sent. False: not now.
bool ClientConnection::room_for_interims() {
  const std::size_t unsent = client_.unsent();
  if (unsent < kMaxOut) return true;
  if (!client_.flush()) return client_gone(), false;
  if (client_.unsent() != unsent) touch();
  return client_.unsent() < kMaxOut;
}

void ClientConnection::take_interim() {
  const std::size_t size = response_parser_.head_bytes();
  if (!interims_seen_) interims_.reset();
  interims_seen_ = true;
  if (!interims_.take(size, worker_.loop().now())) {
    counters_->interim_floods.add();
    return target_broke("too_many_interim_responses");
  }
  if (plan_.kind == codec::ResponseKind::kInterimForward) {
    worker_.buffers().take(client_.out);
    codec::write_response_head(client_.out, response_head_, plan_, facts_, {});
    counters_->interim_responses.add();
  }
  target_->stream.in.consume(size);
  response_parser_.reset();
  response_head_.clear();
}

void ClientConnection::take_response_head() {
  // Only the final head decides: an interim one may come while the client is still sending.
  if (response_head_.status >= 200) facts_.keep_alive = may_keep();
  plan_ = codec::plan_response(response_head_, facts_);
  switch (plan_.kind) {
    case codec::ResponseKind::kBad:
      return target_broke(plan_.problem);
    case codec::ResponseKind::kInterimForward:
    case codec::ResponseKind::kInterimDrop:
      return take_interim();
    case codec::ResponseKind::kUpgrade:
    case codec::ResponseKind::kFinal:
      break;
  }
  Stream& from = target_->stream;
  worker_.buffers().take(client_.out);
  codec::ResponseRewrite rewrite;
  rewrite.date = worker_.date();
  codec::write_response_head(client_.out, response_head_, plan_, facts_, rewrite);
  from.in.consume(response_parser_.head_bytes());
  const int status = response_head_.status;
  const auto took = worker_.loop().now() - dispatched_;
  TrafficCounters& counters = *counters_;
  counters.target_classes[static_cast<std::size_t>(std::min(status / 100, 5))].add();
  counters.count_latency(took);
  record_.elb_status = record_.target_status = status;
  if (record_.wanted) {
    record_.request_seconds = std::chrono::duration<double>(dispatched_ - started_).count();
    record_.target_seconds = std::chrono::duration<double>(took).count();
    record_.response_seconds = 0;
  }
  if (plan_.kind == codec::ResponseKind::kUpgrade) {
    phase_ = Phase::kTunnel;
    record_.type = "ws";
    counters.upgrades.add();
    return;
  }
  keep_ = plan_.keep_client;
  answer_ = Answer::kBody;
  response_body_.start(plan_.in);
  if (response_body_.done()) response_complete();
}

void ClientConnection::read_response_body() {
  while (answer_ == Answer::kBody) {
    Stream& from = target_->stream;
    Transfer moved = codec::transfer_body(response_body_, from.in, client_.out, plan_.form(), kMaxOut);
    if (moved == Transfer::kNeedInput) {
      if (out_of_turn()) return;
      const Filled filled = from.fill(worker_.buffers(), kBufferSize);
      if (filled == Filled::kBytes) {
        touch();
        continue;
      }
      if (filled == Filled::kBlocked || filled == Filled::kFull) return;
      // A reset is no end: only FIN completes a body that is delimited by closing.
      moved = filled == Filled::kEnded ? codec::finish_body(response_body_, client_.out, plan_.form())
                                       : Transfer::kFailed;
    }
    switch (moved) {
      case Transfer::kDone:
        response_complete();
        return;
      case Transfer::kOutFull: {
        const std::size_t unsent = client_.unsent();
        if (!client_.flush()) return client_gone();
        if (client_.unsent() == unsent) return;
        touch();
        continue;
      }
      case Transfer::kNeedInput:
      case Transfer::kFailed:
        // The head is with the client: all that is left is to end in a way it cannot take for complete.
        record_.reason = "target_broke_in_body";
        client_.flush();
        if (plan_.out.kind == codec::BodyFraming::Kind::kUntilClose) loop::reset_on_close(client_.fd.get());
        return close(EndedBy::kTarget);
    }
  }
}

void ClientConnection::response_complete() {
  answer_ = Answer::kComplete;
  if (!upload_done_) keep_ = false;
  TargetConnection& connection = *target_;
  detach(connection);
  const bool reuse = plan_.reuse_target && upload_done_ && !upload_broken_ && !close_after_;
  if (reuse) {
    connection.keep();
  } else {
    connection.close();
  }
}

// The target closed or reset before a whole head was there.
void ClientConnection::on_target_end() {
  const bool silent = target_->stream.in.empty() && !interims_seen_;
  const bool again = silent && target_->reused() && replayable_ && !fresh_only_ && tries_ < kMaxTries;
  if (!again) {
    // Accepting and closing without a word is how a port forwarder stands in for a process that is gone.
    if (silent && !target_->reused()) worker_.suspect(target_->target());
    return target_broke(silent ? "target_closed" : "target_closed_in_head");
  }
  // It closed an idle connection just when we reused it (RFC 9112 section 9.3.1), or it has died: another
  // target is the better bet, a fresh connection to the same one the other.
  fresh_only_ = true;
  deadline_connect_ = worker_.loop().now() + kConnectBudget;  // it may have been a while since the first try
  counters_->retries.add();
  WorkerTarget& same = target_->target();
  request_out_.swap(target_->stream.out);
  drop_target();
  tried_[tries_++] = &same;
  if (WorkerGroup* group = group_in_force(); group != nullptr) {
    const auto other = worker_.choose(*group, std::span(tried_.data(), tries_));
    if (other && attach(*other->target)) return;
  }
  if (same.accepting && attach(same)) return;
  try_target();
}

void ClientConnection::target_broke(std::string_view reason) {
  answer_status(502, reason.empty() ? std::string_view("target_closed") : reason, EndedBy::kTarget);
}

// The client closed or reset while it was owed something.
void ClientConnection::client_gone() {
  if (answer_ == Answer::kAwaited) {
    const int status = upload_done_ ? 460 : 400;
    counters_->count_own(status);
    record_.elb_status = status;
  }
  record_.reason = "client_closed";
  close(EndedBy::kClient);
}

void ClientConnection::on_exchange_timeout() {
  if (client_.unsent() != 0) {
    record_.reason = "client_reads_too_slowly";
    loop::reset_on_close(client_.fd.get());
    return close(EndedBy::kClient);
  }
  if (answer_ == Answer::kAwaited) {
    const bool target_is_slow =
        target_ != nullptr && (!target_->connected() || target_->stream.unsent() != 0);
    if (!upload_done_ && !target_is_slow) {
      answer_status(408, "request_body_timeout", EndedBy::kClient);
    } else {
      answer_status(504, "response_timeout", EndedBy::kTarget);
    }
    return advance();
  }
  record_.reason = "response_body_timeout";
  if (plan_.out.kind == codec::BodyFraming::Kind::kUntilClose) loop::reset_on_close(client_.fd.get());
  close(EndedBy::kTarget);
}

}  // namespace balancer::proxy
