#include "balancer/proxy/tcp/proxy_header_wait.h"

#include <array>

#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

using proxy_protocol::ReadState;

ProxyHeaderWait::ProxyHeaderWait(Worker& worker) : worker_(worker) {
  timer_.bind(this, [](void* self) { static_cast<ProxyHeaderWait*>(self)->refuse(); });
}

ProxyHeaderWait::~ProxyHeaderWait() { worker_.loop().timers().remove(timer_); }

void ProxyHeaderWait::open(WorkerListener& listener, shared::UniqueFd fd, Peer peer) {
  listener_ = &listener;
  ++listener.connections;
  fd_ = std::move(fd);
  peer_ = std::move(peer);
  worker_.loop().arm(timer_, kProxyHeaderLimit);
  const auto watching = watch_.start(worker_.loop(), fd_.get(), loop::FdWatch::Interest::kReadWrite, this,
                                     [](void* self, loop::Ready ready) {
                                       if (ready.readable || ready.ended)
                                         static_cast<ProxyHeaderWait*>(self)->look(ready.ended);
                                     });
  if (!watching) end(true);
}

void ProxyHeaderWait::look(bool ended) {
  std::array<char, proxy_protocol::kMaxBinaryHeader> space;
  const loop::IoResult got = loop::peek_some(fd_.get(), space);
  if (got.state == loop::Io::kBlocked) return;
  if (got.state != loop::Io::kDone) return refuse();
  const proxy_protocol::Read read = proxy_protocol::read({space.data(), got.bytes});
  if (read.state == ReadState::kIncomplete && !ended) return;
  if (read.state != ReadState::kComplete) return refuse();
  // Exactly the header is taken: what follows is for who serves the connection.
  if (loop::read_some(fd_.get(), std::span(space).first(read.bytes)).bytes != read.bytes) return refuse();
  if (read.told) {
    peer_.ip = read.told->source.ip();
    peer_.port = read.told->source.port();
    peer_.source = routing::parse_source(peer_.ip).value_or(routing::SourceAddress{});
  }
  watch_.stop();
  WorkerListener& listener = *listener_;
  shared::UniqueFd fd = std::move(fd_);
  Peer peer = std::move(peer_);
  end(false);
  worker_.serve(listener, std::move(fd), std::move(peer), read.told);
}

void ProxyHeaderWait::refuse() {
  listener_->counters->proxy_header_errors.add();
  end(true);
}

void ProxyHeaderWait::end(bool reset) {
  watch_.stop();
  worker_.loop().timers().disarm(timer_);
  if (fd_ && reset) loop::reset_on_close(fd_.get());
  fd_.reset();
  --listener_->connections;
  peer_ = {};
  worker_.recycle(*this);
}

}  // namespace balancer::proxy
