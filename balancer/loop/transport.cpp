#include "balancer/loop/transport.h"

namespace balancer::loop {

shared::Result<void> SocketTransport::open(Loop& loop, void* owner, OnReady on_ready) {
  return watch_.start(loop, fd_.get(), FdWatch::Interest::kReadWrite, owner, on_ready);
}

IoResult PrefacedTransport::write(std::span<const iovec> parts) {
  while (!preface_.empty()) {
    const iovec part{preface_.data(), preface_.size()};
    const IoResult wrote = inner_->write(std::span(&part, 1));
    if (wrote.state != Io::kDone || wrote.bytes == 0) return wrote;
    preface_.erase(0, wrote.bytes);
  }
  return inner_->write(parts);
}

void SocketTransport::close() {
  watch_.stop();
  fd_.reset();
}

}  // namespace balancer::loop
