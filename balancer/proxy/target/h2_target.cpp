#include "balancer/proxy/target/h2_target.h"

#include <algorithm>

#include "balancer/proxy/target/target_dial.h"
#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

namespace {
constexpr std::string_view kHeadEnd = "\r\n\r\n";
}

void H2TargetBytes::start(H2TargetStream& owner) {
  start_anew();
  owner_ = &owner;
  heads_ = 0;
}

void H2TargetBytes::finish(BufferPool& buffers) {
  in.clear();
  give_window();
  buffers.give(in);
  buffers.give(out);
  sent = 0;
  hold = false;
  owner_ = nullptr;
}

void H2TargetBytes::give_window() {
  if (owner_->connection() == nullptr) return;
  // Heads wait before the body and take no window.
  const std::uint64_t data = received - heads_;
  const std::size_t taken = newly_taken(data - std::min<std::uint64_t>(in.size(), data));
  if (taken == 0) return;
  owner_->connection()->session().consumed(owner_->id(), taken);
  write_later();
}

Filled H2TargetBytes::fill(BufferPool&, std::size_t) {
  if (take_fresh()) return Filled::kBytes;
  if (failed) return Filled::kFailed;
  give_window();
  return nothing_fresh();
}

void H2TargetBytes::head_arrived(std::string_view text, BufferPool& buffers) {
  arrived(text, buffers);
  heads_ += text.size();
}

bool H2TargetBytes::flush() {
  if (failed || owner_->connection() == nullptr) return false;
  if (unsent() == 0 || !owner_->connected()) return true;
  if (owner_->id() == 0) {
    if (owner_->submitted_) return owner_->refused_;
    owner_->submit();
    return true;
  }
  owner_->connection()->session().resume(owner_->id());
  write_later();
  return true;
}

void H2TargetBytes::write_later() { owner_->worker_.at_turn_end(*owner_->connection()); }

void H2TargetBytes::shutdown_write() {
  out_ends = true;
  (void)flush();
  if (owner_->id() == 0 || owner_->connection() == nullptr) return;
  owner_->connection()->session().resume(owner_->id());
  write_later();
}

void H2TargetBytes::reset() {
  if (owner_->id() != 0) owner_->connection()->session().reset(owner_->id(), h2::ErrorCode::kCancel);
}

H2TargetStream* H2TargetStream::open(WorkerTarget& target, TargetOwner& owner, H2Share share,
                                     shared::Millis limit, ConnectFailure& failure) {
  H2TargetConnection* connection = nullptr;
  for (const auto& each : target.h2) {
    if (each->has_room() && each->fits(share)) {
      connection = each.get();
      break;
    }
  }
  Worker& worker = target.worker;
  const bool reused = connection != nullptr && connection->connected();
  if (connection == nullptr) {
    failure = ConnectFailure::kRefused;
    if (target.h2.size() >= kMaxH2ConnectionsPerTarget) return nullptr;
    auto dialled = H2TargetConnection::dial(target, limit, failure);
    if (dialled == nullptr) return nullptr;
    connection = dialled.get();
    target.h2.push_back(std::move(dialled));
  }
  if (reused) worker.target_counters().connections_reused.add();
  H2TargetStream& stream = worker.new_h2_target_stream();
  stream.target_ = &target;
  stream.owner_ = &owner;
  stream.connection_ = connection;
  stream.id_ = 0;
  stream.reused_ = reused;
  stream.body_follows_ = stream.submitted_ = stream.refused_ = stream.waits = false;
  stream.trailers_.clear();
  stream.request_trailers_.clear();
  stream.bytes_.start(stream);
  connection->add(stream);
  return &stream;
}

// Or another stream came before it, while the connection was being made.
bool H2TargetStream::reused() const {
  return reused_ || (connection_ != nullptr && connection_->session().streams_total() > 1);
}

bool H2TargetStream::goes_on() const {
  return connection_ != nullptr && connection_->connected() && connection_->has_room();
}

// Also once the connection is gone: what it has said is to be read, and its end.
bool H2TargetStream::connected() const {
  return connection_ != nullptr && (connection_->connected() || bytes_.failed || bytes_.fin);
}

void H2TargetStream::submit() {
  const std::string_view text = bytes_.out.view();
  const std::size_t head = text.find(kHeadEnd) + kHeadEnd.size();
  const std::string_view scheme = target_->runtime->tls != nullptr ? "https" : "http";
  id_ = connection_->session().request(text.substr(0, head), scheme, !body_follows_, *this);
  submitted_ = true;
  if (id_ == 0) {
    refused_ = true;
    return connection_->wake(*this);
  }
  h2::Session::trailers(*this, request_trailers_);
  bytes_.delivered += head;
  if (bytes_.hold) {
    bytes_.sent = head;
  } else {
    bytes_.out.consume(head);
  }
  worker_.at_turn_end(*connection_);
}

