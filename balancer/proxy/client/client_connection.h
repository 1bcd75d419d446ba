// A client's connection as its worker keeps it, whatever protocol it speaks: whom it belongs to, who is at
// the other end, when it has to go. Thread: the worker's.
#pragma once
#include <memory>

#include "balancer/proxy/client/client_side.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/worker/stats.h"
#include "shared/base/time.h"

namespace balancer::proxy {

class Worker;
struct WorkerListener;

class ClientConnection : public ListHook<ClientConnection> {
 public:
  // Looks for a request that has arrived but was not reported yet: before the routes it was sent to go away.
  virtual void serve_arrived() = 0;
  // The listener went away or the process drains: closes at the next request boundary, at once when idle,
  // soon when another process has taken over.
  virtual void wind_down() = 0;
  // Closes it if it waits for a request and none has arrived. False: it has something to do.
  virtual bool close_if_idle() = 0;
  virtual void cut() = 0;  // the process's drain limit passed: closed whatever is open
  // Dead since this turn: may be used for another client.
  virtual void reuse() = 0;
  const WorkerListener& belongs_to() const { return *listener_; }

 protected:
  explicit ClientConnection(Worker& worker) : worker_(worker) {}
  ~ClientConnection() = default;
  void enter(WorkerListener& listener, Peer peer);
  void leave();
  // A new listener may have taken over the address: its connections and requests are its own from now on.
  void follow_listener();
  // Not winding down, and not as old as a client's connection may become.
  bool may_go_on() const;
  shared::Millis idle_timeout() const;
  // Asked of the kernel once, by who needs it: each line of the access log does.
  const std::string& reached_at(const loop::Transport& transport);
  const std::string& trace_id();  // "TID_" and 32 hexadecimal digits

  Worker& worker_;
  WorkerListener* listener_ = nullptr;
  Peer peer_;
  bool winding_down_ = false;
  shared::SteadyTime accepted_{};
  std::shared_ptr<ListenerStats> stats_;     // of the listener that serves it now
  std::unique_ptr<std::string> reached_at_;  // these two null: not asked yet
  std::unique_ptr<std::string> trace_id_;
};

}  // namespace balancer::proxy
