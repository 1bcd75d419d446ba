// Connections to a target that speaks HTTP/2 (target groups with protocol version HTTP2 and GRPC): each
// carries many requests, and each of these is a target side of its own. Opened on demand, another one only
// where the others are full; kept while the target is there, closed when idle for kPoolIdle. Thread: the
// worker's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/h2/session.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/h2_bytes.h"
#include "balancer/proxy/target/target_side.h"
#include "balancer/proxy/turn.h"
#include "balancer/tls/transport.h"

namespace balancer::proxy {

class Worker;
class H2TargetConnection;
struct WorkerTarget;

// Of one connection at a time, or as few as the target wants: more make one lost packet everybody's.
inline constexpr std::size_t kMaxStreamsToTarget = 100;
inline constexpr std::size_t kMaxH2ConnectionsPerTarget = 64;  // per worker

// One request's bytes. `out` begins with the head as HTTP/1.1 text, until the session has it.
class H2TargetBytes final : public H2Bytes {
 public:
  void start(class H2TargetStream& owner);
  void finish(BufferPool& buffers);  // what was not read counts as read

  Filled fill(BufferPool& buffers, std::size_t limit) override;
  bool flush() override;
  void shutdown_write() override;
  void reset() override;
  void head_arrived(std::string_view text, BufferPool& buffers);

 private:
  void give_window();
  void write_later();
  class H2TargetStream* owner_ = nullptr;
  std::uint64_t heads_ = 0;  // bytes of `received` that are text of ours, and no DATA
};

// Recycled by the worker, never freed while running.
class H2TargetStream final : public TargetSide, public h2::StreamEvents {
 public:
  explicit H2TargetStream(Worker& worker) : worker_(worker) {}
  // On a connection that has room, or on a new one. Null when the kernel refused that at once: `failure` says
  // why.
  static H2TargetStream* open(WorkerTarget& target, TargetOwner& owner, H2Share share, shared::Millis limit,
                              ConnectFailure& failure);

  // TargetSide
  Stream& stream() override { return bytes_; }
  WorkerTarget& target() override { return *target_; }
  bool connected() const override;
  bool reused() const override;
  bool goes_on() const override;
  bool frames_bodies() const override { return true; }
  void expect_body(bool follows) override { body_follows_ = follows; }
  std::string_view trailers() const override { return trailers_; }
  void write_trailers(std::string_view lines) override;
  void end_request() override;
  void keep() override { close(); }
  void close() override;

  // h2::StreamEvents
  void on_head(std::string_view text, bool ended) override;
  void on_data(std::string_view bytes) override;
  void on_trailers(std::string_view lines) override { trailers_.assign(lines); }
  void on_end() override;
  void on_closed(h2::ErrorCode code) override;
  codec::Buffer& outgoing() override { return bytes_.out; }
  bool outgoing_ends() override { return bytes_.out_ends; }
  void on_taken(std::size_t bytes) override;

  void submit();  // the head; where the connection takes no further request, the owner is told later
  bool refused() const { return refused_; }
  TargetOwner* owner() { return owner_; }
  H2TargetConnection* connection() { return connection_; }
  std::int32_t id() const { return id_; }
  bool waits = false;  // for its owner to be told

 private:
  friend class H2TargetBytes;
  friend class H2TargetConnection;
  Worker& worker_;
  WorkerTarget* target_ = nullptr;
  H2TargetConnection* connection_ = nullptr;
  TargetOwner* owner_ = nullptr;
  std::int32_t id_ = 0;  // 0: the session does not know it yet, or any more
  bool reused_ = false;
  bool body_follows_ = false;
  bool submitted_ = false;
  bool refused_ = false;  // the connection went away before it took the head: nothing was sent
  std::string trailers_;
  std::string request_trailers_;  // until the session has the head
  H2TargetBytes bytes_;
};

class H2TargetConnection final : public h2::SessionEvents, public AtTurnEnd, public Resumable {
 public:
  static std::unique_ptr<H2TargetConnection> dial(WorkerTarget& target, shared::Millis limit,
                                                  ConnectFailure& failure);
  ~H2TargetConnection();

  bool connected() const { return state_ == State::kOpen; }
  bool has_room() const;
  bool fits(H2Share share);
  h2::Session& session() { return *session_; }
  bool unused() const { return streams_.empty(); }
  void add(H2TargetStream& stream);
  void remove(H2TargetStream& stream);
  void wake(H2TargetStream& stream);
  void close();          // its streams break
  void close_if_idle();  // and takes no further ones
  // The drain limit of the target has passed.
  void cut();
  void turn_ends() override;
  void advance() override;  // reads on

  h2::StreamEvents* on_stream(std::int32_t) override { return nullptr; }
  std::string_view websocket_key() override { return {}; }

 private:
  enum class State { kConnecting, kHandshake, kOpen, kClosed };
  H2TargetConnection(Worker& worker, WorkerTarget& target) : worker_(worker), target_(target) {}
  void on_ready(loop::Ready ready);
  void on_timer();
  void connect_failed(ConnectFailure failure);
  bool take_connected();
  void read();
  void tell_owners();
  void write();

  Worker& worker_;
  WorkerTarget& target_;
  TransportStream below_;
  tls::TlsTransport* tls_ = nullptr;
  std::unique_ptr<h2::Session> session_;
  State state_ = State::kConnecting;
  bool leaving_ = false;
  bool counted_ = false;  // among the open ones
  loop::TimerNode timer_;
  std::vector<H2TargetStream*> streams_;
  std::vector<H2TargetStream*> waiting_;
};

}  // namespace balancer::proxy