void H2TargetStream::write_trailers(std::string_view lines) {
  if (submitted_) {
    h2::Session::trailers(*this, lines);
  } else {
    request_trailers_.assign(lines);
  }
}

void H2TargetStream::end_request() { bytes_.shutdown_write(); }

void H2TargetStream::close() {
  if (connection_ != nullptr) {
    if (id_ != 0) {
      connection_->session().forget(id_);  // it closes later, when this may serve another request
      connection_->session().reset(id_, h2::ErrorCode::kCancel);
    }
    worker_.at_turn_end(*connection_);
    connection_->remove(*this);
  }
  bytes_.finish(worker_.buffers());
  id_ = 0;
  connection_ = nullptr;
  owner_ = nullptr;
  worker_.spare(*this);
}

void H2TargetStream::on_head(std::string_view text, bool ended) {
  if (text.empty()) {  // larger than any may be
    bytes_.broken();
  } else {
    bytes_.head_arrived(text, worker_.buffers());
  }
  if (ended) bytes_.end_arrived();
  connection_->wake(*this);
}

void H2TargetStream::on_data(std::string_view bytes) {
  bytes_.arrived(bytes, worker_.buffers());
  connection_->wake(*this);
}

void H2TargetStream::on_end() {
  bytes_.end_arrived();
  connection_->wake(*this);
}

void H2TargetStream::on_closed(h2::ErrorCode) {
  id_ = 0;
  if (!bytes_.fin) bytes_.broken();
  connection_->wake(*this);
}

void H2TargetStream::on_taken(std::size_t bytes) {
  bytes_.delivered += bytes;
  connection_->wake(*this);
}

std::unique_ptr<H2TargetConnection> H2TargetConnection::dial(WorkerTarget& target, shared::Millis limit,
                                                             ConnectFailure& failure) {
  Worker& worker = target.worker;
  Dialled dialled = Dialled::to(target, failure);
  if (!dialled) return nullptr;
  failure = ConnectFailure::kNoDescriptor;
  std::unique_ptr<H2TargetConnection> made(new H2TargetConnection(worker, target));
  auto session = h2::Session::create(h2::Session::Role::kClient, *made);
  if (!session) return nullptr;
  made->session_ = std::move(*session);
  made->timer_.bind(made.get(), [](void* self) { static_cast<H2TargetConnection*>(self)->on_timer(); });
  const auto opened = std::move(dialled).open(
      worker.loop(), made->below_, made->tls_, made.get(),
      [](void* self, loop::Ready ready) { static_cast<H2TargetConnection*>(self)->on_ready(ready); });
  if (!opened) {
    made->below_.close(worker.buffers());
    made->state_ = State::kClosed;
    return nullptr;
  }
  made->below_.doubt_short_reads();
  worker.loop().arm(made->timer_, limit);
  worker.target_counters().connections_opened.add();
  worker.target_counters().connections_active.add();
  made->counted_ = true;
  return made;
}

H2TargetConnection::~H2TargetConnection() {
  close();
  worker_.loop().timers().remove(timer_);
  worker_.forget(static_cast<AtTurnEnd&>(*this));
  worker_.forget(static_cast<Resumable&>(*this));
}

bool H2TargetConnection::has_room() const {
  if (leaving_ || state_ == State::kClosed || session_->going_away()) return false;
  const std::size_t most = state_ == State::kOpen
                               ? std::min(kMaxStreamsToTarget, session_->peer_max_streams())
                               : kMaxStreamsToTarget;
  return streams_.size() < most;
}

bool H2TargetConnection::fits(H2Share share) {
  if (state_ != State::kOpen || share == H2Share::kAny) return true;
  return share == H2Share::kQuiet && !(unused() && below_.has_pending_input());
}

void H2TargetConnection::add(H2TargetStream& stream) {
  streams_.push_back(&stream);
  if (state_ == State::kOpen) worker_.loop().timers().disarm(timer_);
}

void H2TargetConnection::remove(H2TargetStream& stream) {
  std::erase(streams_, &stream);
  std::erase(waiting_, &stream);
  if (streams_.empty() && state_ == State::kOpen) worker_.loop().arm(timer_, kPoolIdle);
}

void H2TargetConnection::wake(H2TargetStream& stream) {
  if (stream.waits) return;
  stream.waits = true;
  waiting_.push_back(&stream);
  worker_.at_turn_end(*this);
}

void H2TargetConnection::connect_failed(ConnectFailure failure) {
  state_ = State::kClosed;
  worker_.at_turn_end(*this);
  while (!streams_.empty()) {
    H2TargetStream* stream = streams_.back();
    stream->owner()->on_connect_failed(failure);
    // It lets go of its stream at once.
    if (!streams_.empty() && streams_.back() == stream) stream->close();
  }
}

