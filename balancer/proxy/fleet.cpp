#include "balancer/proxy/fleet.h"

#include <pthread.h>

#include <atomic>

#include "shared/env/random.h"

namespace balancer::proxy {

using shared::Result;

namespace {

// Calls `done` when the last of `count` parts has called back.
std::function<void()> after_all(std::size_t count, std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(count);
  return [left, done = std::move(done)] {
    if (left->fetch_sub(1, std::memory_order_acq_rel) == 1) done();
  };
}

}  // namespace

Result<std::unique_ptr<Fleet>> Fleet::start(const FleetOptions& options) {
  std::unique_ptr<Fleet> fleet(new Fleet);
  shared::env::SystemRandom random;
  for (std::size_t i = 0; i < options.workers; ++i) {
    auto loop = loop::Loop::create();
    if (!loop) return loop.error();
    Thread thread;
    thread.loop = std::move(loop).value();
    WorkerOptions worker;
    worker.index = i;
    worker.access_log = options.access_log;
    worker.max_connections = options.max_connections_per_worker;
    worker.seed = random.next();
    thread.worker = std::make_unique<Worker>(*thread.loop, worker);
    thread.thread = std::thread([raw = thread.loop.get(), i] {
      ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(i)).c_str());
      raw->run();
    });
    fleet->threads_.push_back(std::move(thread));
  }
  return fleet;
}

Fleet::~Fleet() {
  for (Thread& thread : threads_) thread.loop->stop();
  for (Thread& thread : threads_) thread.thread.join();
}

Result<SocketPlan> Fleet::open_sockets(std::vector<std::shared_ptr<const CompiledListener>>& listeners,
                                       std::vector<UnavailableListener>* unavailable) const {
  SocketPlan plan(threads_.size());
  std::vector<std::shared_ptr<const CompiledListener>> served;
  for (auto& listener : listeners) {
    auto opened = open_one(*listener);
    if (opened) {
      for (std::size_t i = 0; i < opened->size(); ++i) plan[i].push_back(std::move((*opened)[i]));
      served.push_back(std::move(listener));
    } else if (unavailable == nullptr) {
      return opened.error().within("listener '" + listener->id + "'");
    } else {
      unavailable->push_back({listener->id, listener->address, opened.error().text()});
    }
  }
  listeners = std::move(served);
  return plan;
}

// One socket for each worker; none when it is open already.
Result<std::vector<NewSocket>> Fleet::open_one(const CompiledListener& listener) const {
  std::vector<NewSocket> sockets;
  const std::string address = loop::to_string(listener.address);
  if (listening_.count(address) != 0) return sockets;
  if (auto free = loop::probe_address(listener.address); !free) return free.error();
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    auto fd = loop::open_listener(listener.address, loop::Sharing::kPerWorker);
    if (!fd) return fd.error();
    sockets.push_back({address, std::move(fd).value()});
  }
  return sockets;
}

void Fleet::apply(std::shared_ptr<const Snapshot> snapshot, SocketPlan sockets, std::function<void()> done) {
  listening_.clear();
  for (const auto& listener : snapshot->listeners) listening_.insert(loop::to_string(listener->address));
  const auto one_done = after_all(threads_.size(), std::move(done));
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    // std::function wants copyable captures; the sockets travel in a box.
    auto box = std::make_shared<std::vector<NewSocket>>(std::move(sockets[i]));
    threads_[i].loop->post([worker = threads_[i].worker.get(), snapshot, box, one_done] {
      worker->apply(snapshot, std::move(*box));
      one_done();
    });
  }
}

void Fleet::drain(std::function<void()> done) {
  const auto one_done = after_all(threads_.size(), std::move(done));
  for (Thread& thread : threads_)
    thread.loop->post([worker = thread.worker.get(), one_done] { worker->drain(one_done); });
}

void Fleet::cut_all() {
  for (Thread& thread : threads_) thread.loop->post([worker = thread.worker.get()] { worker->cut_all(); });
}

const TargetCounters& Fleet::target_counters(std::size_t worker) const {
  return threads_[worker].worker->target_counters();
}

void Fleet::ping(const std::function<void(std::size_t)>& alive) {
  for (std::size_t i = 0; i < threads_.size(); ++i) threads_[i].loop->post([alive, i] { alive(i); });
}

}  // namespace balancer::proxy
