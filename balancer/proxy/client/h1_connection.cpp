#include "balancer/proxy/client/h1_connection.h"

#include <algorithm>

#include "balancer/proxy/worker/worker.h"
#include "balancer/tls/client_certificate.h"

namespace balancer::proxy {

using codec::ParseState;

namespace {
constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 section 3.4
}

H1Connection::H1Connection(Worker& worker) : ClientConnection(worker) {
  timer_.bind(this, [](void* self) { static_cast<H1Connection*>(self)->on_timer(); });
}

H1Connection::~H1Connection() { worker_.loop().timers().remove(timer_); }

void H1Connection::open(WorkerListener& listener, shared::UniqueFd fd, Peer peer) {
  enter(listener, std::move(peer));
  opened(stream_.open(worker_.loop(), std::move(fd), this, [](void* self, loop::Ready ready) {
    static_cast<H1Connection*>(self)->on_ready(ready);
  }));
}

void H1Connection::open(WorkerListener& listener, std::unique_ptr<loop::Transport> transport, Peer peer) {
  enter(listener, std::move(peer));
  opened(stream_.open(worker_.loop(), std::move(transport), this, [](void* self, loop::Ready ready) {
    static_cast<H1Connection*>(self)->on_ready(ready);
  }));
}

void H1Connection::open(WorkerListener& listener, std::unique_ptr<tls::TlsTransport> transport, Peer peer) {
  tls::TlsTransport* secured = transport.get();
  open(listener, std::unique_ptr<loop::Transport>(std::move(transport)), std::move(peer));
  if (phase_ == Phase::kClosed) return;
  tls_ = secured;
  phase_ = Phase::kHandshake;
  worker_.loop().arm(timer_, kHandshakeLimit);
}

// As what the client is served: what was agreed on decides.
bool H1Connection::run_handshake() {
  TrafficCounters& counters = stats_->per_worker[worker_.index()];
  switch (tls_->handshake()) {
    case loop::Io::kDone:
      break;
    case loop::Io::kBlocked:
      return false;
    default:
      counters.tls_handshake_errors.add();
      return close(EndedBy::kClient), false;
  }
  counters.tls_handshakes.add();
  if (tls_->facts().resumed) counters.tls_resumed.add();
  note_tls();
  stream_.readable = stream_.writable = true;
  phase_ = Phase::kIdle;
  worker_.loop().arm(timer_, idle_limit());
  if (tls_->facts().application == "h2") return become_h2();
  first_ = false;  // no HTTP/2 that was not agreed on
  return true;
}

namespace {

void append_line(std::string& lines, std::string_view name, std::string_view value) {
  lines.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void H1Connection::note_tls() {
  const tls::Facts facts = tls_->facts();
  peer_.tls = std::make_unique<PeerTls>();
  peer_.tls->version = facts.version;
  peer_.tls->cipher = facts.cipher;
  peer_.tls->server_name = facts.server_name;
  peer_.tls->certificate = facts.certificate;
  std::string& lines = peer_.tls->request_fields;
  const CompiledListener* listener = listener_->current;
  if (listener == nullptr || listener->tls == nullptr) return;
  using shared::lbconfig::TlsHeaderNames;
  const auto tell = [&](std::string TlsHeaderNames::*what, std::string_view value) {
    for (const auto& header : shared::lbconfig::kTlsHeaders) {
      if (header.own != what) continue;
      const std::string& own = listener->options.tls_header_names.*what;
      append_line(lines, own.empty() ? header.standard : std::string_view(own), value);
    }
  };
  if (listener->options.tls_headers) {
    tell(&TlsHeaderNames::version, facts.version);
    tell(&TlsHeaderNames::cipher_suite, facts.cipher);
  }
  using shared::lbconfig::ClientCertificates;
  const auto mode = listener->tls->settings().tls.client.mode;
  if (mode == ClientCertificates::kOff) return;
  const auto shown = tls_->client_certificate();
  if (!shown) return;
  if (mode == ClientCertificates::kPassthrough) {
    tell(&TlsHeaderNames::certificate, tls::header_text_of_pem(shown->chain));
    return;
  }
  tell(&TlsHeaderNames::serial_number, shown->facts.serial);
  tell(&TlsHeaderNames::issuer, tls::header_text_of_name(shown->facts.issuer));
  tell(&TlsHeaderNames::subject, tls::header_text_of_name(shown->facts.subject));
  tell(&TlsHeaderNames::validity, tls::validity_text(shown->facts));
  tell(&TlsHeaderNames::leaf, tls::header_text_of_pem(shown->leaf));
}

void H1Connection::opened(shared::Result<void> watched) {
  phase_ = Phase::kIdle;
  tls_ = nullptr;
  first_ = true;
  stream_.writable = true;
  if (!watched) return close(EndedBy::kBalancer);
  worker_.loop().arm(timer_, idle_timeout());
}

void H1Connection::on_ready(loop::Ready ready) {
  stream_.note(ready);
  advance();
}

// Within a head: no pause beyond the idle timeout, and no trickle beyond kHeadLimit.
void H1Connection::touch_head() {
  worker_.loop().arm_at(timer_,
                        std::min(worker_.loop().now() + idle_timeout(), exchange_->started + kHeadLimit));
}

void H1Connection::advance() {
  if (phase_ == Phase::kClosed || advancing_) return;
  advancing_ = true;
  reads_left_ = kReadsPerTurn;
  if (exchange_ != nullptr) exchange_->new_turn();
  while (phase_ != Phase::kClosed && step()) {
  }
  advancing_ = false;
}

bool H1Connection::out_of_turn() {
  if (reads_left_-- > 0) return false;
  worker_.continue_later(*this);
  return true;
}

bool H1Connection::step() {
  switch (phase_) {
    case Phase::kClosed:
      return false;
    case Phase::kHandshake:
      return run_handshake();
    case Phase::kIdle:
    case Phase::kHead:
      return read_head();
    case Phase::kExchange:
      return exchange_->step();
    case Phase::kLinger:
      return run_linger();
    case Phase::kH2:
      return run_h2();
  }
  return false;
}

bool H1Connection::read_head() {
  for (;;) {
    const Preface preface = first_ ? look_for_preface() : Preface::kNone;
    if (preface == Preface::kWhole) return become_h2();
    if (!stream_.in.empty() && preface == Preface::kNone) {
      if (phase_ == Phase::kIdle) {
        first_ = false;
        phase_ = Phase::kHead;
        exchange_ = &worker_.new_exchange();
        exchange_->started = worker_.loop().now();
        touch_head();
      }
      const ParseState parsed = exchange_->parser.parse(stream_.in.view(), exchange_->head);
      if (parsed != ParseState::kIncomplete) {
        begin_request(parsed);
        return true;
      }
    }
    if (out_of_turn()) return false;
    switch (stream_.fill_first(worker_.buffers(), codec::kMaxRequestHeadBytes + kMinRead)) {
      case Filled::kBytes:
        if (phase_ == Phase::kHead) touch_head();
        continue;
      case Filled::kBlocked:
        if (phase_ == Phase::kIdle && stream_.in.empty()) stream_.release_buffers(worker_.buffers());
        return false;
      case Filled::kEnded:
      case Filled::kFailed:
      case Filled::kFull:
        close(EndedBy::kClient);
        return false;
    }
  }
}

void H1Connection::begin_request(ParseState parsed) {
  phase_ = Phase::kExchange;
  ends_by_closing_ = false;
  worker_.loop().timers().disarm(timer_);
  follow_listener();
  if (exchange_->begin(*this, stats_, parsed, exchange_->head.body)) {
    stream_.in.consume(exchange_->parser.head_bytes());
  } else {
    stream_.in.clear();
  }
}

void H1Connection::write_head(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                              const codec::RequestFacts& request, const codec::ResponseRewrite& rewrite) {
  ends_by_closing_ = plan.out.kind == codec::BodyFraming::Kind::kUntilClose;
  codec::write_response_head(stream_.out, head, plan, request, rewrite);
}

void H1Connection::write_own(const codec::OwnResponse& response) {
  codec::write_own_response(stream_.out, response);
}

void H1Connection::write_status_page(const codec::OwnResponse& response) {
  codec::write_status_page(stream_.out, response);
}

bool H1Connection::write_continue() {
  stream_.out.append(codec::kContinue);
  return true;
}

void H1Connection::let_go_of_exchange() {
  worker_.recycle(*exchange_);
  exchange_ = nullptr;
}

void H1Connection::on_served(Served how) {
  let_go_of_exchange();
  const bool stays = (!winding_down_ && !worker_.draining()) || worker_.handed_over();
  if (how.keep && stays) return become_idle();
  // Unread bytes at close() make the kernel send RST, which can overtake the answer.
  const bool quiet = how.upload_done && stream_.in.empty() && (!stream_.readable || stream_.ended);
  if (quiet) return close(EndedBy::kNobody);
  linger();
}

void H1Connection::on_broken(EndedBy by, Cut cut) {
  let_go_of_exchange();
  if (cut == Cut::kReset || (cut == Cut::kIncomplete && ends_by_closing_)) stream_.reset();
  close(by);
}

shared::Millis H1Connection::idle_limit() const {
  return worker_.handed_over() ? std::min(idle_timeout(), kHandedOverIdle) : idle_timeout();
}

void H1Connection::become_idle() {
  phase_ = Phase::kIdle;
  if (stream_.in.empty()) stream_.release_buffers(worker_.buffers());
  worker_.loop().arm(timer_, idle_limit());
}

void H1Connection::linger() {
  phase_ = Phase::kLinger;
  stream_.shutdown_write();
  stream_.in.clear();
  linger_until_ = worker_.loop().now() + kLingerTotal;
  worker_.loop().arm(timer_, kLingerPause);
}

bool H1Connection::run_linger() {
  for (;;) {
    if (out_of_turn()) return false;
    switch (stream_.fill(worker_.buffers(), kBufferSize)) {
      case Filled::kBytes:
        stream_.in.clear();
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

void H1Connection::close(EndedBy by) {
  if (phase_ == Phase::kClosed) return;
  if (exchange_ != nullptr) {
    exchange_->abandon(by);
    let_go_of_exchange();
  }
  if (h2_ != nullptr) h2_->cut({});
  phase_ = Phase::kClosed;
  worker_.loop().timers().disarm(timer_);
  stream_.close(worker_.buffers());
  leave();
  worker_.recycle(*this);
}

void H1Connection::reuse() {
  h2_.reset();
  stream_.forget();
  peer_ = {};
  worker_.spare(*this);
}

H1Connection::Preface H1Connection::look_for_preface() const {
  const std::string_view have = stream_.in.view().substr(0, kH2Preface.size());
  if (have.empty() || have != kH2Preface.substr(0, have.size())) return Preface::kNone;
  if (listener_->current == nullptr || !listener_->current->options.http2) return Preface::kNone;
  return have.size() == kH2Preface.size() ? Preface::kWhole : Preface::kPart;
}

bool H1Connection::become_h2() {
  auto made = H2Client::create(worker_, *this);
  if (!made) return close(EndedBy::kBalancer), false;
  h2_ = std::move(*made);
  in_header_block_ = h2_idle_ = false;
  h2_requests_ = h2_delivered_ = 0;
  phase_ = Phase::kH2;
  return true;
}

bool H1Connection::run_h2() {
  if (h2_->run()) worker_.continue_later(*this);
  return phase_ != Phase::kH2 && phase_ != Phase::kClosed;
}

void H1Connection::on_h2_turn() {
  const bool in_block = h2_->in_header_block();
  const bool idle = !h2_->serving();
  if (in_block) {
    if (!in_header_block_) worker_.loop().arm(timer_, kHeadLimit);
  } else if (!idle) {
    worker_.loop().timers().disarm(timer_);  // each exchange has its own
  } else if (!h2_idle_ || in_header_block_ || h2_->requests() != h2_requests_) {
    // Requests keep a connection, PING does not.
    worker_.loop().arm(timer_, h2_->going_away() ? kLingerPause : idle_timeout());
  }
  in_header_block_ = in_block;
  h2_idle_ = idle;
  h2_requests_ = h2_->requests();
}

void H1Connection::continue_h2_later() { worker_.continue_later(*this); }

const std::shared_ptr<ListenerStats>& H1Connection::stats_in_force() {
  follow_listener();
  return stats_;
}

void H1Connection::on_h2_over(EndedBy by) {
  const bool quiet = stream_.in.empty() && (!stream_.readable || stream_.ended);
  if (quiet) return close(by);
  h2_->cut({});
  linger();
}

void H1Connection::wind_down() {
  winding_down_ = true;
  if (phase_ == Phase::kH2) {
    h2_->go_away();
    if (phase_ != Phase::kH2 || h2_->serving()) return;
    h2_delivered_ = stream_.delivered;
    worker_.loop().arm(timer_, kLingerPause);  // for what is on its way here
    return;
  }
  if (worker_.handed_over()) {
    if (phase_ == Phase::kIdle)
      worker_.loop().arm_at(timer_, std::min(timer_.deadline(), worker_.loop().now() + kHandedOverIdle));
    return;
  }
  if (phase_ == Phase::kHandshake) return close(EndedBy::kBalancer);
  if (phase_ != Phase::kIdle) return;
  // A request that has arrived but was not looked at yet is still served.
  if (!stream_.has_pending_input()) return close(EndedBy::kBalancer);
  serve_arrived();
}

bool H1Connection::close_if_idle() {
  if (phase_ == Phase::kH2) {
    if (!h2_->leave_if_idle()) return false;
    close(EndedBy::kBalancer);
    return true;
  }
  if (phase_ != Phase::kIdle || first_ || stream_.has_pending_input()) return false;
  close(EndedBy::kBalancer);
  return true;
}

void H1Connection::serve_arrived() {
  if (phase_ != Phase::kIdle && phase_ != Phase::kHead && phase_ != Phase::kH2) return;
  stream_.readable = true;
  advance();
}

void H1Connection::cut() {
  if (h2_ != nullptr) h2_->cut("drain_limit");
  if (exchange_ != nullptr) {
    exchange_->abandon(EndedBy::kBalancer, "drain_limit");
    if (ends_by_closing_ && phase_ == Phase::kExchange) stream_.reset();
  }
  close(EndedBy::kBalancer);
}

void H1Connection::on_timer() {
  if (phase_ == Phase::kH2 && !h2_->in_header_block() &&
      (!h2_->going_away() || stream_.delivered != h2_delivered_)) {
    h2_delivered_ = stream_.delivered;
    worker_.loop().arm(timer_, idle_timeout());  // it may not even read that; or slowly what came before it
    return h2_->go_away();
  }
  if (phase_ == Phase::kIdle && worker_.handed_over() && stream_.has_pending_input()) return serve_arrived();
  if (phase_ != Phase::kHead) return close(EndedBy::kBalancer);
  phase_ = Phase::kExchange;
  ends_by_closing_ = false;
  follow_listener();
  exchange_->begin_unread(*this, stats_, 408, "request_head_timeout");
  stream_.in.clear();
  advance();
}

}  // namespace balancer::proxy