bool H2TargetConnection::take_connected() {
  state_ = State::kHandshake;
  const loop::Io done = shake_hands(below_, tls_);
  if (done == loop::Io::kBlocked) return false;
  const bool agreed = tls_ == nullptr || (done == loop::Io::kDone && tls_->facts().application == "h2");
  if (!agreed) {
    connect_failed(ConnectFailure::kHandshake);
    return false;
  }
  worker_.loop().timers().disarm(timer_);
  state_ = State::kOpen;
  if (streams_.empty()) worker_.loop().arm(timer_, kPoolIdle);  // who wanted it has left meanwhile
  for (H2TargetStream* stream : streams_) wake(*stream);
  return true;
}

void H2TargetConnection::on_ready(loop::Ready ready) {
  below_.note(ready);
  switch (state_) {
    case State::kClosed:
      return;
    case State::kConnecting:
      if (!ready.writable && !ready.ended) return;
      if (below_.connect_error() != 0) return connect_failed(ConnectFailure::kRefused);
      if (!ready.writable) return;
      [[fallthrough]];
    case State::kHandshake:
      if (!take_connected()) return;
      break;
    case State::kOpen:
      break;
  }
  read();
  worker_.at_turn_end(*this);
}

void H2TargetConnection::read() {
  for (int reads = 0; reads < kReadsPerTurn && state_ == State::kOpen; ++reads) {
    const Filled filled = below_.fill(worker_.buffers(), kBufferSize);
    if (filled == Filled::kBlocked || filled == Filled::kFull) return;
    const bool bytes = filled == Filled::kBytes;
    const bool goes_on = bytes && session_->receive(below_.in.view(), worker_.loop().now());
    below_.in.clear();
    if (!goes_on) return close();
    tell_owners();
  }
  if (state_ == State::kOpen) worker_.continue_later(*this);  // there may be more; the others have their turn
}

void H2TargetConnection::tell_owners() {
  while (!waiting_.empty()) {
    H2TargetStream* stream = waiting_.back();
    waiting_.pop_back();
    stream->waits = false;
    if (stream->owner() == nullptr) continue;
    if (stream->refused()) {
      stream->owner()->on_connect_failed(ConnectFailure::kRefused);
    } else {
      stream->owner()->on_target_ready();
    }
  }
}

void H2TargetConnection::write() {
  for (;;) {
    const std::size_t before = below_.out.size();
    if (before < kMaxOut) {
      worker_.buffers().take(below_.out);
      if (!session_->send(below_.out, kMaxOut)) return close();
    }
    const std::size_t held = below_.out.size();
    if (!below_.flush()) return close();
    tell_owners();
    if (state_ != State::kOpen || !below_.out.empty() || (held == before && held == below_.out.size()))
      return;
  }
}

void H2TargetConnection::advance() {
  if (state_ == State::kOpen) read();
  worker_.at_turn_end(*this);
}

void H2TargetConnection::turn_ends() {
  if (state_ == State::kOpen) tell_owners();
  if (state_ == State::kOpen) write();
  // We have said GOAWAY for a mistake of the target's: no stream gets an answer any more.
  if (state_ == State::kOpen && !session_->problem().empty()) close();
  if (state_ == State::kOpen && streams_.empty() && (leaving_ || session_->going_away())) close();
  if (state_ != State::kClosed || !streams_.empty()) return;
  // Nobody has it any more: this is its end.
  std::erase_if(target_.h2, [this](const auto& each) { return each.get() == this; });
}

void H2TargetConnection::close() {
  if (counted_) worker_.target_counters().connections_active.subtract();
  counted_ = false;
  state_ = State::kClosed;
  worker_.loop().timers().disarm(timer_);
  below_.close(worker_.buffers());
  for (H2TargetStream* stream : streams_) {
    if (!stream->bytes_.fin) stream->bytes_.broken();  // else its answer is whole
    stream->id_ = 0;
    wake(*stream);
  }
  tell_owners();
  worker_.at_turn_end(*this);
}

void H2TargetConnection::close_if_idle() {
  leaving_ = true;
  if (streams_.empty()) close();
}

void H2TargetConnection::cut() {
  while (!streams_.empty()) {
    H2TargetStream* stream = streams_.back();
    stream->owner()->on_target_cut();
    if (!streams_.empty() && streams_.back() == stream) stream->close();
  }
}

void H2TargetConnection::on_timer() {
  if (state_ == State::kConnecting || state_ == State::kHandshake)
    return connect_failed(ConnectFailure::kTimeout);
  close_if_idle();
}

}  // namespace balancer::proxy
