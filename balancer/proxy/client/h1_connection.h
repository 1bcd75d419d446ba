// One client's connection. It begins as HTTP/1.1 and stays it, or turns out to be HTTP/2 (RFC 9113
// section 3.3), which is then served by an H2Client. HTTP/1.1: reads a head, hands it to an exchange, and
// again, in order (pipelined requests wait in the buffer). An exchange is there from the first byte of a head
// to the end of its answer only, so that an idle connection is small. An explicit state machine stepped by
// advance(). Recycled by its worker, never freed while running. Thread: the worker's.
#pragma once
#include <cstdint>

#include "balancer/proxy/client/client_connection.h"
#include "balancer/proxy/client/h2_client.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/tls/transport.h"

namespace balancer::proxy {

inline constexpr shared::Millis kHandshakeLimit{10'000};  // TLS, from the accept on
inline constexpr shared::Millis kHeadLimit{60'000};       // from the first byte of a head to its last
// After the last answer the client may still be sending a body that nobody wants: closing now would reset the
// connection and could take the answer away from it.
inline constexpr shared::Millis kLingerPause{2'000};   // without a byte of it
inline constexpr shared::Millis kLingerTotal{30'000};  // altogether

class H1Connection final : public ClientConnection, public ClientSide, private H2Host {
 public:
  explicit H1Connection(Worker& worker);
  ~H1Connection();
  H1Connection(const H1Connection&) = delete;
  H1Connection& operator=(const H1Connection&) = delete;

  void open(WorkerListener& listener, shared::UniqueFd fd, Peer peer);
  void open(WorkerListener& listener, std::unique_ptr<loop::Transport> transport, Peer peer);
  // Serves once the handshake is done, as what ALPN says.
  void open(WorkerListener& listener, std::unique_ptr<tls::TlsTransport> transport, Peer peer);

  // ClientConnection
  void serve_arrived() override;
  void wind_down() override;
  bool close_if_idle() override;
  void cut() override;
  void reuse() override;

  // ClientSide
  void advance() override;
  Stream& stream() override { return stream_; }
  const Peer& peer() const override { return peer_; }
  WorkerListener& listener() override { return *listener_; }
  const std::string& connection_id() override { return trace_id(); }
  const std::string& local_ip() override { return reached_at(stream_.transport()); }
  bool may_serve_again() const override { return may_go_on(); }
  void write_head(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                  const codec::RequestFacts& request, const codec::ResponseRewrite& rewrite) override;
  void write_own(const codec::OwnResponse& response) override;
  void write_status_page(const codec::OwnResponse& response) override;
  bool write_continue() override;
  void end_response() override {}
  void on_served(Served how) override;
  void on_broken(EndedBy by, Cut cut) override;

 private:
  enum class Phase : std::uint8_t { kClosed, kHandshake, kIdle, kHead, kExchange, kLinger, kH2 };
  enum class Preface : std::uint8_t { kNone, kPart, kWhole };

  // H2Host
  TransportStream& transport_stream() override { return stream_; }
  const Peer& peer_of_connection() const override { return peer_; }
  WorkerListener& listener_of_connection() override { return *listener_; }
  const std::string& local_ip_of_connection() override { return local_ip(); }
  const std::string& id_of_connection() override { return trace_id(); }
  const std::shared_ptr<ListenerStats>& stats_in_force() override;
  bool may_open_streams() const override { return may_go_on(); }
  void continue_h2_later() override;
  void on_h2_turn() override;
  void on_h2_over(EndedBy by) override;
  void on_h2_broken(EndedBy by) override { close(by); }

  void opened(shared::Result<void> watched);
  void on_ready(loop::Ready ready);
  void on_timer();
  bool step();
  bool run_handshake();
  void note_tls();
  bool read_head();
  void begin_request(codec::ParseState parsed);
  void let_go_of_exchange();
  void become_idle();
  shared::Millis idle_limit() const;
  void linger();
  bool run_linger();
  void close(EndedBy by);
  void touch_head();
  bool out_of_turn();
  Preface look_for_preface() const;
  bool become_h2();
  bool run_h2();

  TransportStream stream_;
  loop::TimerNode timer_;  // idle, head, linger; an exchange has its own
  Phase phase_ = Phase::kClosed;
  bool advancing_ = false;
  bool in_header_block_ = false;  // these two HTTP/2
  bool h2_idle_ = false;
  bool first_ = true;             // nothing was served yet
  bool ends_by_closing_ = false;  // the client takes the end of the connection for the end of the answer
  int reads_left_ = kReadsPerTurn;
  shared::SteadyTime linger_until_{};
  Exchange* exchange_ = nullptr;
  tls::TlsTransport* tls_ = nullptr;  // null: no TLS
  std::unique_ptr<H2Client> h2_;
  std::uint64_t h2_requests_ = 0;   // when the timer was set
  std::uint64_t h2_delivered_ = 0;  // when it ran out
};

}  // namespace balancer::proxy
