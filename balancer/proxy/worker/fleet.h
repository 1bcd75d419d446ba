// All workers of the process: their threads, their listening sockets, and the one moment at which a
// configuration is in force everywhere. Thread: main; completions are called on a worker's thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/worker/snapshot.h"
#include "balancer/proxy/worker/worker.h"
#include "shared/base/result.h"

namespace balancer::proxy {

struct FleetOptions {
  std::size_t workers = 1;
  AccessLog* access_log = nullptr;
  std::size_t max_connections_per_worker = kMaxConnectionsPerWorker;
  jwt::KeySource* keys = nullptr;  // outlives the fleet
  bool accepting = true;           // false: not before accept()
};

// Listening sockets that come from elsewhere (the process before, a service manager), by address.
using InheritedSockets = std::map<std::string, std::vector<shared::UniqueFd>>;

// One listening socket per worker for each address that is not listened on yet.
using SocketPlan = std::vector<std::vector<NewSocket>>;  // [worker]

// A listener that is configured and not served: its address is taken, or not of this host.
struct UnavailableListener {
  std::string id;
  loop::Address address;
  std::string reason;
};

class Fleet {
 public:
  static shared::Result<std::unique_ptr<Fleet>> start(const FleetOptions& options);
  ~Fleet();  // stops and joins the threads; open connections are closed

  // Opens what is missing, without taking anything away; on error nothing stays open. Errors name address and
  // reason. With `unavailable`, listeners that cannot be opened are taken out of `listeners` and told there
  // instead.
  shared::Result<SocketPlan> open_sockets(std::vector<std::shared_ptr<const CompiledListener>>& listeners,
                                          std::vector<UnavailableListener>* unavailable) const;
  // Hands the snapshot to every worker. `done` is called once all of them route by it.
  void apply(std::shared_ptr<const Snapshot> snapshot, SocketPlan sockets, std::function<void()> done);
  // Taken instead of opening the same addresses, each by some worker, so that no connection that waits in one
  // is lost. Those that the first configuration has no use for are closed when it is applied.
  void inherit(InheritedSockets sockets) { inherited_ = std::move(sockets); }
  // `done` once every worker accepts.
  void accept(std::function<void()> done);
  // Duplicates of all listening sockets, of every worker.
  void gather_sockets(std::function<void(std::vector<NewSocket>)> done);
  // No more connections are accepted, open requests are finished. `done` once every worker is empty.
  void drain(Drain how, std::function<void()> done);
  void cut_all();
  // Of TCP and TLS listeners: what is open towards this target is reset.
  void reset_flows(const std::shared_ptr<targets::TargetRuntime>& target);
  void less_memory(unsigned hundredths);  // see Worker
  void more_memory();

  std::size_t size() const { return threads_.size(); }
  const std::set<std::string>& listening() const { return listening_; }  // addresses
  const TargetCounters& target_counters(std::size_t worker) const;
  // Calls `alive` from each worker's thread.
  void ping(const std::function<void(std::size_t worker)>& alive);

 private:
  // [worker]
  shared::Result<SocketPlan> open_one(const CompiledListener& listener) const;
  shared::Result<SocketPlan> take_inherited(const std::string& address,
                                            const std::vector<shared::UniqueFd>& sockets) const;
  Fleet() = default;
  struct Thread {
    std::unique_ptr<loop::Loop> loop;
    std::unique_ptr<Worker> worker;
    std::thread thread;
  };
  std::vector<Thread> threads_;
  std::set<std::string> listening_;
  InheritedSockets inherited_;
};

}  // namespace balancer::proxy
