// An upgraded connection: bytes both ways, each direction bounded, each end passed on by itself.
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

bool Exchange::run_tunnel() {
  Stream& target = target_->stream();
  bool progress = relay(*in_, target, target_shut_);
  if (phase_ == Phase::kTunnel) progress |= relay(target, *in_, client_shut_);
  if (phase_ != Phase::kTunnel) return false;
  if (client_shut_ && target_shut_) {
    break_off(in_->ended ? EndedBy::kClient : EndedBy::kTarget);
    return false;
  }
  return progress;
}

bool Exchange::relay(Stream& from, Stream& to, bool& shut) {
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
      break_off(&to == in_ ? EndedBy::kClient : EndedBy::kTarget);
      return false;
    }
    if (to.unsent() != unsent) {
      touch();
      progress = true;
    }
    if (from.ended && from.in.empty() && to.unsent() == 0) {
      to.shutdown_write();
      shut = true;
      return true;
    }
    if (to.unsent() >= kMaxOut || !from.in.empty()) return progress;
    if (out_of_turn()) return false;
    const Filled filled = from.fill(worker_.buffers(), kBufferSize);
    if (filled == Filled::kFailed) {
      break_off(&from == in_ ? EndedBy::kClient : EndedBy::kTarget);
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
