#include "balancer/proxy/stream.h"

#include <algorithm>

namespace balancer::proxy {

bool Stream::flush_with(codec::Buffer& more) {
  if (out.empty()) {
    out.swap(more);
  } else {
    out.append(more.view());
    more.clear();
  }
  return flush();
}

shared::Result<void> TransportStream::open(loop::Loop& loop, shared::UniqueFd fd, void* owner,
                                           loop::Transport::OnReady on_ready) {
  other_.reset();
  socket_.adopt(std::move(fd));
  transport_ = &socket_;
  return socket_.open(loop, owner, on_ready);
}

shared::Result<void> TransportStream::open(loop::Loop& loop, std::unique_ptr<loop::Transport> transport,
                                           void* owner, loop::Transport::OnReady on_ready) {
  other_ = std::move(transport);
  transport_ = other_.get();
  return transport_->open(loop, owner, on_ready);
}

Filled TransportStream::fill(BufferPool& buffers, std::size_t limit) {
  if (failed) return Filled::kFailed;
  if (ended) return Filled::kEnded;
  if (!readable && !look_again_) return Filled::kBlocked;
  if (in.size() >= limit) return Filled::kFull;
  buffers.take(in);
  return read_into(in);
}

Filled TransportStream::fill_first(BufferPool& buffers, std::size_t limit) {
  if (in.capacity() != 0 || !may_read()) return fill(buffers, limit);
  const Filled filled = read_into(buffers.landing());
  if (filled == Filled::kBytes) buffers.land(in);
  return filled;
}

Filled TransportStream::read_into(codec::Buffer& to) {
  const std::span<char> space = to.prepare(kMinRead);
  const loop::IoResult got = transport_->read(space);
  switch (got.state) {
    case loop::Io::kDone:
      to.commit(got.bytes);
      received += got.bytes;
      // A short read has emptied the socket; only an end announced by the loop is still to be read.
      look_again_ = false;
      if (got.bytes < space.size() && !fin && !transport_->keeps_more()) {
        readable = false;
        look_again_ = doubts_;
      }
      return Filled::kBytes;
    case loop::Io::kBlocked:
      readable = look_again_ = false;
      return Filled::kBlocked;
    case loop::Io::kEnded:
      ended = true;
      return Filled::kEnded;
    case loop::Io::kFailed:
      break;
  }
  failed = true;
  return Filled::kFailed;
}

bool TransportStream::flush() {
  if (failed) return false;
  while (unsent() != 0 && writable) {
    const iovec part{const_cast<char*>(out.data()) + sent, unsent()};
    const loop::IoResult wrote = transport_->write(std::span(&part, 1));
    if (wrote.state == loop::Io::kFailed) return false;
    // A short write leaves the kernel owing us an edge.
    if (wrote.bytes < unsent()) writable = false;
    delivered += wrote.bytes;
    if (hold) {
      sent += wrote.bytes;
    } else {
      out.consume(wrote.bytes);
    }
  }
  return true;
}

// Both in one call, so that what comes behind a head needs no copy.
bool TransportStream::flush_with(codec::Buffer& more) {
  if (failed) return false;
  if (hold || !writable || out.empty()) return Stream::flush_with(more);
  const iovec parts[] = {{const_cast<char*>(out.data()), out.size()},
                         {const_cast<char*>(more.data()), more.size()}};
  const loop::IoResult wrote = transport_->write(parts);
  if (wrote.state == loop::Io::kFailed) return false;
  delivered += wrote.bytes;
  if (wrote.bytes < out.size() + more.size()) writable = false;
  const std::size_t of_out = std::min(wrote.bytes, out.size());
  out.consume(of_out);
  more.consume(wrote.bytes - of_out);
  return more.empty() || Stream::flush_with(more);
}

void TransportStream::close(BufferPool& buffers) {
  transport_->close();  // destroyed by forget(): this may be a call from inside of it
  transport_ = &socket_;
  buffers.give(in);
  buffers.give(out);
  forget_notes();
  doubts_ = look_again_ = false;
}

void TransportStream::release_buffers(BufferPool& buffers) {
  buffers.give(in);
  buffers.give(out);
}

}  // namespace balancer::proxy
