#include "balancer/proxy/stream.h"

namespace balancer::proxy {

Filled Stream::fill(BufferPool& buffers, std::size_t limit) {
  if (failed) return Filled::kFailed;
  if (ended) return Filled::kEnded;
  if (!readable) return Filled::kBlocked;
  if (in.size() >= limit) return Filled::kFull;
  buffers.take(in);
  const std::span<char> space = in.prepare(kMinRead);
  const loop::IoResult got = loop::read_some(fd.get(), space);
  switch (got.state) {
    case loop::Io::kDone:
      in.commit(got.bytes);
      received += got.bytes;
      // A short read has emptied the socket; only an end announced by the loop is still to be read.
      if (got.bytes < space.size() && !fin) readable = false;
      return Filled::kBytes;
    case loop::Io::kBlocked:
      readable = false;
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

bool Stream::flush() {
  if (failed) return false;
  while (unsent() != 0 && writable) {
    const iovec part{const_cast<char*>(out.data()) + sent, unsent()};
    const loop::IoResult wrote = loop::write_some(fd.get(), std::span(&part, 1));
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

void Stream::close(BufferPool& buffers) {
  watch.stop();
  fd.reset();
  buffers.give(in);
  buffers.give(out);
  sent = 0;
  received = delivered = 0;
  hold = readable = writable = fin = ended = failed = false;
}

void Stream::release_buffers(BufferPool& buffers) {
  buffers.give(in);
  buffers.give(out);
}

}  // namespace balancer::proxy
