// The worker's side of a target: its idle connections (last in, first out), its busy ones, and whether new
// requests may go there. A TargetConnection is one TCP connection towards it: connecting, serving one
// exchange, or idle. Never pipelined; shared by all clients of the worker. Thread: the worker's.
#pragma once
#include <cstddef>
#include <memory>

#include "balancer/loop/loop.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/stream.h"
#include "balancer/targets/target.h"
#include "shared/base/time.h"

namespace balancer::proxy {

class ClientConnection;
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
  List<TargetConnection> idle;
  List<TargetConnection> busy;
  loop::TimerNode cut;  // armed while draining: the end of open requests

  void stop_accepting(shared::SteadyTime cut_at);
  void close_idle();
};

// kNoDescriptor: our own shortage, the target has nothing to do with it.
enum class ConnectFailure { kRefused, kTimeout, kNoDescriptor };
// Whether the request could be repeated should a reused connection turn out to be dead.
enum class Replay { kPossible, kNever };

class TargetConnection : public ListHook<TargetConnection> {
 public:
  enum class State { kClosed, kConnecting, kBusy, kIdle };

  explicit TargetConnection(Worker& worker);
  TargetConnection(const TargetConnection&) = delete;
  TargetConnection& operator=(const TargetConnection&) = delete;

  // Takes an idle connection of the target; null when there is none that can be trusted.
  static TargetConnection* reuse(WorkerTarget& target, ClientConnection& owner, Replay replay);
  // Starts a fresh one; null when the kernel refused at once: `failure` says why.
  static TargetConnection* open(WorkerTarget& target, ClientConnection& owner, shared::Millis limit,
                                ConnectFailure& failure);

  // The exchange is over: back to the pool, or closed. `this` must not be used by the owner afterwards.
  void keep();
  void close();

  State state() const { return state_; }
  bool connected() const { return state_ == State::kBusy; }
  bool reused() const { return reused_; }
  WorkerTarget& target() { return *target_; }
  ClientConnection* owner() { return owner_; }
  Stream stream;

 private:
  void on_ready(loop::Ready ready);
  void on_timer();

  Worker& worker_;
  WorkerTarget* target_ = nullptr;
  ClientConnection* owner_ = nullptr;  // while connecting or busy
  State state_ = State::kClosed;
  bool reused_ = false;
  loop::TimerNode timer_;  // connecting: limit; idle: expiry
};

}  // namespace balancer::proxy
