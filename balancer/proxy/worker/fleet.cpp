#include "balancer/proxy/worker/fleet.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <iterator>

#include "balancer/loop/port_holder.h"
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
    worker.accepting = options.accepting;
    worker.seed = random.next();
    worker.keys = options.keys;
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
      for (std::size_t i = 0; i < plan.size(); ++i)
        std::move((*opened)[i].begin(), (*opened)[i].end(), std::back_inserter(plan[i]));
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
Result<SocketPlan> Fleet::open_one(const CompiledListener& listener) const {
  SocketPlan sockets(threads_.size());
  const std::string address = loop::to_string(listener.address);
  if (listening_.count(address) != 0) return sockets;
  const auto inherited = inherited_.find(address);
  if (inherited != inherited_.end()) return take_inherited(address, inherited->second);
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    auto fd =
        loop::open_listener(listener.address, i == 0 ? loop::Sharing::kFirst : loop::Sharing::kPerWorker);
    if (!fd && fd.error().code() == "address_in_use") {
      const std::string holder = loop::describe_holder(listener.address);
      if (!holder.empty()) return shared::Error(fd.error().code(), fd.error().text() + ", " + holder);
    }
    if (!fd) return fd.error();
    sockets[i].push_back({address, std::move(fd).value()});
  }
  return sockets;
}

// A socket has a queue of its own, so each is some worker's. Where there are more workers some share one.
Result<SocketPlan> Fleet::take_inherited(const std::string& address,
                                         const std::vector<shared::UniqueFd>& sockets) const {
  SocketPlan plan(threads_.size());
  for (std::size_t i = 0; i < std::max(threads_.size(), sockets.size()); ++i) {
    shared::UniqueFd fd = loop::duplicate(sockets[i % sockets.size()].get());
    if (!fd) return shared::Error("descriptors", "no descriptor is left for a socket of " + address);
    plan[i % threads_.size()].push_back({address, std::move(fd)});
  }
  return plan;
}

void Fleet::apply(std::shared_ptr<const Snapshot> snapshot, SocketPlan sockets, std::function<void()> done) {
  inherited_.clear();
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

void Fleet::accept(std::function<void()> done) {
  const auto one_done = after_all(threads_.size(), std::move(done));
  for (Thread& thread : threads_) {
    thread.loop->post([worker = thread.worker.get(), one_done] {
      worker->accept();
      one_done();
    });
  }
}

void Fleet::gather_sockets(std::function<void(std::vector<NewSocket>)> done) {
  auto gathered = std::make_shared<SocketPlan>(threads_.size());
  const auto one_done = after_all(threads_.size(), [gathered, done = std::move(done)] {
    std::vector<NewSocket> all;
    for (auto& some : *gathered) std::move(some.begin(), some.end(), std::back_inserter(all));
    done(std::move(all));
  });
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    threads_[i].loop->post([worker = threads_[i].worker.get(), gathered, i, one_done] {
      (*gathered)[i] = worker->sockets();
      one_done();
    });
  }
}

void Fleet::drain(Drain how, std::function<void()> done) {
  const auto one_done = after_all(threads_.size(), std::move(done));
  for (Thread& thread : threads_)
    thread.loop->post([worker = thread.worker.get(), how, one_done] { worker->drain(how, one_done); });
}

void Fleet::less_memory(unsigned hundredths) {
  for (Thread& thread : threads_)
    thread.loop->post([worker = thread.worker.get(), hundredths] { worker->less_memory(hundredths); });
}

void Fleet::more_memory() {
  for (Thread& thread : threads_)
    thread.loop->post([worker = thread.worker.get()] { worker->more_memory(); });
}

void Fleet::cut_all() {
  for (Thread& thread : threads_) thread.loop->post([worker = thread.worker.get()] { worker->cut_all(); });
}

void Fleet::reset_flows(const std::shared_ptr<targets::TargetRuntime>& target) {
  for (Thread& thread : threads_)
    thread.loop->post([worker = thread.worker.get(), target] { worker->reset_flows(*target); });
}

const TargetCounters& Fleet::target_counters(std::size_t worker) const {
  return threads_[worker].worker->target_counters();
}

void Fleet::ping(const std::function<void(std::size_t)>& alive) {
  for (std::size_t i = 0; i < threads_.size(); ++i) threads_[i].loop->post([alive, i] { alive(i); });
}

}  // namespace balancer::proxy
