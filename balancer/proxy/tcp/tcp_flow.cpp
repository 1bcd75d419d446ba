#include "balancer/proxy/tcp/tcp_flow.h"

#include <algorithm>

#include "balancer/proxy/tcp/source_hash.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/targets/health.h"

namespace balancer::proxy {

using shared::lbconfig::ProxyProtocol;

TcpFlow::TcpFlow(Worker& worker) : ClientConnection(worker) {
  timer_.bind(this, [](void* self) { static_cast<TcpFlow*>(self)->on_timer(); });
}

TcpFlow::~TcpFlow() { worker_.loop().timers().remove(timer_); }

TrafficCounters& TcpFlow::counters() { return stats_->per_worker[worker_.index()]; }

void TcpFlow::open(WorkerListener& listener, shared::UniqueFd fd, Peer peer, Told told) {
  enter(listener, std::move(peer));
  told_ = std::move(told);
  opened(stream_.open(worker_.loop(), std::move(fd), this,
                      [](void* self, loop::Ready ready) { static_cast<TcpFlow*>(self)->on_ready(ready); }));
}

void TcpFlow::open(WorkerListener& listener, std::unique_ptr<loop::Transport> transport, Peer peer,
                   Told told) {
  enter(listener, std::move(peer));
  told_ = std::move(told);
  opened(stream_.open(worker_.loop(), std::move(transport), this,
                      [](void* self, loop::Ready ready) { static_cast<TcpFlow*>(self)->on_ready(ready); }));
}

void TcpFlow::open(WorkerListener& listener, std::unique_ptr<tls::TlsTransport> transport, Peer peer,
                   Told told) {
  tls::TlsTransport* secured = transport.get();
  enter(listener, std::move(peer));
  told_ = std::move(told);
  tls_ = secured;
  opened(stream_.open(worker_.loop(), std::unique_ptr<loop::Transport>(std::move(transport)), this,
                      [](void* self, loop::Ready ready) { static_cast<TcpFlow*>(self)->on_ready(ready); }));
}

void TcpFlow::opened(shared::Result<void> watched) {
  tries_ = 0;
  counted_in_ = counted_out_ = 0;
  last_failure_ = ConnectFailure::kRefused;
  stream_.writable = true;
  stream_.doubt_short_reads();
  idle_timeout_ = listener_->current != nullptr ? listener_->current->options.idle_timeout
                                                : shared::lbconfig::kStreamIdleTimeout;
  phase_ = Phase::kConnecting;
  if (!watched) return close(Reset::kByUs);
  if (tls_ != nullptr) {
    phase_ = Phase::kHandshake;
    worker_.loop().arm(timer_, kHandshakeLimit);
    return;
  }
  deadline_connect_ = worker_.loop().now() + kConnectBudget;
  connect();
}

void TcpFlow::on_ready(loop::Ready ready) {
  stream_.note(ready);
  advance();
}

void TcpFlow::advance() {
  if (advancing_ || phase_ == Phase::kClosed) return;
  advancing_ = true;
  reads_left_ = kReadsPerTurn;
  if (phase_ == Phase::kHandshake) run_handshake();
  if (phase_ == Phase::kRelay) run_relay();
  advancing_ = false;
}

void TcpFlow::run_handshake() {
  switch (tls_->handshake()) {
    case loop::Io::kDone:
      break;
    case loop::Io::kBlocked:
      return;
    default:
      counters().tls_handshake_errors.add();
      return close(Reset::kNone);
  }
  counters().tls_handshakes.add();
  if (tls_->facts().resumed) counters().tls_resumed.add();
  stream_.readable = stream_.writable = true;
  worker_.loop().timers().disarm(timer_);
  phase_ = Phase::kConnecting;
  deadline_connect_ = worker_.loop().now() + kConnectBudget;
  connect();
}

// Finds a target and begins to connect, or refuses the client.
void TcpFlow::connect() {
  while (tries_ < kMaxTries) {
    const CompiledListener* listener = listener_->current;
    if (listener == nullptr || !shared::lbconfig::is_stream(listener->protocol)) break;  // another one by now
    // The default action, of which the only target group is the one.
    WorkerGroup& group = *worker_.current().groups[listener->action_groups.back().front()];
    const auto kept = kept_by_source(group);
    const auto chosen = worker_.choose(group, std::span(tried_.data(), tries_), kept ? &*kept : nullptr);
    if (!chosen) break;
    if (chosen->failed_open) counters().failed_open.add();
    if (tries_ != 0) counters().retries.add();
    if (try_target(*chosen->target)) return;
    if (last_failure_ == ConnectFailure::kNoDescriptor) break;
    note_not_connected(*chosen->target);
  }
  counters().flows_refused.add();
  close(Reset::kByUs);
}

// The same target for a client's address on every balancer and in every worker, as long as it is healthy:
// each target has a place of its own for each address, and the first of them in that order is taken.
std::optional<sticky::Mark> TcpFlow::kept_by_source(const WorkerGroup& group) const {
  if (!group.group->stickiness.enabled) return std::nullopt;
  const WorkerTarget* best = nullptr;
  std::uint64_t best_score = 0;
  bool best_routable = false;
  for (const WorkerTarget* target : group.targets) {
    if (std::find(tried_.begin(), tried_.begin() + static_cast<std::ptrdiff_t>(tries_), target) !=
        tried_.begin() + static_cast<std::ptrdiff_t>(tries_))
      continue;
    const bool routable = targets::is_routable(target->runtime->health.load(std::memory_order_acquire));
    const std::uint64_t score = source_score(peer_.source.bytes, target->mark);
    if (best != nullptr && (routable != best_routable ? best_routable : score <= best_score)) continue;
    best = target;
    best_score = score;
    best_routable = routable;
  }
  if (best == nullptr) return std::nullopt;
  return best->mark;
}

std::string TcpFlow::proxy_header(WorkerTarget& target) {
  const ProxyProtocol wanted = target.runtime->proxy_protocol;
  if (wanted == ProxyProtocol::kOff) return {};
  proxy_protocol::Addresses addresses;
  if (told_) {
    addresses = *told_;
  } else if (auto source = loop::make_address(peer_.ip, peer_.port)) {
    addresses = {*source, stream_.transport().local_address()};
  }
  return wanted == ProxyProtocol::kV1 ? proxy_protocol::write_v1(addresses)
                                      : proxy_protocol::write_v2(addresses);
}

// False: the kernel refused at once.
bool TcpFlow::try_target(WorkerTarget& target) {
  const auto left = std::chrono::duration_cast<shared::Millis>(deadline_connect_ - worker_.loop().now());
  const bool last = tries_ + 1 >= kMaxTries;
  const shared::Millis limit = std::max(shared::Millis(1), last ? left : std::min(left, kConnectTry));
  std::string header = proxy_header(target);
  // It comes before anything else, TLS included; without TLS it is sent with the first bytes.
  const bool before_tls = target.runtime->tls != nullptr && !header.empty();
  TargetConnection* side =
      TargetConnection::open(target, *this, limit, last_failure_, before_tls ? header : std::string());
  if (side == nullptr) return false;
  target_ = side;
  target.runtime->opened(worker_.index());
  if (!before_tls && !header.empty()) {
    worker_.buffers().take(side->stream().out);
    side->stream().out.append(header);
  }
  return true;
}

void TcpFlow::note_not_connected(WorkerTarget& target) {
  worker_.target_counters().connect_errors.add();
  target.runtime->count_outcome(worker_.index(), true);
  worker_.suspect(target);
  tried_[tries_++] = &target;
}

void TcpFlow::on_connect_failed(ConnectFailure failure) {
  WorkerTarget& failed = target_->target();
  detach();
  last_failure_ = failure;
  if (failure != ConnectFailure::kNoDescriptor) {
    note_not_connected(failed);
    return connect();
  }
  counters().flows_refused.add();
  close(Reset::kByUs);
}

void TcpFlow::on_target_ready() {
  if (phase_ == Phase::kConnecting && target_->connected()) {
    phase_ = Phase::kRelay;
    counters().flows_active.add();
    counters().flows.add();
    target_->target().runtime->count_outcome(worker_.index(), false);
    worker_.loop().arm(timer_, idle_timeout_);
  }
  advance();
}

void TcpFlow::run_relay() {
  Stream& target = target_->stream();
  bool moved = false;
  bool again = true;
  while (again) {
    again = false;
    for (const bool from_client : {true, false}) {
      Relay& relay = from_client ? up_ : down_;
      if (relay.over()) continue;
      Stream& from = from_client ? static_cast<Stream&>(stream_) : target;
      Stream& to = from_client ? target : static_cast<Stream&>(stream_);
      const Relay::Result result = relay.run(worker_, from, to, reads_left_);
      moved |= relay.moved();
      if (result == Relay::Result::kTurn) worker_.continue_later(*this);
      if (!judge(result, from_client)) return;
      // What the one who takes nothing any more has still said is passed on; then its reset shows.
      if (result == Relay::Result::kSinkFailed) {
        to.readable = true;
        again = true;
      }
    }
  }
  count_bytes();
  if (moved) worker_.loop().arm(timer_, idle_timeout_);
}

// False: the flow is over.
bool TcpFlow::judge(Relay::Result result, bool from_client) {
  switch (result) {
    case Relay::Result::kBlocked:
    case Relay::Result::kTurn:
      return true;
    case Relay::Result::kSourceFailed:
      close(from_client ? Reset::kByClient : Reset::kByTarget);
      return false;
    case Relay::Result::kSinkFailed:
      if (!(from_client ? down_ : up_).over()) return true;
      close(from_client ? Reset::kByTarget : Reset::kByClient);
      return false;
    case Relay::Result::kEnded:
      break;
  }
  if (!up_.over() || !down_.over()) return true;
  close(Reset::kNone);
  return false;
}

void TcpFlow::detach() {
  TargetConnection& side = *target_;
  target_ = nullptr;
  side.target().runtime->closed(worker_.index());
  side.close();
}

void TcpFlow::count_bytes() {
  counters().bytes_in.add(stream_.received - counted_in_);
  counters().bytes_out.add(stream_.delivered - counted_out_);
  counted_in_ = stream_.received;
  counted_out_ = stream_.delivered;
}

void TcpFlow::close(Reset reset) {
  if (phase_ == Phase::kClosed) return;
  count_bytes();
  if (reset == Reset::kByClient) counters().client_resets.add();
  if (reset == Reset::kByTarget) counters().target_resets.add();
  if (reset == Reset::kByUs) counters().own_resets.add();
  if (phase_ == Phase::kRelay) counters().flows_active.subtract();
  phase_ = Phase::kClosed;
  worker_.loop().timers().disarm(timer_);
  if (target_ != nullptr) {
    if (reset != Reset::kNone) target_->stream().reset();
    detach();
  }
  if (reset != Reset::kNone) stream_.reset();
  stream_.close(worker_.buffers());
  up_.reset(worker_.pipes());
  down_.reset(worker_.pipes());
  leave();
  worker_.recycle(*this);
}

void TcpFlow::on_target_cut() { close(Reset::kByUs); }

void TcpFlow::cut() { close(Reset::kByUs); }

void TcpFlow::reuse() {
  stream_.forget();
  tls_ = nullptr;
  told_.reset();
  peer_ = {};
  worker_.spare(*this);
}

// Nothing moved for too long, or the handshake did not end.
void TcpFlow::on_timer() {
  if (phase_ == Phase::kHandshake) counters().tls_handshake_errors.add();
  if (phase_ == Phase::kRelay) counters().flows_idled_out.add();
  close(Reset::kByUs);
}

}  // namespace balancer::proxy
