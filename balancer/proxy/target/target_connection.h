// The worker's side of a target: its idle connections (last in, first out), its busy ones, and whether new
// requests may go there. A TargetConnection is one TCP connection towards it: connecting, serving one
// exchange, or idle. Never pipelined; shared by all clients of the worker. Thread: the worker's.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target/target_side.h"
#include "balancer/sticky/cookies.h"
#include "balancer/targets/target.h"
#include "balancer/tls/transport.h"
#include "shared/base/time.h"

namespace balancer::proxy {

class H2TargetConnection;
class TargetConnection;
class Worker;

// ALB gives a target 10 s to accept (504 beyond); the first tries get less, so that another target can still
// answer.
inline constexpr shared::Millis kConnectBudget{10'000};
inline constexpr shared::Millis kConnectTry{3'000};
inline constexpr std::size_t kMaxIdlePerTarget = 256;  // per worker
// Shorter than the 60 s of the load balancer's own idle timeout, so that we close before most targets do.
inline constexpr shared::Millis kPoolIdle{55'000};

struct WorkerTarget {
  WorkerTarget(Worker& w, std::shared_ptr<targets::TargetRuntime> r);
  ~WorkerTarget();

  Worker& worker;
  std::shared_ptr<targets::TargetRuntime> runtime;
  shared::SteadyTime suspect_until{};  // see Worker::suspect
  bool accepting = true;               // false: draining or removed; no new request, nothing is kept idle
  std::uint64_t generation = 0;        // of the worker's configuration that names it
  std::size_t place = 0;               // in its group, while accepting
  sticky::Mark mark{};                 // where clients stick to it
  bool marked = false;
  sticky::Lines lines;
  List<TargetConnection> idle;
  List<TargetConnection> busy;
  std::vector<std::unique_ptr<H2TargetConnection>> h2;  // instead of both, where the target speaks HTTP/2
  loop::TimerNode cut;                                  // armed while draining: the end of open requests
  loop::TimerNode readmission;                          // armed where this worker has ejected it

  void stop_accepting(shared::SteadyTime cut_at);
  void cut_busy();  // what is open towards it ends now
  void close_idle();
  bool unused() const;  // no request is open
};

// Whether the request could be repeated should a reused connection turn out to be dead.
enum class Replay { kPossible, kNever };

class TargetConnection final : public TargetSide, public ListHook<TargetConnection> {
 public:
  enum class State { kClosed, kConnecting, kHandshake, kBusy, kIdle };

  explicit TargetConnection(Worker& worker);
  TargetConnection(const TargetConnection&) = delete;
  TargetConnection& operator=(const TargetConnection&) = delete;

  // Takes an idle connection of the target; null when there is none that can be trusted.
  static TargetConnection* reuse(WorkerTarget& target, TargetOwner& owner, Replay replay);
  // Starts a fresh one; null when the kernel refused at once: `failure` says why.
  // `preface`: bytes before everything else, TLS included.
  static TargetConnection* open(WorkerTarget& target, TargetOwner& owner, shared::Millis limit,
                                ConnectFailure& failure, std::string preface = {});

  // The exchange is over: back to the pool, or closed. `this` must not be used by the owner afterwards.
  void keep() override;
  void close() override;

  Stream& stream() override { return stream_; }
  WorkerTarget& target() override { return *target_; }
  bool connected() const override { return state_ == State::kBusy; }
  bool reused() const override { return reused_; }
  TargetOwner* owner() { return owner_; }
  void forget() { stream_.forget(); }  // dead since this turn

 private:
  void on_ready(loop::Ready ready);
  bool take_connected();
  void on_idle_bytes();
  void on_timer();

  Worker& worker_;
  TransportStream stream_;
  tls::TlsTransport* tls_ = nullptr;  // of stream_; null: without
  WorkerTarget* target_ = nullptr;
  TargetOwner* owner_ = nullptr;  // while connecting or busy
  State state_ = State::kClosed;
  bool reused_ = false;
  // Of the loop: idle, when it became so; busy, when a repeatable request was given to it, 0 where nothing is
  // to be learnt from that.
  std::uint64_t batch_ = 0;
  loop::TimerNode timer_;  // connecting: limit; idle: expiry
};

}  // namespace balancer::proxy
