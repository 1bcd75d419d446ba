// One TCP connection with its two buffers and what is known of its readiness. Edge-triggered: the flags
// remember what the loop reported until the kernel says otherwise, so that neither side is asked twice.
// Bounded: reads stop while the buffer is more than half full. Thread: its worker's.
#pragma once
#include <cstddef>
#include <vector>

#include "balancer/codec/buffer.h"
#include "balancer/loop/loop.h"
#include "balancer/loop/socket.h"
#include "shared/base/unique_fd.h"

namespace balancer::proxy {

inline constexpr std::size_t kBufferSize = 16 * 1024;
inline constexpr std::size_t kMinRead = 4 * 1024;
// Bytes waiting to be sent to a slow reader before the other side is no longer read.
inline constexpr std::size_t kMaxOut = 32 * 1024;
inline constexpr std::size_t kMaxSpareBuffers = 1024;  // per worker

// Buffers of idle connections go back here, so that an idle connection costs no buffer memory.
class BufferPool {
 public:
  void take(codec::Buffer& buffer) {
    if (buffer.capacity() != 0) return;
    if (spare_.empty()) {
      buffer.prepare(kBufferSize);
      return;
    }
    buffer.swap(spare_.back());
    spare_.pop_back();
  }
  void give(codec::Buffer& buffer) {
    buffer.clear();
    if (buffer.capacity() == kBufferSize && spare_.size() < kMaxSpareBuffers) {
      spare_.emplace_back();
      spare_.back().swap(buffer);
    } else {
      buffer.shrink();
    }
  }

 private:
  std::vector<codec::Buffer> spare_;
};

enum class Filled { kBytes, kBlocked, kFull, kEnded, kFailed };

struct Stream {
  shared::UniqueFd fd;
  loop::FdWatch watch;
  codec::Buffer in;
  codec::Buffer out;
  std::size_t sent = 0;  // leading bytes of `out` that the kernel has, kept while `hold` for a repetition
  bool hold = false;
  bool readable = false;  // the kernel may have bytes or an end for us
  bool writable = false;  // the kernel may take bytes
  bool fin = false;       // the peer's end has arrived, perhaps behind bytes
  bool ended = false;     // read up to the peer's end
  bool failed = false;
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;

  void note(loop::Ready ready) {
    readable |= ready.readable || ready.ended;
    writable |= ready.writable;
    fin |= ready.ended;
  }
  std::size_t unsent() const { return out.size() - sent; }
  // One read. kFull: `in` holds `limit` bytes or more already.
  Filled fill(BufferPool& buffers, std::size_t limit);
  // One write of what is unsent. False: the connection is broken.
  bool flush();
  // Nothing may refer to it afterwards; ready for another descriptor.
  void close(BufferPool& buffers);
  void release_buffers(BufferPool& buffers);  // of an idle connection; both must be empty
};

}  // namespace balancer::proxy
