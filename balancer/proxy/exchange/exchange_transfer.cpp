// Both bodies of an exchange, and what happens when either side breaks.
#include <algorithm>

#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/target/target_connection.h"
#include "balancer/proxy/worker/token_keys.h"
#include "balancer/proxy/worker/worker.h"
#include "shared/base/check.h"

namespace balancer::proxy {

using codec::Transfer;

namespace {

constexpr std::size_t kWorthNoCopy = 4 * 1024;  // fewer bytes are copied behind what waits for the same write

// All of `in` is payload that goes on as it is, and together with what waits is worth a write of its own:
// taken by the reader, to be sent without a copy.
bool passes_whole(codec::BodyReader& reader, const codec::Buffer& in, const Stream& to,
                  codec::BodyForm form) {
  const std::size_t has = in.size();
  if (has < kWorthNoCopy || form != codec::BodyForm::kPlain || to.unsent() >= kMaxOut) return false;
  if (to.unsent() + has < kMaxOut && has != reader.expected()) return false;
  return reader.take_all(has);
}

}  // namespace

bool Exchange::run() {
  if (!watch_client()) return client_gone(), true;
  bool progress = false;
  if (target_ != nullptr) progress |= pump_request();
  if (phase_ == Phase::kRequest && target_ != nullptr && target_->connected()) progress |= pump_response();
  if (phase_ != Phase::kRequest) return true;
  if (in_->unsent() != 0) {
    bool moved = false;
    if (!flush_client(moved)) return true;
    progress |= moved && answer_ != Answer::kComplete;
  }
  if (answer_ == Answer::kComplete && in_->unsent() == 0) {
    finish();
    return true;
  }
  return progress;
}

// False: the client is gone, and with it the exchange.
bool Exchange::flush_client(bool& moved) {
  const std::size_t unsent = in_->unsent();
  if (!in_->flush()) return client_gone(), false;
  moved = in_->unsent() != unsent;
  if (moved) touch();
  return true;
}

// While the client has nothing to send that is wanted now, its end or reset is still noticed, and the next
// pipelined request is taken in as far as the buffer goes. False: the connection is broken.
bool Exchange::watch_client() {
  const bool waits = ticket_ != 0;  // what has come of its body then stays here
  if (!in_->readable || (!upload_done_ && !waits)) return !in_->failed;
  return in_->fill(worker_.buffers(), kBufferSize / 2) != Filled::kFailed;
}

// Without names that targets are told of TLS by.
std::string_view Exchange::request_trailers() {
  if (!client_->frames_bodies()) return request_body_.trailers();  // left out as they are read
  const std::string_view all = client_->request_trailers();
  if (all.empty() || now_ == nullptr || now_->tls_names.empty()) return all;
  kept_trailers_ = codec::without_trailers(all, now_->tls_names);
  return kept_trailers_;
}

void Exchange::upload_ended() {
  upload_done_ = true;
  if (target_->frames_bodies()) target_->write_trailers(request_trailers());
  target_->end_request();
}

// Moves what is there of the request body; true when something moved.
bool Exchange::pump_request() {
  bool progress = false;
  Stream& to = target_->stream();
  while (!upload_done_ && !upload_broken_) {
    if (passes_whole(request_body_, in_->in, to, request_form_)) {
      if (!send_request(&in_->in)) return true;
      progress = true;
      if (request_body_.done()) upload_ended();
      if (to.unsent() != 0) return progress;  // until the target has read
      continue;
    }
    const std::size_t before = in_->in.size();
    const Transfer moved = codec::transfer_body(request_body_, in_->in, to.out, request_form_, kMaxOut);
    progress |= in_->in.size() != before;
    if (moved == Transfer::kDone) {
      upload_ended();
      break;
    }
    if (moved == Transfer::kFailed) {
      if (answer_ == Answer::kAwaited) {
        answer_status(400, request_body_.problem(), EndedBy::kClient);
      } else {
        record_.reason = request_body_.problem();
        break_off(EndedBy::kClient, Cut::kIncomplete);
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
    if (in_->in.empty() && request_body_.expected() > kBufferSize) worker_.buffers().enlarge(in_->in);
    const std::uint64_t received = in_->received;
    const Filled filled = in_->fill(worker_.buffers(), kBufferSize / 2);
    if (filled == Filled::kBlocked) wait_for_body();
    if (filled == Filled::kBytes) pace_.came(in_->received - received, worker_.loop().now());
    if (filled == Filled::kEnded &&
        codec::finish_body(request_body_, to.out, request_form_, request_trailers()) == Transfer::kDone) {
      upload_ended();
      progress = true;
      break;
    }
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

// A call of gRPC may say little for long, and so may a client whose target answers already.
void Exchange::wait_for_body() {
  if (!paced_ || answer_ != Answer::kAwaited) return;
  pace_.wait(worker_.loop().now());
  worker_.loop().arm_at(timer_, std::min(timer_.deadline(), pace_.limit()));
}

// False: the target takes nothing more.
bool Exchange::send_request(codec::Buffer* more) {
  Stream& to = target_->stream();
  const std::size_t unsent = to.unsent() + (more != nullptr ? more->size() : 0);
  if (more != nullptr ? to.flush_with(*more) : to.flush()) {
    if (to.unsent() != unsent) touch();
    return true;
  }
  // It may have answered before it stopped listening: the answer decides.
  upload_broken_ = true;
  to.readable = true;
  return false;
}

bool Exchange::pump_response() {
  const Answer before = answer_;
  const std::size_t tries = tries_ + repeats_;
  // Another target side has the request to send now, and may be there already: nobody would report that.
  if (answer_ == Answer::kAwaited && !read_response_head())
    return answer_ != before || phase_ != Phase::kRequest || tries_ + repeats_ != tries;
  if (phase_ != Phase::kRequest) return true;
  const std::size_t waiting = in_->out.size();
  if (answer_ == Answer::kBody) read_response_body();
  return answer_ != before || phase_ != Phase::kRequest || in_->out.size() != waiting;
}

// False: no complete head yet, or the exchange took another way.
bool Exchange::read_response_head() {
  for (;;) {
    if (interims_seen_ && !room_for_interims()) return false;
    Stream& from = target_->stream();
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
        if (phase_ != Phase::kRequest || target_ == nullptr) return false;
        if (answer_ != Answer::kAwaited) return true;
        continue;
      }
    }
    if (out_of_turn()) return false;
    switch (from.fill_first(worker_.buffers(), codec::kMaxResponseHead + kMinRead)) {
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
bool Exchange::room_for_interims() {
  if (in_->unsent() < kMaxOut) return true;
  bool moved = false;
  return flush_client(moved) && in_->unsent() < kMaxOut;
}

void Exchange::take_interim() {
  const std::size_t size = response_parser_.head_bytes();
  if (!interims_seen_) interims_.reset();
  interims_seen_ = true;
  if (!interims_.take(size, worker_.loop().now())) {
    counters_->interim_floods.add();
    return target_broke("too_many_interim_responses");
  }
  if (plan_.kind == codec::ResponseKind::kInterimForward) {
    worker_.buffers().take(in_->out);
    client_->write_head(response_head_, plan_, facts_, {});
    counters_->interim_responses.add();
  }
  target_->stream().in.consume(size);
  response_parser_.reset();
  response_head_.clear();
}

void Exchange::take_response_head() {
  // Only the final head decides: an interim one may come while the client is still sending.
  if (response_head_.status >= 200) facts_.keep_alive = may_keep();
  plan_ = codec::plan_response(response_head_, facts_);
  if (target_->frames_bodies() && plan_.in.kind == codec::BodyFraming::Kind::kChunked)
    plan_.in = {codec::BodyFraming::Kind::kUntilClose, 0};
  if (client_->frames_bodies() && plan_.out.kind == codec::BodyFraming::Kind::kChunked)
    plan_.out = {codec::BodyFraming::Kind::kUntilClose, 0};
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
  Stream& from = target_->stream();
  worker_.buffers().take(in_->out);
  codec::ResponseRewrite rewrite;
  rewrite.date = worker_.date();
  rewrite.extra_fields = cookie_lines();
  rewrite.edits = &now_->edits;
  if (config_->groups[group_]->group->compression.enabled() && plan_.kind == codec::ResponseKind::kFinal)
    begin_encoding(rewrite);
  count_outcome(response_head_.status >= 500);
  client_->write_head(response_head_, plan_, facts_, rewrite);
  from.in.consume(response_parser_.head_bytes());
  const int status = response_head_.status;
  const auto took = worker_.loop().now() - dispatched_;
  TrafficCounters& counters = *counters_;
  const auto status_class = static_cast<std::size_t>(std::min(status / 100, 5));
  counters.target_classes[status_class].add();
  counters.target_latency.count(took);
  traffic_->classes[status_class].add();
  traffic_->response.count(took);
  traffic_ = nullptr;
  record_.elb_status = record_.target_status = status;
  if (record_.wanted) {
    record_.request_seconds = std::chrono::duration<double>(dispatched_ - started).count();
    record_.target_seconds = std::chrono::duration<double>(took).count();
    record_.response_seconds = 0;
  }
  if (plan_.kind == codec::ResponseKind::kUpgrade) {
    phase_ = Phase::kTunnel;
    record_.type = client_->peer().scheme == "https" ? "wss" : "ws";
    counters.upgrades.add();
    return;
  }
  keep_ = plan_.keep_client;
  answer_ = Answer::kBody;
  response_body_.start(plan_.in);
  if (response_body_.done()) response_complete();
}

// Nothing but payload follows, and enough of it.
bool Exchange::may_splice() {
  return plan_.in.kind == codec::BodyFraming::Kind::kLength && response_body_.expected() >= kSpliceFrom &&
         target_->stream().plain_descriptor() >= 0 && in_->plain_descriptor() >= 0;
}

// Whether the rest of the body goes through a pipe from now on: nothing of it is with us, and all before it
// was sent.
bool Exchange::begin_splice() {
  Stream& from = target_->stream();
  if (!may_splice() || !from.in.empty() || in_->unsent() != 0) return false;
  pipe_ = worker_.pipes().take();
  return pipe_ != nullptr;
}

// The pipe is filled when it is empty only, so that "would block" always means the socket.
void Exchange::splice_response_body() {
  Stream& from = target_->stream();
  for (;;) {
    if (pipe_->held == 0) {
      const std::uint64_t left = response_body_.expected();
      if (left == 0) {
        worker_.pipes().give(std::move(pipe_));
        return response_complete();
      }
      if (!from.readable || out_of_turn()) return;
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPipeBytes));
      const loop::IoResult got = loop::splice_some(from.plain_descriptor(), pipe_->write_end.get(), most);
      if (got.state == loop::Io::kBlocked) from.readable = false;
      if (got.state == loop::Io::kEnded || got.state == loop::Io::kFailed) return body_broke();
      if (got.state != loop::Io::kDone) return;
      pipe_->held = got.bytes;
      from.received += got.bytes;
      BERTH_CHECK(response_body_.take_all(got.bytes), "more was spliced than the body has");
    }
    if (!in_->writable) return;
    const loop::IoResult gave =
        loop::splice_some(pipe_->read_end.get(), in_->plain_descriptor(), pipe_->held);
    if (gave.state == loop::Io::kFailed || gave.state == loop::Io::kEnded) return client_gone();
    if (gave.state == loop::Io::kBlocked) {
      in_->writable = false;
      return;
    }
    pipe_->held -= gave.bytes;
    in_->delivered += gave.bytes;
    touch();
  }
}

// The head is with the client: all that is left is to end in a way it cannot take for complete.
void Exchange::body_broke() {
  record_.reason = "target_broke_in_body";
  in_->flush();
  break_off(EndedBy::kTarget, Cut::kIncomplete);
}

// Of an HTTP/1.1 client: those behind the body, where they are framed apart from it.
std::string_view Exchange::response_trailers() const {
  if (!target_->frames_bodies()) return response_body_.trailers();
  return facts_.takes_trailers ? target_->trailers() : std::string_view();
}

void Exchange::read_response_body() {
  if (encoder_ != nullptr) return encode_response_body();
  while (answer_ == Answer::kBody) {
    if (pipe_ != nullptr || begin_splice()) return splice_response_body();
    Stream& from = target_->stream();
    if (in_->unsent() != 0 && from.in.empty() && may_splice()) {
      bool some = false;
      if (!flush_client(some) || in_->unsent() != 0) return;
      continue;
    }
    if (passes_whole(response_body_, from.in, *in_, plan_.form())) {
      if (!in_->flush_with(from.in)) return client_gone();
      touch();
      if (response_body_.done()) return response_complete();
      if (in_->unsent() != 0) return;  // until the client has read
      continue;
    }
    Transfer moved = codec::transfer_body(response_body_, from.in, in_->out, plan_.form(), kMaxOut);
    if (moved == Transfer::kNeedInput) {
      if (out_of_turn()) return;
      if (from.in.empty() && response_body_.expected() > kBufferSize) worker_.buffers().enlarge(from.in);
      const Filled filled = from.fill(worker_.buffers(), kBufferSize);
      if (filled == Filled::kBytes) {
        touch();
        continue;
      }
      if (filled == Filled::kBlocked || filled == Filled::kFull) return;
      // A reset is no end: only FIN completes a body that is delimited by closing.
      moved = filled == Filled::kEnded
                  ? codec::finish_body(response_body_, in_->out, plan_.form(), response_trailers())
                  : Transfer::kFailed;
    }
    switch (moved) {
      case Transfer::kDone:
        response_complete();
        return;
      case Transfer::kOutFull: {
        bool some = false;
        if (!flush_client(some) || !some) return;
        continue;
      }
      case Transfer::kNeedInput:
      case Transfer::kFailed:
        return body_broke();
    }
  }
}

void Exchange::response_complete() {
  answer_ = Answer::kComplete;
  if (client_->frames_bodies())
    client_->write_trailers(target_->frames_bodies() ? target_->trailers() : response_body_.trailers());
  client_->end_response();
  if (!upload_done_) keep_ = false;
  TargetSide& side = *target_;
  detach();
  const bool reuse = plan_.reuse_target && upload_done_ && !upload_broken_ && !close_after_;
  if (reuse) {
    side.keep();
  } else {
    side.close();
  }
}

// The target closed or reset before a whole head was there.
void Exchange::on_target_end() {
  const bool silent = target_->stream().in.empty() && !interims_seen_;
  const bool again =
      silent && target_->reused() && replayable_ && repeats_ + 1 < kMaxTries && tries_ < kMaxTries;
  if (!again) {
    // Accepting and closing without a word is how a port forwarder stands in for a process that is gone.
    if (silent && !target_->reused()) worker_.suspect(target_->target());
    return target_broke(silent ? "target_closed" : "target_closed_in_head");
  }
  // It closed an idle connection just when we reused it (RFC 9112 section 9.3.1), or it has died: another
  // target is the better bet, a fresh connection to the same one the other.
  if (!may_try_again()) return target_broke("retry_budget_spent");
  ++repeats_;
  fresh_only_ = fresh_only_ || !target_->goes_on();
  deadline_connect_ = worker_.loop().now() + kConnectBudget;  // it may have been a while since the first try
  counters_->retries.add();
  WorkerTarget& same = target_->target();
  request_out_.swap(target_->stream().out);
  drop_target();
  WorkerGroup* group = group_in_force();
  if (group != nullptr && group->group->request_limit) {  // it may be another one's turn there
    if (try_target()) note_dispatched();
    return;
  }
  tried_[tries_++] = &same;
  if (group != nullptr) {
    const auto other = worker_.choose(*group, std::span(tried_.data(), tries_));
    if (other && attach(*other->target)) return;
  }
  if (same.accepting && attach(same)) return;
  try_target();
}

void Exchange::target_broke(std::string_view reason) {
  if (target_ != nullptr) count_outcome(true);
  answer_status(502, reason.empty() ? std::string_view("target_closed") : reason, EndedBy::kTarget);
}

// The client closed or reset while it was owed something.
void Exchange::client_gone() {
  if (answer_ == Answer::kAwaited) {
    const int status = upload_done_ ? 460 : 400;
    counters_->count_own(status, "client_closed");
    record_.elb_status = status;
  }
  record_.reason = "client_closed";
  break_off(EndedBy::kClient);
}

void Exchange::on_timeout() {
  if (waits_for_keys()) {
    worker_.token_keys().forget(*wait_);
    return on_keys({nullptr, jwt::Reason::kKeysTimeout});
  }
  if (phase_ == Phase::kTunnel) {
    record_.reason = "idle_timeout";
    return break_off(EndedBy::kBalancer);
  }
  if (in_->unsent() != 0 || (pipe_ != nullptr && pipe_->held != 0)) {
    record_.reason = "client_reads_too_slowly";
    return break_off(EndedBy::kClient, Cut::kReset);
  }
  if (ticket_ != 0) return on_turn_missed();
  if (answer_ == Answer::kAwaited && paced_ && !upload_done_ && pace_.over(worker_.loop().now())) {
    answer_status(408, "request_body_too_slow", EndedBy::kClient);
    return client_->advance();
  }
  if (answer_ == Answer::kAwaited) {
    const bool target_is_slow =
        target_ != nullptr && (!target_->connected() || target_->stream().unsent() != 0);
    if (!upload_done_ && !target_is_slow) {
      answer_status(408, "request_body_timeout", EndedBy::kClient);
    } else {
      answer_status(504, "response_timeout", EndedBy::kTarget);
    }
    return client_->advance();
  }
  record_.reason = "response_body_timeout";
  break_off(EndedBy::kTarget, Cut::kIncomplete);
}

}  // namespace balancer::proxy
