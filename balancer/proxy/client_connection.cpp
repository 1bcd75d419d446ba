#include "balancer/proxy/client_connection.h"

#include <algorithm>

#include "balancer/codec/chars.h"
#include "balancer/proxy/worker.h"

namespace balancer::proxy {

using codec::ParseState;

namespace {

// RFC 9110 section 9.2.2; TRACE is refused before.
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

}  // namespace

ClientConnection::ClientConnection(Worker& worker) : worker_(worker) {
  timer_.bind(this, [](void* self) { static_cast<ClientConnection*>(self)->on_timer(); });
}

void ClientConnection::open(WorkerListener& listener, loop::Accepted accepted) {
  listener_ = &listener;
  ++listener.connections;
  client_ip_ = accepted.peer.ip();
  client_port_ = accepted.peer.port();
  source_ = routing::parse_source(client_ip_).value_or(routing::SourceAddress{});
  accepted_ = worker_.loop().now();
  winding_down_ = false;
  phase_ = Phase::kIdle;
  client_.fd = std::move(accepted.fd);
  client_.writable = true;
  stats_ = listener.stats;
  counters_ = listener.counters;
  counters_->connections_opened.add();
  counters_->connections_active.add();
  const auto callback = [](void* self, loop::Ready ready) {
    static_cast<ClientConnection*>(self)->on_ready(ready);
  };
  if (!client_.watch.start(worker_.loop(), client_.fd.get(), loop::FdWatch::Interest::kReadWrite, this,
                           callback))
    return close(EndedBy::kBalancer);
  touch();
}

void ClientConnection::on_ready(loop::Ready ready) {
  client_.note(ready);
  advance();
}

void ClientConnection::touch() {
  const auto idle = listener_->current != nullptr ? listener_->current->options.idle_timeout : kLingerPause;
  worker_.loop().arm(timer_, idle);
}

// Within a head: no pause beyond the idle timeout, and no trickle beyond kHeadLimit.
void ClientConnection::touch_head() {
  touch();
  const shared::SteadyTime limit = started_ + kHeadLimit;
  if (timer_.deadline() > limit) worker_.loop().arm_at(timer_, limit);
}

void ClientConnection::advance() {
  if (phase_ == Phase::kClosed || advancing_) return;
  advancing_ = true;
  reads_left_ = kReadsPerTurn;
  while (phase_ != Phase::kClosed && step()) {
  }
  advancing_ = false;
}

bool ClientConnection::out_of_turn() {
  if (reads_left_-- > 0) return false;
  worker_.continue_later(*this);
  return true;
}

bool ClientConnection::step() {
  switch (phase_) {
    case Phase::kClosed:
      return false;
    case Phase::kIdle:
    case Phase::kHead:
      return read_head();
    case Phase::kExchange:
      return run_exchange();
    case Phase::kTunnel:
      return run_tunnel();
    case Phase::kLinger:
      return run_linger();
  }
  return false;
}

bool ClientConnection::read_head() {
  for (;;) {
    if (!client_.in.empty()) {
      if (phase_ == Phase::kIdle) {
        phase_ = Phase::kHead;
        parser_.reset();
        head_.clear();
        started_ = worker_.loop().now();
        touch_head();
      }
      const ParseState parsed = parser_.parse(client_.in.view(), head_);
      if (parsed != ParseState::kIncomplete) {
        begin_request(parsed);
        return true;
      }
    }
    if (out_of_turn()) return false;
    switch (client_.fill(worker_.buffers(), codec::kMaxRequestHeadBytes + kMinRead)) {
      case Filled::kBytes:
        if (phase_ == Phase::kHead) touch_head();
        continue;
      case Filled::kBlocked:
        if (phase_ == Phase::kIdle) client_.release_buffers(worker_.buffers());
        return false;
      case Filled::kEnded:
      case Filled::kFailed:
      case Filled::kFull:
        close(EndedBy::kClient);
        return false;
    }
  }
}

// A new listener may have taken over the address: its connections and requests are its own from now on.
void ClientConnection::follow_listener() {
  if (listener_->stats == stats_) return;
  counters_->connections_active.subtract();
  stats_ = listener_->stats;
  counters_ = listener_->counters;
  counters_->connections_active.add();
}

void ClientConnection::start_exchange() {
  phase_ = Phase::kExchange;
  follow_listener();
  config_ = &worker_.current();
  ++config_->users;
  now_ = listener_->current;
  answer_ = Answer::kAwaited;
  target_ = nullptr;
  tries_ = 0;
  interims_seen_ = false;
  fresh_only_ = close_after_ = upload_broken_ = keep_ = client_shut_ = target_shut_ = false;
  last_failure_ = ConnectFailure::kRefused;
  received_before_ = client_.received - client_.in.size();
  sent_before_ = client_.delivered;
  record_.wanted = worker_.logs_access() && now_ != nullptr && now_->options.access_log;
  record_.reason = {};
  record_.ended_by = EndedBy::kNobody;
  counters_->in_flight.add();
  touch();
}

void ClientConnection::begin_request(ParseState parsed) {
  start_exchange();
  using shared::lbconfig::DesyncMode;
  const codec::Judgement judgement =
      codec::judge(head_, now_ != nullptr ? now_->options.desync : DesyncMode::kDefensive);
  TrafficCounters& counters = *counters_;
  if (judgement.tier == codec::Tier::kAcceptable) counters.desync_acceptable.add();
  if (judgement.tier == codec::Tier::kAmbiguous) counters.desync_ambiguous.add();
  if (judgement.tier == codec::Tier::kSevere) counters.desync_severe.add();
  facts_ = codec::facts_of(head_);
  if (record_.wanted) note_request(judgement);

  if (judgement.verdict == codec::Verdict::kRefuse || parsed == ParseState::kError) {
    request_body_.start({});
    upload_done_ = false;  // what follows a refused head is never read as a request
    answer_refusal(judgement);
    client_.in.clear();
    return;
  }
  close_after_ = judgement.verdict == codec::Verdict::kPassAndClose;
  request_body_.start(head_.body);
  upload_done_ = request_body_.done();
  request_form_ = head_.body.kind == codec::BodyFraming::Kind::kChunked ? codec::BodyForm::kChunked
                                                                        : codec::BodyForm::kPlain;
  replayable_ = upload_done_ && is_idempotent(head_.method());
  if (now_ == nullptr) {
    answer_status(503, "listener_removed", EndedBy::kBalancer);
  } else {
    route_request();
  }
  client_.in.consume(parser_.head_bytes());
}

void ClientConnection::route_request() {
  codec::RequestRewrite rewrite;
  rewrite.listener_port = now_->port;
  rewrite.client_address = client_ip_;
  rewrite.client_port = client_port_;
  rewrite.default_host = default_host();
  rewrite.xff = now_->options.xff;
  rewrite.xff_client_port = now_->options.xff_client_port;
  rewrite.preserve_host = now_->options.preserve_host;
  rewrite.drop_invalid_headers = now_->options.drop_invalid_headers;
  rewrite.target = close_after_ ? codec::Persist::kClose : codec::Persist::kKeepAlive;

  routing::RequestFacts facts;
  facts.host = codec::routing_authority(head_, rewrite);
  facts.path = head_.path();
  facts.query = head_.query();
  facts.method = head_.method();
  facts.head = &head_;
  facts.source = source_;
  const routing::Match match = now_->routes.match(facts, worker_.scratch());
  if (record_.wanted) record_.rule_priority = match.priority;
  switch (match.action->type) {
    case shared::lbconfig::ActionType::kForward:
      forward(match, rewrite);
      break;
    case shared::lbconfig::ActionType::kFixedResponse:
      answer_fixed(match.action->fixed_response);
      break;
    case shared::lbconfig::ActionType::kRedirect:
      answer_redirect(match.action->redirect);
      break;
  }
}

// Whom a request without Host and authority (HTTP/1.0) is for.
std::string_view ClientConnection::default_host() {
  if (!now_->dns_name.empty() || !head_.authority().empty()) return now_->dns_name;
  const std::string ip = loop::local_address(client_.fd.get()).ip();
  std::string& text = worker_.text_space();
  text = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  return text;
}

void ClientConnection::note_request(const codec::Judgement& judgement) {
  record_.clear();
  record_.wanted = true;
  record_.created = worker_.loop().wall_now();
  record_.load_balancer = now_->load_balancer;
  record_.client = client_ip_ + ":" + std::to_string(client_port_);
  record_.tier = judgement.tier;
  record_.finding = judgement.reason;
  const std::string_view authority = head_.authority();
  std::string& line = record_.request;
  if (head_.method_slice.size == 0) {
    line = "- http://" + loop::to_string(now_->address) + "- -";
  } else {
    line.assign(head_.method());
    line += " http://";
    const auto split = codec::split_authority(authority);
    line.append(split.host.empty() ? std::string_view(now_->dns_name) : split.host);
    line += ":" + std::to_string(now_->port);
    if (head_.form == codec::TargetForm::kOrigin) {
      line.append(head_.target());
    } else {
      line.append(head_.path());
    }
    line += head_.http11 ? " HTTP/1.1" : " HTTP/1.0";
  }
  record_.user_agent.assign(head_.value(codec::FieldId::kUserAgent));
}

void ClientConnection::finish_exchange() {
  end_accounting();
  if (!keep_ || winding_down_ || worker_.draining()) {
    // Unread bytes at close() make the kernel send RST, which can overtake the answer.
    const bool quiet = upload_done_ && client_.in.empty() && (!client_.readable || client_.ended);
    if (quiet) return close(EndedBy::kNobody);
    return linger();
  }
  become_idle();
}

void ClientConnection::end_accounting() {
  TrafficCounters& counters = *counters_;
  counters.in_flight.subtract();
  const std::uint64_t received = client_.received - client_.in.size() - received_before_;
  const std::uint64_t sent = client_.delivered - sent_before_;
  counters.bytes_in.add(received);
  counters.bytes_out.add(sent);
  if (record_.wanted) {
    record_.received = received;
    record_.sent = sent;
    worker_.log(record_);
    record_.wanted = false;
  }
  worker_.buffers().give(request_out_);
  worker_.release(*config_);
  config_ = nullptr;
}

void ClientConnection::become_idle() {
  phase_ = Phase::kIdle;
  if (client_.in.empty()) client_.release_buffers(worker_.buffers());
  touch();
}

void ClientConnection::linger() {
  phase_ = Phase::kLinger;
  loop::shutdown_write(client_.fd.get());
  client_.in.clear();
  linger_until_ = worker_.loop().now() + kLingerTotal;
  worker_.loop().arm(timer_, kLingerPause);
}

bool ClientConnection::run_linger() {
  for (;;) {
    if (out_of_turn()) return false;
    switch (client_.fill(worker_.buffers(), kBufferSize)) {
      case Filled::kBytes:
        client_.in.clear();
        if (!winding_down_ && !worker_.draining())
          worker_.loop().arm_at(timer_, std::min(worker_.loop().now() + kLingerPause, linger_until_));
        continue;
      case Filled::kBlocked:
        return false;
      case Filled::kEnded:
      case Filled::kFailed:
      case Filled::kFull:
        close(EndedBy::kNobody);
        return false;
    }
  }
}

void ClientConnection::close(EndedBy by) {
  if (phase_ == Phase::kClosed) return;
  if (config_ != nullptr) {
    if (record_.ended_by == EndedBy::kNobody) record_.ended_by = by;
    drop_target();
    end_accounting();
  }
  phase_ = Phase::kClosed;
  worker_.loop().timers().disarm(timer_);
  client_.close(worker_.buffers());
  counters_->connections_active.subtract();
  --listener_->connections;
  worker_.recycle(*this);
}

void ClientConnection::wind_down() {
  winding_down_ = true;
  if (phase_ != Phase::kIdle) return;
  // A request that has arrived but was not looked at yet is still served.
  if (!loop::has_pending_input(client_.fd.get())) return close(EndedBy::kBalancer);
  serve_arrived();
}

void ClientConnection::serve_arrived() {
  if (phase_ != Phase::kIdle && phase_ != Phase::kHead) return;
  client_.readable = true;
  advance();
}

void ClientConnection::cut() {
  record_.reason = "drain_limit";
  close(EndedBy::kBalancer);
}

void ClientConnection::on_timer() {
  switch (phase_) {
    case Phase::kClosed:
      return;
    case Phase::kIdle:
    case Phase::kLinger:
      return close(EndedBy::kBalancer);
    case Phase::kHead:
      start_exchange();
      facts_ = codec::RequestFacts{};
      facts_.keep_alive = upload_done_ = false;
      if (record_.wanted) note_request(codec::Judgement{});  // what has arrived of it
      answer_status(408, "request_head_timeout", EndedBy::kClient);
      client_.in.clear();
      return advance();
    case Phase::kExchange:
      return on_exchange_timeout();
    case Phase::kTunnel:
      record_.reason = "idle_timeout";
      return close(EndedBy::kBalancer);
  }
}

}  // namespace balancer::proxy
