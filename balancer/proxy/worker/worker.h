// One worker: a thread's loop, its listening sockets, its client connections and its connections to targets.
// Shares nothing with other workers but immutable snapshots and atomics. Thread: everything belongs to the
// loop's thread, except what says otherwise; other threads reach it through loop().post().
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/proxy/client/client_connection.h"
#include "balancer/proxy/client/h1_connection.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/pool.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target/h2_target.h"
#include "balancer/proxy/target/target_connection.h"
#include "balancer/proxy/tcp/proxy_header_wait.h"
#include "balancer/proxy/tcp/tcp_flow.h"
#include "balancer/proxy/worker/snapshot.h"
#include "balancer/proxy/worker/stats.h"
#include "balancer/proxy/worker/token_keys.h"
#include "balancer/routing/route_table.h"
#include "balancer/routing/transform.h"
#include "balancer/sticky/cookies.h"
#include "balancer/targets/selection.h"
#include "shared/base/unique_fd.h"
#include "shared/env/random.h"

namespace balancer::proxy {

inline constexpr int kAcceptsPerTurn = 64;
inline constexpr int kListenDrainAccepts = loop::kListenBacklog;  // when a socket closes for good
inline constexpr shared::Millis kSuspectFor{2'000};
inline constexpr shared::Millis kAcceptPause{100};  // after running out of descriptors
// A target that left the configuration without draining: its open requests may still run this long.
inline constexpr shared::Millis kRemovedTargetLimit{300'000};
// After another process has taken over: how long an idle client may still send a request to this one.
inline constexpr shared::Millis kHandedOverIdle{5'000};

// A listening socket of this worker; outlives configurations as long as one names its address.
struct WorkerListener {
  explicit WorkerListener(Worker& w) : worker(w) {}
  Worker& worker;
  shared::UniqueFd fd;
  loop::FdWatch watch;
  loop::TimerNode pause;
  const CompiledListener* current = nullptr;  // null: removed, its connections wind down
  std::shared_ptr<ListenerStats> stats;       // keeps `counters` alive
  TrafficCounters* counters = nullptr;
  std::size_t connections = 0;
};

struct WorkerGroup {
  const targets::Group* group = nullptr;
  targets::Selector selector;
  std::uint64_t seen_epoch = 0;
  sticky::Mark mark{};  // what a cookie says of it
  sticky::Lines lines;
  // By the marks of targets, where clients stick to them.
  std::map<sticky::Mark, std::size_t> marks;
  // As in group->active and group->draining; only of the current configuration to be used.
  std::vector<WorkerTarget*> targets;
  std::vector<WorkerTarget*> draining;
};

// A snapshot with this worker's own state beside it, which is shared with the snapshots before and after
// where the group is the same; freed when it is neither current nor used by an exchange.
struct WorkerConfig {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<WorkerGroup>> groups;  // as in snapshot->groups
  std::size_t users = 0;
  const routing::AcmeAnswers* acme = nullptr;  // the snapshot's
};

struct NewSocket {
  std::string address;  // "10.0.0.1:80"
  shared::UniqueFd fd;
};

// Why a worker stops. kEnd: nobody accepts at its addresses any more, so what waits there is served, and idle
// connections close. kHandedOver: another process accepts from the same sockets; idle connections stay for
// another request, or for kHandedOverIdle, so that none crosses with a close.
enum class Drain : std::uint8_t { kEnd, kHandedOver };

inline constexpr std::size_t kMaxConnectionsPerWorker = 100'000;
inline constexpr std::size_t kLeastWhenShort = 64;    // clients and requests that are served all the same
inline constexpr std::size_t kClientsLookedAt = 256;  // for an idle one, when descriptors are short

// Begins to connect; null with the errno where that failed at once. What it gives reports writable once the
// connection is there.
using Dialler = std::function<std::unique_ptr<loop::Transport>(const loop::Address& to, int* error)>;

struct WorkerOptions {
  std::size_t index = 0;
  // Clients; further ones are closed at accept. As many connections to targets are kept open at most.
  std::size_t max_connections = kMaxConnectionsPerWorker;
  AccessLog* access_log = nullptr;  // null: none
  std::uint64_t seed = 1;
  Dialler dial{};                  // null: sockets
  bool accepting = true;           // false: not before accept()
  jwt::KeySource* keys = nullptr;  // of issuers of tokens; null: no token can be validated
};

class Worker {
 public:
  Worker(loop::Loop& loop, WorkerOptions options);
  ~Worker();

  // Switches to the snapshot: new listening sockets start accepting, missing ones stop, targets that may not
  // be chosen any more lose their idle connections. When it returns, no new request of this worker uses the
  // former snapshot. Groups that are the same as before cost nothing.
  void apply(std::shared_ptr<const Snapshot> snapshot, std::vector<NewSocket> sockets);
  // Serves a client that came to the listener at `address` by another way than its socket, which a listener
  // may do without then. False: there is none.
  bool adopt(const std::string& address, std::unique_ptr<loop::Transport> transport, Peer peer);
  void accept();  // from now on, if it was not asked to from the beginning
  // Duplicates of its listening sockets.
  std::vector<NewSocket> sockets() const;
  // Stops accepting, ends connections at their next boundary, idle ones as `how` says; `done` once none is
  // left.
  void drain(Drain how, std::function<void()> done);
  void cut_all();  // closes every connection now
  // Resets the flows of TCP and TLS listeners to this target; from the loop's thread.
  void reset_flows(const targets::TargetRuntime& target);
  // Memory is short: no more clients and requests than this part (in hundredths) of those that are here now,
  // until more_memory(). What is pooled serves that many without growing.
  void less_memory(unsigned hundredths);
  void more_memory();
  bool too_many_requests() const { return exchanges_in_use() > max_exchanges_; }

  // For the connections.
  loop::Loop& loop() { return loop_; }
  BufferPool& buffers() { return buffers_; }
  PipePool& pipes() { return pipes_; }
  encode::EncoderPool& encoders() { return encoders_; }
  codec::Buffer& encode_space() { return encode_space_; }
  TargetCounters& target_counters() { return target_counters_; }
  const TargetCounters& target_counters() const { return target_counters_; }
  shared::env::Random& random() { return random_; }
  routing::Scratch& scratch() { return scratch_; }
  TokenKeys& token_keys() { return token_keys_; }
  std::string& text_space() { return text_space_; }
  std::string& cookie_space() { return cookie_space_; }
  routing::TransformSpace& transform_space() { return transform_space_; }
  sticky::Sealer& sealer() { return sealer_; }
  codec::Buffer& location_space() { return location_space_; }
  codec::Buffer& head_space() { return head_space_; }
  std::size_t index() const { return options_.index; }
  bool draining() const { return static_cast<bool>(drained_); }
  bool handed_over() const { return draining() && drain_ == Drain::kHandedOver; }
  const Dialler& dialler() const { return options_.dial; }
  // Those that serve a request.
  std::size_t exchanges_in_use() const { return exchange_pool_.in_use(); }
  bool logs_access() const { return options_.access_log != nullptr; }
  void log(AccessRecord& record);
  std::string_view date();        // IMF-fixdate of this second
  std::uint32_t epoch_seconds();  // as of date()
  WorkerConfig& current() { return *current_; }
  bool has_config() const { return current_ != nullptr; }
  void release(WorkerConfig& config);  // an exchange no longer uses it
  struct Chosen {
    WorkerTarget* target = nullptr;
    bool failed_open = false;
  };
  // Never one of `tried`; a suspect only when there is no other. `kept`: whom a cookie names, if it may be.
  std::optional<Chosen> choose(WorkerGroup& group, std::span<WorkerTarget* const> tried,
                               const sticky::Mark* kept = nullptr);
  // Whether a request may go to a target now. Where the group limits requests, it waits or has its turn.
  struct Admission {
    enum class State { kNobody, kQueueFull, kWaits, kGoes };
    State state = State::kNobody;
    Chosen chosen{};                          // kGoes; with a place at the group's gate where it has one
    targets::RequestGate::Ticket ticket = 0;  // kWaits: to be left or collected there
    bool held = false;                        // kWaits, kQueueFull: for a first target, not for one with room
  };
  Admission admit(WorkerGroup& group, std::span<WorkerTarget* const> tried, const sticky::Mark* kept,
                  targets::GateKeeper& keeper);
  // Once for each request that a target was chosen for.
  void note_outcome(const targets::Group& group, WorkerTarget& target, bool failed);
  void readmit(WorkerTarget& target);
  WorkerTarget* find_target(const void* runtime);  // null: of no configuration of this worker
  // It refused a connection or closed a fresh one without a word: for kSuspectFor, others are preferred. This
  // is quicker than health checks, which need unhealthy_threshold intervals.
  void suspect(WorkerTarget& target);
  WorkerGroup* find_group(const std::string& id);
  // Before another connection to a target: an idle one is given up when there are as many as allowed.
  void make_room_for_target();
  // Out of descriptors: closes a connection that serves nobody, to a target or, where there is none, of the
  // client that has been there longest of those that are looked at. False: none is idle.
  bool make_room();
  TargetConnection& new_target_connection();
  void recycle(TargetConnection& connection);
  Exchange& new_exchange();  // its parser and head are ready for a request
  void recycle(Exchange& exchange);
  H2TargetStream& new_h2_target_stream();
  void spare(H2TargetStream& stream) { h2_target_stream_pool_.give_later(stream); }
  // turn_ends() is called once before this turn is over.
  void at_turn_end(AtTurnEnd& work);
  void forget(AtTurnEnd& work);
  void forget(Resumable& work);
  H2Stream& new_h2_stream();
  void spare(H2Stream& stream) { h2_stream_pool_.give_later(stream); }
  void recycle(ClientConnection& connection);
  void spare(TcpFlow& flow) { flow_pool_.give(flow); }
  // A client whose socket is at its first byte for us. `told`: by a header of the PROXY protocol.
  void serve(WorkerListener& listener, shared::UniqueFd fd, Peer peer, const TcpFlow::Told& told);
  void recycle(ProxyHeaderWait& wait);
  void spare(H1Connection& connection) { h1_pool_.give(connection); }
  void continue_later(Resumable& work);

 private:
  std::optional<Chosen> choose(WorkerGroup& group, std::span<WorkerTarget* const> tried,
                               const sticky::Mark* kept, const targets::RequestGate::Open* gate);
  Admission hold(WorkerGroup& group, targets::GateKeeper& keeper);
  Admission wait_at(targets::RequestGate::Open& gate, targets::GateKeeper& keeper);
  void refresh(WorkerGroup& group);
  void avoid(const WorkerGroup& group, const WorkerTarget* target);
  void accept_from(WorkerListener& listener, int limit);
  void listen_on(WorkerListener& listener);
  H1Connection& new_client();
  TcpFlow& new_flow();
  ProxyHeaderWait& new_wait();
  void install_targets(WorkerConfig& config);
  std::shared_ptr<WorkerGroup> install_group(const targets::Group& group, const WorkerGroup* former);
  void leave_targets(const WorkerGroup& former);
  void leave(WorkerTarget& target);
  void forget_idle_leavers();
  void install_listeners(WorkerConfig& config, std::vector<NewSocket> sockets);
  void serve_before_removal(const Snapshot& next);
  void stop_listening(WorkerListener& listener);
  void wind_down_connections();
  void end_turn();
  void refresh_date();
  bool close_an_idle_target();
  bool close_an_idle_client();

  loop::Loop& loop_;
  WorkerOptions options_;
  BufferPool buffers_;
  PipePool pipes_;
  encode::EncoderPool encoders_;  // before the exchanges, which may have some
  codec::Buffer encode_space_;
  TargetCounters target_counters_;
  shared::env::SeededRandom random_;
  routing::Scratch scratch_;
  std::string text_space_;
  std::string cookie_space_;
  routing::TransformSpace transform_space_;
  sticky::Sealer sealer_;
  TokenKeys token_keys_;
  codec::Buffer location_space_;
  codec::Buffer head_space_;
  std::string log_lines_;
  std::string date_;
  std::uint32_t date_seconds_ = 0;
  shared::SteadyTime date_until_{};

  // Connections to targets take themselves out of these when they die.
  std::vector<AtTurnEnd*> at_turn_end_;
  std::vector<Resumable*> unfinished_;  // have work left for the next turn
  std::vector<Resumable*> resuming_;    // have it now
  Pool<H2TargetStream> h2_target_stream_pool_;
  std::uint64_t generation_ = 0;
  std::unique_ptr<WorkerConfig> current_;
  std::vector<std::unique_ptr<WorkerConfig>> former_;
  std::unordered_map<const targets::TargetRuntime*, std::unique_ptr<WorkerTarget>> targets_;
  std::vector<WorkerTarget*> leaving_;  // in no configuration any more, with requests open
  // By address; several where another process with more workers handed over its sockets.
  std::multimap<std::string, std::unique_ptr<WorkerListener>> listeners_;
  std::vector<std::unique_ptr<WorkerListener>> closed_listeners_;  // with connections left

  Pool<H1Connection> h1_pool_;
  std::vector<ClientConnection*> dead_clients_;  // spare from the end of the turn on
  List<ClientConnection> clients_;
  Pool<TcpFlow> flow_pool_;
  Pool<ProxyHeaderWait> wait_pool_;
  List<ProxyHeaderWait> waits_;
  Pool<Exchange> exchange_pool_;
  Pool<H2Stream> h2_stream_pool_;
  Pool<TargetConnection> target_pool_;
  std::vector<std::size_t> avoided_;     // of choose(), kept for its capacity
  shared::SteadyTime suspects_until_{};  // no target is a suspect from then on
  bool resume_posted_ = false;
  std::function<void()> drained_;
  Drain drain_ = Drain::kEnd;
  bool drain_open_ = true;  // drained_ was not called yet
  std::size_t max_clients_;
  std::size_t max_exchanges_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace balancer::proxy
