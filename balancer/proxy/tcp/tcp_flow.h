// A client of a TCP or TLS listener, with one target: TLS handshake where the listener has it -> choose a
// target -> connect, to another one where that fails -> bytes both ways, each end passed on by itself, until
// both have ended. A reset of one side becomes one of the other. Nothing is read from the client before a
// target is there, so that nothing can be lost by trying another one. An explicit state machine stepped by
// advance(); recycled by its worker, never freed while running. Thread: the worker's.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "balancer/loop/loop.h"
#include "balancer/proxy/client/client_connection.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/target/target_connection.h"
#include "balancer/proxy/tcp/relay.h"
#include "balancer/proxy_protocol/header.h"
#include "balancer/tls/transport.h"

namespace balancer::proxy {

class TcpFlow final : public ClientConnection, public Resumable, private TargetOwner {
 public:
  // Who the header of the PROXY protocol said the client is, and where it connected to.
  using Told = std::optional<proxy_protocol::Addresses>;

  explicit TcpFlow(Worker& worker);
  ~TcpFlow();
  TcpFlow(const TcpFlow&) = delete;
  TcpFlow& operator=(const TcpFlow&) = delete;

  void open(WorkerListener& listener, shared::UniqueFd fd, Peer peer, Told told);
  void open(WorkerListener& listener, std::unique_ptr<loop::Transport> transport, Peer peer, Told told);
  void open(WorkerListener& listener, std::unique_ptr<tls::TlsTransport> transport, Peer peer, Told told);

  // ClientConnection. A flow has no boundary at which it could be ended: it goes on when its listener goes
  // away and while the process drains, until a side ends it.
  void serve_arrived() override {}
  void wind_down() override {}
  bool close_if_idle() override { return false; }
  void cut() override;
  void reuse() override;

  void advance() override;

 private:
  enum class Phase : std::uint8_t { kClosed, kHandshake, kConnecting, kRelay };
  // Whose doing the end is, for the counters.
  enum class Reset : std::uint8_t { kNone, kByClient, kByTarget, kByUs };

  // TargetOwner
  void on_target_ready() override;
  void on_connect_failed(ConnectFailure failure) override;
  void on_target_cut() override;

  void opened(shared::Result<void> watched);
  void on_ready(loop::Ready ready);
  void on_timer();
  void run_handshake();
  void connect();
  bool try_target(WorkerTarget& target);
  void note_not_connected(WorkerTarget& target);
  std::optional<sticky::Mark> kept_by_source(const WorkerGroup& group) const;
  std::string proxy_header(WorkerTarget& target);
  void run_relay();
  bool judge(Relay::Result result, bool from_client);
  void detach();
  void close(Reset reset);
  void count_bytes();
  TrafficCounters& counters();

  TransportStream stream_;
  loop::TimerNode timer_;             // handshake; between two bytes. Connecting, the target's side has one
  tls::TlsTransport* tls_ = nullptr;  // null: no TLS
  TargetConnection* target_ = nullptr;
  Told told_;
  Relay up_;    // to the target
  Relay down_;  // to the client
  std::array<WorkerTarget*, kMaxTries> tried_{};
  std::size_t tries_ = 0;
  ConnectFailure last_failure_ = ConnectFailure::kRefused;
  shared::SteadyTime deadline_connect_{};
  shared::Millis idle_timeout_{0};  // of its listener, as long as there was one
  std::uint64_t counted_in_ = 0;
  std::uint64_t counted_out_ = 0;
  int reads_left_ = 0;
  Phase phase_ = Phase::kClosed;
  bool advancing_ = false;
};

}  // namespace balancer::proxy
