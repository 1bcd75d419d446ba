#include "balancer/proxy/target/target_connection.h"

#include <algorithm>

#include "balancer/proxy/target/h2_target.h"
#include "balancer/proxy/target/target_dial.h"
#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

WorkerTarget::WorkerTarget(Worker& w, std::shared_ptr<targets::TargetRuntime> r)
    : worker(w), runtime(std::move(r)) {
  cut.bind(this, [](void* self) { static_cast<WorkerTarget*>(self)->cut_busy(); });
  readmission.bind(this, [](void* self) {
    auto* target = static_cast<WorkerTarget*>(self);
    target->worker.readmit(*target);
  });
}

void WorkerTarget::cut_busy() {
  while (!busy.empty()) {
    TargetConnection* connection = busy.front();
    connection->owner()->on_target_cut();
    BERTH_CHECK(busy.front() != connection, "a cut exchange let go of its target");
  }
  for (const auto& each : h2) each->cut();
}

WorkerTarget::~WorkerTarget() {
  worker.loop().timers().remove(cut);
  worker.loop().timers().remove(readmission);
}

void WorkerTarget::stop_accepting(shared::SteadyTime cut_at) {
  accepting = false;
  close_idle();
  if (cut_at == targets::kNeverCut) {
    worker.loop().timers().disarm(cut);
  } else {
    worker.loop().arm_at(cut, cut_at);
  }
}

void WorkerTarget::close_idle() {
  while (!idle.empty()) idle.front()->close();
  for (const auto& each : h2) each->close_if_idle();
}

bool WorkerTarget::unused() const {
  return busy.empty() && std::all_of(h2.begin(), h2.end(), [](const auto& each) { return each->unused(); });
}

TargetConnection::TargetConnection(Worker& worker) : worker_(worker) {
  timer_.bind(this, [](void* self) { static_cast<TargetConnection*>(self)->on_timer(); });
}

TargetConnection* TargetConnection::reuse(WorkerTarget& target, TargetOwner& owner, Replay replay) {
  while (!target.idle.empty()) {
    TargetConnection& c = *target.idle.front();
    // A request that cannot be repeated is worth one look at whether the target has just closed.
    if (replay == Replay::kNever && c.stream_.has_pending_input()) {
      c.close();
      continue;
    }
    target.idle.remove(c);
    target.busy.push_front(c);
    c.worker_.loop().timers().disarm(c.timer_);
    c.owner_ = &owner;
    c.state_ = State::kBusy;
    c.reused_ = true;
    // In the batch in which it became idle its report has been told, or was read away before it.
    const std::uint64_t batch = target.worker.loop().batch();
    c.batch_ = replay == Replay::kPossible && c.batch_ != batch ? batch : 0;
    c.worker_.target_counters().connections_reused.add();
    return &c;
  }
  return nullptr;
}

TargetConnection* TargetConnection::open(WorkerTarget& target, TargetOwner& owner, shared::Millis limit,
                                         ConnectFailure& failure, std::string preface) {
  Worker& worker = target.worker;
  Dialled dialled = Dialled::to(target, failure);
  if (!dialled) return nullptr;
  dialled.begin_with(std::move(preface));
  TargetConnection& c = worker.new_target_connection();
  const auto opened = std::move(dialled).open(
      worker.loop(), c.stream_, c.tls_, &c,
      [](void* self, loop::Ready ready) { static_cast<TargetConnection*>(self)->on_ready(ready); });
  if (!opened) {
    c.stream_.close(worker.buffers());
    worker.recycle(c);
    failure = ConnectFailure::kNoDescriptor;
    return nullptr;
  }
  c.stream_.doubt_short_reads();
  c.target_ = &target;
  c.owner_ = &owner;
  c.state_ = State::kConnecting;
  c.reused_ = false;
  c.batch_ = 0;
  target.busy.push_front(c);
  worker.loop().arm(c.timer_, limit);
  worker.target_counters().connections_opened.add();
  worker.target_counters().connections_active.add();
  return &c;
}

void TargetConnection::keep() {
  const bool trusted = state_ == State::kBusy && target_->accepting && stream_.in.empty() &&
                       stream_.unsent() == 0 && !stream_.fin && !stream_.failed &&
                       target_->idle.size() < kMaxIdlePerTarget;
  // Bytes behind the response would be taken for the next one's.
  if (!trusted || (stream_.readable && stream_.has_pending_input())) return close();
  stream_.readable = false;
  stream_.message_ended();
  stream_.hold = false;
  stream_.sent = 0;
  stream_.out.clear();
  stream_.release_buffers(worker_.buffers());
  target_->busy.remove(*this);
  target_->idle.push_front(*this);
  owner_ = nullptr;
  state_ = State::kIdle;
  batch_ = worker_.loop().batch();
  worker_.loop().arm(timer_, kPoolIdle);
}

void TargetConnection::close() {
  if (state_ == State::kClosed) return;
  (state_ == State::kIdle ? target_->idle : target_->busy).remove(*this);
  worker_.loop().timers().disarm(timer_);
  stream_.close(worker_.buffers());
  state_ = State::kClosed;
  owner_ = nullptr;
  target_ = nullptr;
  worker_.target_counters().connections_active.subtract();
  worker_.recycle(*this);
}

void TargetConnection::on_ready(loop::Ready ready) {
  stream_.note(ready);
  switch (state_) {
    case State::kClosed:
      return;
    case State::kIdle:
      if (stream_.readable) on_idle_bytes();
      return;
    case State::kConnecting:
      if (!ready.writable && !ready.ended) return;
      if (stream_.connect_error() != 0) return owner_->on_connect_failed(ConnectFailure::kRefused);
      if (!ready.writable) return;
      if (tls_ != nullptr) state_ = State::kHandshake;
      if (!take_connected()) return;
      break;
    case State::kHandshake:
      if (!take_connected()) return;
      break;
    case State::kBusy:
      // These bytes were there before the request was written: they are no answer to it.
      if (ready.readable && batch_ != 0 && batch_ == worker_.loop().batch()) stream_.distrust();
      break;
  }
  owner_->on_target_ready();
}

// The socket is connected. False: the handshake goes on, or has failed.
bool TargetConnection::take_connected() {
  const loop::Io done = shake_hands(stream_, tls_);
  if (done == loop::Io::kBlocked) return false;
  if (done != loop::Io::kDone) {
    owner_->on_connect_failed(ConnectFailure::kHandshake);
    return false;
  }
  worker_.loop().timers().disarm(timer_);
  state_ = State::kBusy;
  return true;
}

// Nothing may be said without a request: bytes or an end make it useless, as a later request would read them.
// What TLS says to itself, such as a ticket, is nothing of the kind.
void TargetConnection::on_idle_bytes() {
  if (tls_ == nullptr || stream_.fill(worker_.buffers(), kBufferSize) != Filled::kBlocked) return close();
  stream_.release_buffers(worker_.buffers());
}

void TargetConnection::on_timer() {
  if (state_ == State::kConnecting || state_ == State::kHandshake)
    return owner_->on_connect_failed(ConnectFailure::kTimeout);
  if (state_ == State::kIdle) close();
}

}  // namespace balancer::proxy
