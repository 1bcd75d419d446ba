#include "balancer/proxy/target/target_dial.h"

#include "balancer/proxy/worker/worker.h"
#include "shared/base/exhaustion.h"

namespace balancer::proxy {

Dialled Dialled::to(WorkerTarget& target, ConnectFailure& failure) {
  Worker& worker = target.worker;
  Dialled out;
  int error = 0;
  const auto start = [&] {
    if (worker.dialler()) {
      out.other_ = worker.dialler()(target.runtime->address, &error);
    } else {
      out.socket_ = loop::start_connect(target.runtime->address, &error);
    }
    return static_cast<bool>(out);
  };
  worker.make_room_for_target();
  const bool started = start() || (shared::is_exhaustion(error) && worker.make_room() && start());
  if (!started) {
    failure = shared::is_exhaustion(error) ? ConnectFailure::kNoDescriptor : ConnectFailure::kRefused;
    return out;
  }
  if (out.other_ == nullptr) out.tls_ = target.runtime->tls;
  return out;
}

shared::Result<void> Dialled::open(loop::Loop& loop, TransportStream& stream, tls::TlsTransport*& secured,
                                   void* owner, loop::Transport::OnReady on_ready) && {
  secured = nullptr;
  if (other_ != nullptr) return stream.open(loop, std::move(other_), owner, on_ready);
  if (tls_ == nullptr) return stream.open(loop, std::move(socket_), owner, on_ready);
  std::unique_ptr<loop::Transport> under = std::make_unique<loop::SocketTransport>(std::move(socket_));
  if (!preface_.empty())
    under = std::make_unique<loop::PrefacedTransport>(std::move(under), std::move(preface_));
  auto over = std::make_unique<tls::TlsTransport>(std::move(tls_), std::move(under));
  secured = over.get();
  return stream.open(loop, std::unique_ptr<loop::Transport>(std::move(over)), owner, on_ready);
}

loop::Io shake_hands(TransportStream& stream, tls::TlsTransport* secured) {
  if (secured == nullptr) return loop::Io::kDone;
  const loop::Io done = secured->handshake();
  if (done == loop::Io::kDone) stream.readable = stream.writable = true;
  return done;
}

}  // namespace balancer::proxy
