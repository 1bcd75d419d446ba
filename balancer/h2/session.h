// One HTTP/2 connection's frames, sans-io, on nghttp2: bytes in, events out; answers in, bytes out. It bounds
// what a peer may hold and make us do (RFC 9113 section 10.5) by counters of our own. Heads are HTTP/1.1 text
// (head_text.h). Thread: its owner's. Events come out of receive() and send() only; from inside of them every
// call but these two is allowed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "balancer/codec/buffer.h"
#include "shared/base/result.h"
#include "shared/base/time.h"

namespace balancer::h2 {

inline constexpr std::uint32_t kMaxStreams = 128;  // of a client at a time, as with ALB
inline constexpr std::uint32_t kStreamWindow = 64 * 1024;
// What all streams of a connection together may have sent that nobody has taken yet.
inline constexpr std::int32_t kConnectionWindow = 1024 * 1024;

// Why a stream is reset; the numbers are RFC 9113's.
enum class ErrorCode : std::uint32_t {
  kNone = 0,
  kProtocol = 1,
  kInternal = 2,
  kRefused = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
  kHttp11Required = 13
};

// Frames that wait for their turn; interim answers beyond them are left out: who does not read them does not
// need them.
inline constexpr std::size_t kMaxQueuedForInterims = 256;

// What one stream is told; the owner's, at least until on_closed().
class StreamEvents {
 public:
  // The session's own notes.
  struct Notes {
    bool extended_connect = false;
    bool tunnel = false;        // its answer was a 101: each side ends by itself
    bool head_request = false;  // the answer has no content
    bool final_head = false;
    bool reset_by_owner = false;
    std::string trailers;  // to be sent behind the last DATA
  } notes;
  virtual void on_head(std::string_view text, bool ended) = 0;  // a client's: interim heads too
  virtual void on_data(std::string_view bytes) = 0;
  // Before on_end(): lines "name: value\r\n" of those that may be trailers (head_text.h).
  virtual void on_trailers(std::string_view lines) { (void)lines; }
  virtual void on_end() = 0;
  // No event follows; the id means nothing any more. `code` kNone: it ended as it should.
  virtual void on_closed(ErrorCode code) = 0;
  // What is to be sent as DATA; taken from its front.
  virtual codec::Buffer& outgoing() = 0;
  virtual bool outgoing_ends() = 0;  // nothing is added to it any more
  virtual void on_taken(std::size_t bytes) = 0;
  // A client's: its answer has ended before it. False: nobody takes the rest, it is reset with NO_ERROR (RFC
  // 9113 section 8.1). True: its events go on until it has ended or its owner resets it.
  virtual bool takes_rest() { return false; }

 protected:
  ~StreamEvents() = default;
};

class SessionEvents {
 public:
  // A peer's head has begun (servers). Null: refused (REFUSED_STREAM), it may try again elsewhere.
  virtual StreamEvents* on_stream(std::int32_t id) = 0;
  // What an HTTP/1.1 client of the same websocket would have as its key (RFC 8441): 16 random bytes in
  // base64.
  virtual std::string_view websocket_key() = 0;

 protected:
  ~SessionEvents() = default;
};

class Session {
 public:
  enum class Role { kServer, kClient };
  static shared::Result<std::unique_ptr<Session>> create(Role role, SessionEvents& events);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // All of `bytes` are taken. False: the connection is over; what send() still gives says why.
  bool receive(std::string_view bytes, shared::SteadyTime now);
  // Appends frames to `out` until it holds `max` bytes or more, or nothing is left to say. False: out of
  // memory.
  bool send(codec::Buffer& out, std::size_t max);
  // Neither side has anything to say any more.
  bool over() const;

  // A server's answers. `text` is a head that we wrote. `ended`: nothing follows.
  void respond(std::int32_t id, std::string_view text, bool ended);
  void interim(std::int32_t id, std::string_view text);  // perhaps left out, see kMaxQueuedForInterims
  // A client's request; 0: this connection takes no further one.
  std::int32_t request(std::string_view text, std::string_view scheme, bool ended, StreamEvents& events);
  // What follows the body, as lines "name: value\r\n"; called before outgoing_ends() is true. Not of a
  // message that ended with its head.
  void trailers(std::int32_t id, std::string_view lines);
  // The same of a client's request, also before its head was sent.
  static void trailers(StreamEvents& events, std::string_view lines) { events.notes.trailers.assign(lines); }
  // outgoing() has more, or ends.
  void resume(std::int32_t id);
  // Bytes of on_data() that nobody has to hold any more.
  void consumed(std::int32_t id, std::size_t bytes);
  void reset(std::int32_t id, ErrorCode code);
  // Its events are told to nobody any more: what was given for it may go away.
  void forget(std::int32_t id);
  // A server says that it wants no further streams (RFC 9113 section 6.8). Those that are on their way to it
  // are still taken, until the peer has shown that it knows; then they are refused, and left() holds.
  void go_away();
  void leave_now();         // without waiting for that
  bool going_away() const;  // the peer or we have said so
  bool left() const;        // no further stream is taken
  std::size_t streams() const;
  std::size_t peer_max_streams() const;  // how many the peer lets us open at a time
  // A header block has begun and not ended: nothing else can be said until then. Whoever waits for it has
  // a limit of time.
  bool in_header_block() const;
  std::string_view problem() const;  // a word for the log, after receive() was false
  std::uint64_t streams_total() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace balancer::h2
