// One peer's bytes as an exchange sees them: what has come from it, what is to go to it, and what is known of
// its readiness. Whether they are a connection's (TransportStream) or one stream's of many on a connection is
// below this. Edge-triggered: the flags remember what was reported until a read or a write says otherwise, so
// that nobody is asked twice. Bounded: reads stop while the buffer is more than half full. Thread: its
// worker's.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "balancer/codec/buffer.h"
#include "balancer/loop/transport.h"
#include "shared/base/unique_fd.h"

namespace balancer::proxy {

inline constexpr std::size_t kBufferSize = 16 * 1024;
inline constexpr std::size_t kMinRead = 4 * 1024;
// Bytes waiting to be sent to a slow reader before the other side is no longer read.
inline constexpr std::size_t kMaxOut = 32 * 1024;
inline constexpr std::size_t kMaxSpareBuffers = 1024;  // per worker
// What a body that is at least as long is read into, so that it takes fewer system calls: 64 KiB and a head.
inline constexpr std::size_t kLargeBuffer = 68 * 1024;
inline constexpr std::size_t kMaxSpareLargeBuffers = 64;  // per worker

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
    if (buffer.capacity() == 0) return;
    buffer.clear();
    if (buffer.capacity() == kBufferSize && spare_.size() < kMaxSpareBuffers) {
      spare_.emplace_back();
      spare_.back().swap(buffer);
    } else if (buffer.capacity() == kLargeBuffer && spare_large_.size() < kMaxSpareLargeBuffers) {
      spare_large_.emplace_back();
      spare_large_.back().swap(buffer);
    } else {
      buffer.shrink();
    }
  }
  // Where the first bytes of a message are read to, which are most often all of it: one for all connections,
  // so that a single call takes as much as a large buffer holds. What was read is then taken over by land().
  codec::Buffer& landing() {
    enlarge(landing_);
    return landing_;
  }
  // `buffer` has no memory yet. A few bytes move to a buffer of their own, many come with the one they are
  // in.
  void land(codec::Buffer& buffer) {
    if (landing_.size() > kBufferSize) return buffer.swap(landing_);
    take(buffer);
    buffer.append(landing_.view());
    landing_.clear();
  }
  // An empty buffer becomes a large one.
  void enlarge(codec::Buffer& buffer) {
    if (buffer.capacity() >= kLargeBuffer) return;
    give(buffer);
    if (spare_large_.empty()) {
      buffer.prepare(kLargeBuffer);
      return;
    }
    buffer.swap(spare_large_.back());
    spare_large_.pop_back();
  }

 private:
  std::vector<codec::Buffer> spare_;
  std::vector<codec::Buffer> spare_large_;
  codec::Buffer landing_;  // empty between two reads
};

enum class Filled { kBytes, kBlocked, kFull, kEnded, kFailed };

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  codec::Buffer in;
  codec::Buffer out;
  std::size_t sent = 0;  // leading bytes of `out` that the peer has, kept while `hold` for a repetition
  bool hold = false;
  bool readable = false;  // there may be bytes or an end for us
  bool writable = false;  // bytes may be taken from us
  bool fin = false;       // the peer's end has arrived, perhaps behind bytes
  bool ended = false;     // read up to the peer's end
  bool failed = false;
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;

  std::size_t unsent() const { return out.size() - sent; }
  // One read. kFull: `in` holds `limit` bytes or more already.
  virtual Filled fill(BufferPool& buffers, std::size_t limit) = 0;
  // The same where a message begins: takes all that is there in one call, if a large buffer has room for it.
  virtual Filled fill_first(BufferPool& buffers, std::size_t limit) { return fill(buffers, limit); }
  // Sends of `out` what can be sent now. False: the peer is out of reach.
  virtual bool flush() = 0;
  // The same with `more` behind it, which is empty then: what could not be sent is in `out`.
  virtual bool flush_with(codec::Buffer& more);
  // The socket that has these bytes as they are, for splice(2); -1: there is none.
  virtual int plain_descriptor() const { return -1; }
  // What was sent is followed by our end.
  virtual void shutdown_write() = 0;
  // The peer is to see that what it got is not whole.
  virtual void reset() = 0;

 protected:
  ~Stream() = default;
  // As of another peer, of whom nothing is known.
  void forget_notes() {
    sent = 0;
    received = delivered = 0;
    hold = readable = writable = fin = ended = failed = false;
  }
};

// All bytes of one transport.
class TransportStream final : public Stream {
 public:
  // Of a socket, connected or connecting.
  shared::Result<void> open(loop::Loop& loop, shared::UniqueFd fd, void* owner,
                            loop::Transport::OnReady on_ready);
  shared::Result<void> open(loop::Loop& loop, std::unique_ptr<loop::Transport> transport, void* owner,
                            loop::Transport::OnReady on_ready);
  // Nothing may refer to it afterwards; ready for another transport.
  void close(BufferPool& buffers);
  // Who wants more after a short read gets one more look. The loop reports a reset as readable, once,
  // together with the bytes before it (libevent makes EPOLLERR that), and behind these it would go unnoticed.
  // Until close().
  void doubt_short_reads() { doubts_ = true; }
  // What is there to be read is not what it seems: it is never read.
  void distrust() { failed = readable = true; }
  void message_ended() { look_again_ = false; }  // nothing is wanted until the next report
  void forget() { other_.reset(); }  // after close(), once no call from inside of the transport is under way

  Filled fill(BufferPool& buffers, std::size_t limit) override;
  Filled fill_first(BufferPool& buffers, std::size_t limit) override;
  bool flush() override;
  bool flush_with(codec::Buffer& more) override;
  int plain_descriptor() const override { return transport_->plain_descriptor(); }
  void shutdown_write() override { transport_->shutdown_write(); }
  void reset() override { transport_->reset_on_close(); }

  void note(loop::Ready ready) {
    const bool both = (ready.readable || ready.writable || ready.ended) && transport_->crossed();
    readable |= ready.readable || ready.ended || both;
    writable |= ready.writable || both;
    fin |= ready.ended;
  }
  bool has_pending_input() { return transport_->has_pending_input(); }
  int connect_error() { return transport_->connect_error(); }
  void release_buffers(BufferPool& buffers);  // of an idle connection; both must be empty
  const loop::Transport& transport() const { return *transport_; }

 private:
  bool may_read() const { return !failed && !ended && (readable || look_again_); }
  Filled read_into(codec::Buffer& to);

  bool doubts_ = false;
  bool look_again_ = false;
  loop::SocketTransport socket_;
  std::unique_ptr<loop::Transport> other_;
  loop::Transport* transport_ = &socket_;
};

}  // namespace balancer::proxy
