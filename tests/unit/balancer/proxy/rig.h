// A worker between clients and targets in memory: what a test writes arrives, what comes is written down,
// until nothing moves any more. Time stands still. The worker has a thread of its own; between a test's calls
// here it has nothing to do.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "balancer/proxy/worker/fleet.h"
#include "balancer/targets/drain.h"
#include "tests/support/memory_transport.h"

namespace balancer::proxy {

class Rig {
 public:
  struct End {
    tests::support::MemoryWire wire;
    std::unique_ptr<loop::Transport> transport;
    std::string got;
    bool ended = false;
    bool broken = false;  // a reset
    bool connected = false;
    // Since the last call.
    std::string take() { return std::exchange(got, {}); }
  };

  explicit Rig(const std::function<void(shared::lbconfig::Config&)>& change = {}, AccessLog* log = nullptr) {
    WorkerOptions options;
    options.access_log = log;
    options.dial = [this](const loop::Address&, int*) -> std::unique_ptr<loop::Transport> {
      auto [mine, theirs] = dialled.emplace_back().wire.ends();
      dialled.back().transport = std::move(mine);
      return std::move(theirs);
    };
    worker = std::make_unique<Worker>(*loop, std::move(options));
    shared::lbconfig::Config config;
    config.version = 1;
    shared::lbconfig::Listener web;
    web.id = "web";
    web.address = "127.0.0.1";
    web.port = 80;
    web.options.access_log = log != nullptr;
    web.default_action.forward.target_groups = {{"tg", 1}};
    shared::lbconfig::TargetGroup group;
    group.id = "tg";
    group.health_check.enabled = false;
    shared::lbconfig::Target target;
    target.address = "10.0.0.1";
    target.port = 1;
    group.targets.push_back(target);
    config.listeners.push_back(web);
    config.target_groups.push_back(group);
    if (change) change(config);
    targets::DrainTracker drains;
    drains.on_config(config, now);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->version = 1;
    snapshot->listeners = compiler.compile(config, {}).value();
    snapshot->groups = registry.compile(config, drains).value();
    groups = snapshot->groups;
    std::vector<NewSocket> sockets;
    sockets.push_back({"127.0.0.1:80", {}});
    worker->apply(std::move(snapshot), std::move(sockets));
    thread_ = std::thread([this] { loop->run(); });
  }
  ~Rig() {
    loop->stop();
    thread_.join();
    worker.reset();  // before the wires
  }

  // In a turn of the worker's; returns once it was.
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop->post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  // Of the target group, before it is used.
  static std::function<void(shared::lbconfig::Config&)> with(
      std::function<void(shared::lbconfig::TargetGroup&)> change) {
    return [change = std::move(change)](shared::lbconfig::Config& config) {
      shared::lbconfig::TargetGroup group = *config.target_groups[0];
      change(group);
      config.target_groups[0] = group;
    };
  }

  End& connect() {
    End& client = clients.emplace_back();
    auto [mine, theirs] = client.wire.ends();
    client.transport = std::move(mine);
    client.connected = true;
    Peer peer;
    peer.ip = "192.0.2.1";
    peer.port = 1;
    on_loop([&] { EXPECT_TRUE(worker->adopt("127.0.0.1:80", std::move(theirs), std::move(peer))); });
    return client;
  }
  void say(End& end, std::string_view bytes) {
    on_loop([&] {
      const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
      EXPECT_EQ(end.transport->write(std::span(&part, 1)).bytes, bytes.size());
    });
    settle();
  }
  End& target() {
    EXPECT_FALSE(dialled.empty()) << "nobody was dialled";
    return dialled.empty() ? dialled.emplace_back() : dialled.back();
  }
  // All that is said arrives, and all that follows from it.
  void settle() {
    for (int quiet = 0; quiet < 4;) {
      bool moved = false;
      on_loop([&] {
        for (std::deque<End>* ends : {&clients, &dialled}) {
          for (std::size_t i = 0; i < ends->size(); ++i) moved |= turn((*ends)[i]);
        }
      });
      quiet = moved ? 0 : quiet + 1;
    }
  }
  const TrafficCounters& counters() const { return stats.all().at("web")->per_worker[0]; }

  shared::SteadyTime now{std::chrono::hours(1)};
  std::unique_ptr<loop::Loop> loop = std::move(loop::Loop::create([this] { return now; })).value();
  std::deque<End> clients;
  std::deque<End> dialled;  // connections to targets
  std::vector<std::shared_ptr<const targets::Group>> groups;
  StatsRegistry stats{1};
  ListenerCompiler compiler{"", stats};
  targets::Registry registry{1};
  std::unique_ptr<Worker> worker;
  bool refuse_next = false;  // the next connection to a target is not made

 private:
  bool turn(End& end) {
    bool moved = !end.connected;
    if (!end.connected) {
      end.connected = true;
      if (std::exchange(refuse_next, false)) {
        end.wire.refuse(tests::support::MemoryWire::kToB);
        return true;
      }
      end.wire.connected();
    }
    moved |= end.wire.deliver_both();
    std::string space(64 * 1024, ' ');
    for (;;) {
      const loop::IoResult read = end.transport->read(space);
      if (read.state == loop::Io::kDone && read.bytes != 0) {
        end.got.append(space, 0, read.bytes);
        moved = true;
        continue;
      }
      end.ended |= read.state == loop::Io::kEnded;
      end.broken |= read.state == loop::Io::kFailed;
      return moved;
    }
  }

  std::thread thread_;
};

}  // namespace balancer::proxy
