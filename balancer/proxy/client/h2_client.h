// A client's connection that speaks HTTP/2: its session, and a client side for each of its streams. Below it
// is the connection (H1Connection), which has found out that it is one. Bounded: kMaxStreams streams, each
// with its window of the client's bytes and kMaxOut of ours, kMaxOut for the connection. Thread: the
// worker's.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/h2/session.h"
#include "balancer/proxy/client/client_side.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/h2_bytes.h"
#include "balancer/proxy/stream.h"

namespace balancer::proxy {

class H2Client;

// As with ALB: then GOAWAY, and the client comes back on another connection.
inline constexpr std::uint64_t kMaxRequestsPerH2Connection = 10'000;

// Of serving all streams and writing, then the worker's others have their turn.
inline constexpr int kRoundsPerTurn = 16;

// What still comes of a request whose answer has ended is taken and thrown away within these limits, then the
// request is reset (NO_ERROR): clients such as curl take that for a failure, though they have the answer.
inline constexpr std::uint64_t kMaxRest = 1024 * 1024;
inline constexpr shared::Millis kRestPause{2'000};   // without a byte of it
inline constexpr shared::Millis kRestTotal{30'000};  // altogether

// One stream's bytes.
class H2ClientBytes final : public H2Bytes {
 public:
  void start(H2Client& client, std::int32_t id);
  void discard(BufferPool& buffers);  // what was not read counts as read
  void forget(BufferPool& buffers);   // the stream is over

  Filled fill(BufferPool& buffers, std::size_t limit) override;
  bool flush() override;
  void shutdown_write() override;
  void reset() override;

 private:
  void give_window();

  H2Client* client_ = nullptr;
  std::int32_t id_ = 0;
};

// Recycled by the worker, never freed while running.
class H2Stream final : public ClientSide, public h2::StreamEvents {
 public:
  explicit H2Stream(Worker& worker);
  ~H2Stream();
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;
  void start(H2Client& client, std::int32_t id);
  void cut(std::string_view reason);  // the connection is gone
  void step();
  bool over() const { return closed_ && exchange_ == nullptr; }
  void forget();
  bool waits = false;  // for its turn in the connection's list

  // ClientSide
  void advance() override;
  Stream& stream() override { return bytes_; }
  const Peer& peer() const override;
  WorkerListener& listener() override;
  const std::string& connection_id() override;
  const std::string& local_ip() override;
  bool may_serve_again() const override { return true; }
  bool frames_bodies() const override { return true; }
  std::string_view request_trailers() const override { return request_trailers_; }
  void write_head(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                  const codec::RequestFacts& request, const codec::ResponseRewrite& rewrite) override;
  void write_own(const codec::OwnResponse& response) override;
  void write_status_page(const codec::OwnResponse& response) override;
  bool write_continue() override;
  void write_trailers(std::string_view lines) override;
  void end_response() override;
  void on_served(Served how) override;
  void on_broken(EndedBy by, Cut cut) override;

  // h2::StreamEvents
  void on_head(std::string_view text, bool ended) override;
  void on_data(std::string_view bytes) override;
  void on_trailers(std::string_view lines) override { request_trailers_.assign(lines); }
  void on_end() override;
  void on_closed(h2::ErrorCode code) override;
  codec::Buffer& outgoing() override { return bytes_.out; }
  bool outgoing_ends() override { return bytes_.out_ends; }
  void on_taken(std::size_t bytes) override;
  bool takes_rest() override;

 private:
  void leave_rest();
  // The text that `write` makes of it: the head, then the body.
  void write_own_text(const codec::OwnResponse& response,
                      void (*write)(codec::Buffer& out, const codec::OwnResponse& response));
  void let_go_of_exchange();

  Worker& worker_;
  H2Client* client_ = nullptr;  // null: not in use
  std::int32_t id_ = 0;
  H2ClientBytes bytes_;
  std::string request_trailers_;
  Exchange* exchange_ = nullptr;
  shared::SteadyTime started_{};
  bool closed_ = false;
  std::uint64_t rest_from_ = 0;  // of what was received, when its answer had ended
  shared::SteadyTime rest_until_{};
  loop::TimerNode rest_timer_;
};

// The connection below, as its HTTP/2 side needs it.
class H2Host {
 public:
  virtual TransportStream& transport_stream() = 0;
  virtual const Peer& peer_of_connection() const = 0;
  virtual WorkerListener& listener_of_connection() = 0;
  virtual const std::string& local_ip_of_connection() = 0;
  virtual const std::string& id_of_connection() = 0;
  virtual const std::shared_ptr<ListenerStats>& stats_in_force() = 0;
  virtual bool may_open_streams() const = 0;
  virtual void continue_h2_later() = 0;  // run() again in another turn
  // What could be done now is done: sets the time by which the client has to say more.
  virtual void on_h2_turn() = 0;
  // Everything was said: an orderly end, or one at once.
  virtual void on_h2_over(EndedBy by) = 0;
  virtual void on_h2_broken(EndedBy by) = 0;

 protected:
  ~H2Host() = default;
};

class H2Client final : public h2::SessionEvents, public AtTurnEnd {
 public:
  // Error: out of memory.
  static shared::Result<std::unique_ptr<H2Client>> create(Worker& worker, H2Host& host);
  ~H2Client();

  // Reads, serves, writes, as far as it goes now. May end in a call of the host's. True: there is more to
  // read, in another turn.
  bool run();
  void turn_ends() override { pump(); }
  void go_away();  // no further requests; over once those that are here are served
  // Says GOAWAY where nothing is open or under way and a request was served: the connection may be closed
  // then. False: it has something to do.
  bool leave_if_idle();
  void cut(std::string_view reason);
  bool in_header_block() const { return session_->in_header_block(); }
  bool idle() const { return session_->streams() == 0; }
  bool serving() const { return serving_count_ != 0; }  // what has been said may still wait for the client
  bool going_away() const { return session_->going_away(); }
  std::uint64_t requests() const { return session_->streams_total(); }  // so far

  // For its streams.
  h2::Session& session() { return *session_; }
  H2Host& host() { return host_; }
  void wake(H2Stream& stream);  // it has something to do
  void pump();
  bool pumping() const { return pumping_; }
  void exchange_began() { ++serving_count_; }
  void exchange_ended() { --serving_count_; }

  h2::StreamEvents* on_stream(std::int32_t id) override;
  std::string_view websocket_key() override;

 private:
  H2Client(Worker& worker, H2Host& host) : worker_(worker), host_(host) {}
  bool read();
  void serve_waiting();
  void bury();
  bool check_end();

  Worker& worker_;
  H2Host& host_;
  std::unique_ptr<h2::Session> session_;
  std::vector<H2Stream*> streams_;
  std::vector<H2Stream*> waiting_;
  std::vector<H2Stream*> serving_;
  std::string websocket_key_;
  std::size_t serving_count_ = 0;  // exchanges
  bool pumping_ = false;
  bool ended_ = false;  // the host was told
  bool receiving_over_ = false;
};

}  // namespace balancer::proxy
