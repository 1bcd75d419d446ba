// One client's HTTP/1.1 connection and the exchange it is in: read head -> judge -> route -> choose target ->
// connect or reuse -> stream both bodies -> log, again and again in order (pipelined requests wait in the
// buffer). An explicit state machine stepped by advance() whenever either socket, a timer or the
// configuration has news. Bounded: each direction holds at most kMaxOut + kBufferSize bytes, then stops
// reading. Recycled by its worker, never freed while running. Thread: the worker's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "balancer/codec/body.h"
#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/access_log.h"
#include "balancer/proxy/interim_budget.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/snapshot.h"
#include "balancer/proxy/stats.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target_connection.h"
#include "balancer/routing/source.h"

namespace balancer::proxy {

class Worker;
struct WorkerConfig;
struct WorkerGroup;
struct WorkerListener;

inline constexpr std::size_t kMaxTries = 3;          // targets tried for one request
inline constexpr shared::Millis kHeadLimit{60'000};  // from the first byte of a head to its last
// After the last answer the client may still be sending a body that nobody wants: closing now would reset the
// connection and could take the answer away from it.
inline constexpr shared::Millis kLingerPause{2'000};   // without a byte of it
inline constexpr shared::Millis kLingerTotal{30'000};  // altogether
inline constexpr int kReadsPerTurn = 16;               // of one connection, then the others have their turn

class ClientConnection : public ListHook<ClientConnection> {
 public:
  explicit ClientConnection(Worker& worker);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void open(WorkerListener& listener, loop::Accepted accepted);
  void advance();

  // From the target's connection.
  void on_target_ready() { advance(); }
  void on_connect_failed(ConnectFailure failure);
  void on_target_cut();  // its drain limit passed

  // Looks for a request that has arrived but was not reported yet: before the routes it was sent to go away.
  void serve_arrived();
  // The listener went away or the process drains: closes at the next request boundary, at once when idle.
  void wind_down();
  void cut();  // the process's drain limit passed: closed whatever is open
  WorkerListener& listener() { return *listener_; }
  bool queued = false;  // for the next turn; the worker's

 private:
  enum class Phase { kClosed, kIdle, kHead, kExchange, kTunnel, kLinger };
  enum class Answer { kAwaited, kBody, kComplete };

  // client_connection.cpp: the connection, and heads
  void on_ready(loop::Ready ready);
  void on_timer();
  bool step();
  bool read_head();
  void start_exchange();
  void begin_request(codec::ParseState parsed);
  void route_request();
  void note_request(const codec::Judgement& judgement);
  void finish_exchange();
  void end_accounting();
  void become_idle();
  void linger();
  bool run_linger();
  void close(EndedBy by);
  void touch();
  void touch_head();
  void follow_listener();
  std::string_view default_host();
  bool out_of_turn();

  // own_answers.cpp: what is answered without a target
  void answer_refusal(const codec::Judgement& judgement);
  void answer_status(int status, std::string_view reason, EndedBy by);
  void answer_fixed(const shared::lbconfig::FixedResponseAction& fixed);
  void answer_redirect(const shared::lbconfig::RedirectAction& redirect);
  bool may_keep() const;

  // exchange.cpp: through a target
  void forward(const routing::Match& match, const codec::RequestRewrite& rewrite);
  WorkerGroup* group_in_force();
  bool try_target();
  bool attach(WorkerTarget& target);
  void detach(TargetConnection& connection);
  void drop_target();
  bool run_exchange();
  bool watch_client();
  bool pump_request();
  bool send_request();
  bool pump_response();
  bool read_response_head();
  void take_response_head();
  void take_interim();
  bool room_for_interims();
  void read_response_body();
  void response_complete();
  void on_target_end();
  void client_gone();
  void target_broke(std::string_view reason);
  void on_exchange_timeout();

  // tunnel.cpp: after a 101
  bool run_tunnel();
  bool relay(Stream& from, Stream& to, bool& shut);

  Worker& worker_;
  WorkerListener* listener_ = nullptr;
  Stream client_;
  loop::TimerNode timer_;
  Phase phase_ = Phase::kClosed;
  bool winding_down_ = false;
  bool advancing_ = false;
  int reads_left_ = kReadsPerTurn;
  shared::SteadyTime accepted_{};
  std::string client_ip_;
  std::uint16_t client_port_ = 0;
  routing::SourceAddress source_;
  shared::SteadyTime linger_until_{};
  std::shared_ptr<ListenerStats> stats_;  // keeps `counters_` alive
  TrafficCounters* counters_ = nullptr;   // of the listener that serves it now

  codec::RequestParser parser_;
  codec::RequestHead head_;
  codec::ResponseParser response_parser_;
  codec::ResponseHead response_head_;

  // The exchange in hand; reset by begin_request().
  WorkerConfig* config_ = nullptr;         // counted use: listener_now_ and the groups stay valid
  const CompiledListener* now_ = nullptr;  // null: the listener was removed
  std::size_t group_ = 0;
  codec::RequestFacts facts_;
  codec::BodyReader request_body_;
  codec::BodyReader response_body_;
  codec::BodyForm request_form_ = codec::BodyForm::kPlain;
  codec::ResponsePlan plan_;
  codec::Buffer request_out_;  // the rewritten head until a connection takes it over
  TargetConnection* target_ = nullptr;
  std::array<WorkerTarget*, kMaxTries> tried_{};
  std::size_t tries_ = 0;
  ConnectFailure last_failure_ = ConnectFailure::kRefused;
  bool replayable_ = false;   // idempotent, no body
  bool fresh_only_ = false;   // a reused connection has failed already
  bool close_after_ = false;  // desync: neither connection may serve again
  bool upload_done_ = true;
  bool upload_broken_ = false;  // the target takes no more bytes; its answer may still come
  bool keep_ = false;
  bool client_shut_ = false;  // tunnel: FIN was passed on in that direction
  bool target_shut_ = false;
  bool interims_seen_ = false;  // the target has sent an interim response
  InterimBudget interims_;
  Answer answer_ = Answer::kAwaited;
  shared::SteadyTime started_{};
  shared::SteadyTime dispatched_{};
  shared::SteadyTime deadline_connect_{};
  std::uint64_t received_before_ = 0;
  std::uint64_t sent_before_ = 0;
  AccessRecord record_;
};

}  // namespace balancer::proxy
