// An upgraded connection: bytes both ways, each direction bounded, each end passed on by itself.
#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/worker.h"

namespace balancer::proxy {

bool ClientConnection::run_tunnel() {
  TargetConnection& connection = *target_;
  bool progress = relay(client_, connection.stream, target_shut_);
  if (phase_ == Phase::kTunnel) progress |= relay(connection.stream, client_, client_shut_);
  if (phase_ != Phase::kTunnel) return false;
  if (client_shut_ && target_shut_) {
    close(client_.ended ? EndedBy::kClient : EndedBy::kTarget);
    return false;
  }
  return progress;
}

bool ClientConnection::relay(Stream& from, Stream& to, bool& shut) {
  bool progress = false;
  while (!shut) {
    if (to.unsent() < kMaxOut && !from.in.empty()) {
      if (to.out.empty()) {
        to.out.swap(from.in);
      } else {
        to.out.append(from.in.view());
        from.in.clear();
      }
      worker_.buffers().take(from.in);
      progress = true;
    }
    const std::size_t unsent = to.unsent();
    if (!to.flush()) {
      close(&to == &client_ ? EndedBy::kClient : EndedBy::kTarget);
      return false;
    }
    if (to.unsent() != unsent) {
      touch();
      progress = true;
    }
    if (from.ended && from.in.empty() && to.unsent() == 0) {
      loop::shutdown_write(to.fd.get());
      shut = true;
      return true;
    }
    if (to.unsent() >= kMaxOut || !from.in.empty()) return progress;
    if (out_of_turn()) return false;
    const Filled filled = from.fill(worker_.buffers(), kBufferSize);
    if (filled == Filled::kFailed) {
      close(&from == &client_ ? EndedBy::kClient : EndedBy::kTarget);
      return false;
    }
    if (filled == Filled::kBytes) {
      touch();
      continue;
    }
    if (filled != Filled::kEnded || to.unsent() != 0) return progress;
  }
  return progress;
}

}  // namespace balancer::proxy
