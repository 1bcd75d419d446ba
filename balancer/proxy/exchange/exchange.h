// One request through one target: judge -> route -> choose target -> connect or reuse -> stream both bodies
// -> log, or an answer of our own. An explicit state machine that its client side steps whenever either side,
// a timer or the configuration has news. Knows neither the client's protocol nor the target's: both are
// streams, heads pass as codec heads. Bounded: each direction holds at most kMaxOut + kBufferSize bytes, then
// stops reading. Recycled by its worker, never freed while running. Thread: the worker's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/codec/body.h"
#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"
#include "balancer/encode/encoder.h"
#include "balancer/encode/negotiation.h"
#include "balancer/jwt/key_set.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/client/client_side.h"
#include "balancer/proxy/exchange/body_pace.h"
#include "balancer/proxy/exchange/interim_budget.h"
#include "balancer/proxy/exchange/splice.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/target/target_side.h"
#include "balancer/proxy/worker/snapshot.h"
#include "balancer/proxy/worker/stats.h"
#include "balancer/routing/route_table.h"
#include "balancer/sticky/cookies.h"
#include "balancer/targets/target.h"

namespace balancer::proxy {

class Worker;
struct TokenWait;
struct WorkerConfig;
struct WorkerGroup;

inline constexpr std::size_t kMaxTries = 3;  // targets tried for one request
inline constexpr int kReadsPerTurn = 16;     // of one exchange, then the others have their turn
// Between two bytes, once the listener is gone that would say how long.
inline constexpr shared::Millis kIdleWithoutListener{2'000};

class Exchange final : public TargetOwner, public targets::GateKeeper {
 public:
  explicit Exchange(Worker& worker);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Where the client side reads the head to; its bytes are those of the client's stream.
  codec::RequestParser parser;
  codec::RequestHead head;
  shared::SteadyTime started{};  // the first byte of the head

  // The head is there, or cannot be read (kError). `body` is how the request body's bytes arrive. False:
  // refused; what follows the head is no body and no request.
  bool begin(ClientSide& client, const std::shared_ptr<ListenerStats>& stats, codec::ParseState parsed,
             codec::BodyFraming body);
  // There is no whole head to read: it did not come in time, or is too large.
  void begin_unread(ClientSide& client, const std::shared_ptr<ListenerStats>& stats, int status,
                    std::string_view reason);
  // Does what can be done now. False: nothing, until there is news. May end in on_served() or on_broken().
  bool step();
  // The client side is gone: the exchange ends here. `reason` empty: as noted.
  void abandon(EndedBy by, std::string_view reason = {});
  // A new turn begins: as much may be read as ever.
  void new_turn() { reads_left_ = kReadsPerTurn; }

  // The keys for its token have come, or cannot be had.
  void on_keys(const jwt::KeyAnswer& answer);

  // From the target side.
  void on_target_ready() override;
  void on_connect_failed(ConnectFailure failure) override;
  void on_target_cut() override;
  // From a gate, on any thread.
  void let_in(std::uint64_t ticket) override;

 private:
  enum class Phase { kUnused, kRequest, kTunnel };
  enum class Answer { kAwaited, kBody, kComplete };

  // exchange.cpp: through a target
  void start(ClientSide& client, const std::shared_ptr<ListenerStats>& stats);
  void route();
  void forward(const routing::Match& match, const routing::RequestFacts& facts,
               const codec::RequestRewrite& rewrite);
  std::optional<std::size_t> choose_group(const shared::lbconfig::ForwardAction& action);
  void read_target_cookie();
  bool speaks(shared::lbconfig::ProtocolVersion version) const;
  std::string_view request_trailers();
  void upload_ended();
  std::string_view cookie_lines();
  WorkerGroup* group_in_force();
  void note_not_connected(WorkerTarget& target);
  TargetSide* open_side(WorkerTarget& target, shared::Millis limit);
  H2Share h2_share() const;
  bool attach(WorkerTarget& target);
  void detach();
  void drop_target();
  bool run();
  bool watch_client();
  void count_outcome(bool failed);
  bool pump_request();
  void wait_for_body();
  bool send_request(codec::Buffer* more = nullptr);
  bool pump_response();
  bool read_response_head();
  void take_response_head();
  void take_interim();
  bool room_for_interims();
  bool flush_client(bool& moved);
  void read_response_body();
  bool may_splice();
  bool begin_splice();
  void splice_response_body();
  void body_broke();
  std::string_view response_trailers() const;
  void response_complete();
  void on_target_end();
  void client_gone();
  void target_broke(std::string_view reason);
  void on_timeout();
  void touch();
  bool out_of_turn();

  // exchange_admission.cpp: when it may go to a target
  bool within_rate();
  bool try_target();
  bool may_try_again();
  void on_turn(targets::RequestGate::Ticket ticket);
  void on_turn_missed();
  void leave_gate();
  void answer_unreachable(bool budget_spent);
  void note_dispatched();

  // exchange_answers.cpp: what is answered without a target
  void answer_refusal(const codec::Judgement& judgement);
  void answer_status(int status, std::string_view reason, EndedBy by);
  // A challenge that a certificate authority asks for by plain HTTP; false: the rules decide.
  bool answer_acme(const routing::RequestFacts& facts);
  void answer_rate_limited(std::chrono::nanoseconds wait);
  void answer_maintenance(const shared::lbconfig::Maintenance& maintenance);
  void answer_fixed(const shared::lbconfig::FixedResponseAction& fixed);
  void answer_redirect(const shared::lbconfig::RedirectAction& redirect);
  codec::OwnResponse own_response(int status);
  void own_answer_written(int status);
  void own_status_written(int status, std::string_view reason, EndedBy by);
  bool may_keep() const;
  std::string_view default_host();

  // exchange_token.cpp: whether its token lets it through
  bool passes(const shared::lbconfig::JwtValidation& wanted);
  void wait_for_keys(const std::string& endpoint);
  bool waits_for_keys() const;
  void forget_wait();
  void answer_token(jwt::Reason reason);

  // exchange_end.cpp: how it ends, and what is written down
  void note_request(const codec::Judgement& judgement);
  void finish();
  void break_off(EndedBy by, Cut cut = Cut::kPlain);
  void end_accounting(EndedBy by);

  // exchange_encode.cpp: a response body that is compressed on its way
  void begin_encoding(codec::ResponseRewrite& rewrite);
  void encode_response_body();
  bool encode(std::string_view payload, encode::Until until);

  // exchange_tunnel.cpp: after a 101
  bool run_tunnel();
  bool relay(Stream& from, Stream& to, bool& shut);

  Worker& worker_;
  ClientSide* client_ = nullptr;
  Stream* in_ = nullptr;  // the client's stream
  TrafficCounters* counters_ = nullptr;
  std::shared_ptr<ListenerStats> stats_;  // keeps `counters_` alive
  loop::TimerNode timer_;
  Phase phase_ = Phase::kUnused;
  int reads_left_ = kReadsPerTurn;

  codec::ResponseParser response_parser_;
  codec::ResponseHead response_head_;

  WorkerConfig* config_ = nullptr;         // counted use: now_ and the groups stay valid
  const CompiledListener* now_ = nullptr;  // null: the listener was removed
  std::size_t group_ = 0;
  std::size_t method_ = 0;  // of kCountedMethods
  codec::RequestFacts facts_;
  codec::BodyReader request_body_;
  BodyPace pace_;      // of that
  bool paced_ = true;  // it has a limit
  codec::BodyReader response_body_;
  codec::BodyForm request_form_ = codec::BodyForm::kPlain;
  codec::ResponsePlan plan_;
  targets::GroupTraffic* traffic_ = nullptr;                 // until a target has answered
  const shared::lbconfig::ForwardAction* action_ = nullptr;  // of now_
  std::optional<sticky::Mark> kept_;                         // the target that the client's cookie names
  bool outcome_counted_ = false;
  bool dispatched_once_ = false;
  // Of groups that limit requests: whose gate this waits at (with a ticket) or has a place at (of a target).
  std::shared_ptr<targets::GroupRuntime> gate_;
  targets::RequestGate::Ticket ticket_ = 0;
  targets::RequestGate::Target place_ = nullptr;
  shared::SteadyTime turn_limit_{};           // of the wait
  bool held_ = false;                         // it waits, or waited, for its group's first target
  encode::Accepted accepted_;                 // where the target group compresses
  std::unique_ptr<encode::Encoder> encoder_;  // while a response body goes through it
  bool unflushed_ = false;                    // it may hold back what came already
  std::unique_ptr<TokenWait> wait_;           // while the keys for its token are fetched
  std::unique_ptr<SplicePipe> pipe_;          // while a response body goes through it
  codec::Buffer request_out_;                 // the rewritten head until a target side takes it over
  std::string kept_trailers_;                 // of the request, where some may not go on
  TargetSide* target_ = nullptr;
  std::array<WorkerTarget*, kMaxTries> tried_{};
  std::size_t tries_ = 0;
  ConnectFailure last_failure_ = ConnectFailure::kRefused;
  bool replayable_ = false;    // idempotent, no body
  std::size_t repeats_ = 0;    // because a reused connection had ended
  bool fresh_only_ = false;    // so that no such one is used again
  bool close_after_ = false;   // desync: the target's connection may not serve again
  bool close_client_ = false;  // nor the client's
  bool upload_done_ = true;
  bool upload_broken_ = false;  // the target takes no more bytes; its answer may still come
  bool keep_ = false;
  bool client_shut_ = false;  // tunnel: FIN was passed on in that direction
  bool target_shut_ = false;
  bool interims_seen_ = false;  // the target has sent an interim response
  InterimBudget interims_;
  Answer answer_ = Answer::kAwaited;
  shared::SteadyTime dispatched_{};
  shared::SteadyTime deadline_connect_{};
  std::uint64_t received_before_ = 0;
  std::uint64_t sent_before_ = 0;
  codec::TraceStamp trace_;
  AccessRecord record_;
};

}  // namespace balancer::proxy
