// How a connection to a target comes about, whatever is spoken on it: the socket, or what WorkerOptions::dial
// has instead of it, and TLS over it for groups with protocol HTTPS. Thread: the worker's.
#pragma once
#include <memory>
#include <string>

#include "balancer/loop/transport.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target/target_side.h"
#include "balancer/tls/transport.h"
#include "shared/base/unique_fd.h"

namespace balancer::proxy {

class Dialled {
 public:
  // Starts to connect; out of descriptors, it makes room once. False: the kernel refused at once, `failure`
  // says why.
  static Dialled to(WorkerTarget& target, ConnectFailure& failure);
  // Bytes in clear before TLS; nothing without TLS, where the owner sends them itself.
  void begin_with(std::string preface) { preface_ = std::move(preface); }
  explicit operator bool() const { return socket_.valid() || other_ != nullptr; }
  // Hands it to `stream`. `secured`: its TLS, null without.
  shared::Result<void> open(loop::Loop& loop, TransportStream& stream, tls::TlsTransport*& secured,
                            void* owner, loop::Transport::OnReady on_ready) &&;

 private:
  shared::UniqueFd socket_;
  std::unique_ptr<loop::Transport> other_;
  std::shared_ptr<const tls::ClientContext> tls_;
  std::string preface_;
};

// What is connected is ready for bytes: kDone, at once without TLS; kBlocked, until the next report; kFailed.
loop::Io shake_hands(TransportStream& stream, tls::TlsTransport* secured);

}  // namespace balancer::proxy
