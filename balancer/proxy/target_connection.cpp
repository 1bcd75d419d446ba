#include "balancer/proxy/target_connection.h"

#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/worker.h"
#include "shared/base/exhaustion.h"

namespace balancer::proxy {

WorkerTarget::WorkerTarget(Worker& w, std::shared_ptr<targets::TargetRuntime> r)
    : worker(w), runtime(std::move(r)) {
  cut.bind(this, [](void* self) {
    auto* target = static_cast<WorkerTarget*>(self);
    while (!target->busy.empty()) {
      TargetConnection* connection = target->busy.front();
      connection->owner()->on_target_cut();
      BERTH_CHECK(target->busy.front() != connection, "a cut exchange let go of its target");
    }
  });
}

WorkerTarget::~WorkerTarget() { worker.loop().timers().remove(cut); }

void WorkerTarget::stop_accepting(shared::SteadyTime cut_at) {
  accepting = false;
  close_idle();
  worker.loop().arm_at(cut, cut_at);
}

void WorkerTarget::close_idle() {
  while (!idle.empty()) idle.front()->close();
}

TargetConnection::TargetConnection(Worker& worker) : worker_(worker) {
  timer_.bind(this, [](void* self) { static_cast<TargetConnection*>(self)->on_timer(); });
}

TargetConnection* TargetConnection::reuse(WorkerTarget& target, ClientConnection& owner, Replay replay) {
  while (!target.idle.empty()) {
    TargetConnection& c = *target.idle.front();
    // A request that cannot be repeated is worth one look at whether the target has just closed.
    if (replay == Replay::kNever && loop::has_pending_input(c.stream.fd.get())) {
      c.close();
      continue;
    }
    target.idle.remove(c);
    target.busy.push_front(c);
    c.worker_.loop().timers().disarm(c.timer_);
    c.owner_ = &owner;
    c.state_ = State::kBusy;
    c.reused_ = true;
    c.worker_.target_counters().connections_reused.add();
    return &c;
  }
  return nullptr;
}

TargetConnection* TargetConnection::open(WorkerTarget& target, ClientConnection& owner, shared::Millis limit,
                                         ConnectFailure& failure) {
  Worker& worker = target.worker;
  worker.make_room_for_target();
  int error = 0;
  shared::UniqueFd fd = loop::start_connect(target.runtime->address, &error);
  if (!fd && shared::is_exhaustion(error) && worker.close_an_idle_target())
    fd = loop::start_connect(target.runtime->address, &error);
  if (!fd) {
    failure = shared::is_exhaustion(error) ? ConnectFailure::kNoDescriptor : ConnectFailure::kRefused;
    return nullptr;
  }
  TargetConnection& c = worker.new_target_connection();
  c.stream.fd = std::move(fd);
  const auto callback = [](void* self, loop::Ready ready) {
    static_cast<TargetConnection*>(self)->on_ready(ready);
  };
  if (!c.stream.watch.start(worker.loop(), c.stream.fd.get(), loop::FdWatch::Interest::kReadWrite, &c,
                            callback)) {
    c.stream.close(worker.buffers());
    worker.recycle(c);
    failure = ConnectFailure::kNoDescriptor;
    return nullptr;
  }
  c.target_ = &target;
  c.owner_ = &owner;
  c.state_ = State::kConnecting;
  c.reused_ = false;
  target.busy.push_front(c);
  worker.loop().arm(c.timer_, limit);
  worker.target_counters().connections_opened.add();
  worker.target_counters().connections_active.add();
  return &c;
}

void TargetConnection::keep() {
  const bool trusted = state_ == State::kBusy && target_->accepting && stream.in.empty() &&
                       stream.unsent() == 0 && !stream.fin && !stream.failed &&
                       target_->idle.size() < kMaxIdlePerTarget;
  if (!trusted) return close();
  stream.hold = false;
  stream.sent = 0;
  stream.out.clear();
  stream.release_buffers(worker_.buffers());
  target_->busy.remove(*this);
  target_->idle.push_front(*this);
  owner_ = nullptr;
  state_ = State::kIdle;
  worker_.loop().arm(timer_, kPoolIdle);
}

void TargetConnection::close() {
  if (state_ == State::kClosed) return;
  (state_ == State::kIdle ? target_->idle : target_->busy).remove(*this);
  worker_.loop().timers().disarm(timer_);
  stream.close(worker_.buffers());
  state_ = State::kClosed;
  owner_ = nullptr;
  target_ = nullptr;
  worker_.target_counters().connections_active.subtract();
  worker_.recycle(*this);
}

void TargetConnection::on_ready(loop::Ready ready) {
  stream.note(ready);
  switch (state_) {
    case State::kClosed:
      return;
    case State::kIdle:
      // Nothing may be said without a request: bytes or an end make it useless (a later request would read
      // them).
      if (stream.readable) close();
      return;
    case State::kConnecting: {
      if (!ready.writable && !ready.ended) return;
      if (loop::connect_error(stream.fd.get()) != 0)
        return owner_->on_connect_failed(ConnectFailure::kRefused);
      if (!ready.writable) return;
      worker_.loop().timers().disarm(timer_);
      state_ = State::kBusy;
      break;
    }
    case State::kBusy:
      break;
  }
  owner_->on_target_ready();
}

void TargetConnection::on_timer() {
  if (state_ == State::kConnecting) return owner_->on_connect_failed(ConnectFailure::kTimeout);
  if (state_ == State::kIdle) close();
}

}  // namespace balancer::proxy
