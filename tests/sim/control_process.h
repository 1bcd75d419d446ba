// Control in simulation: the shipped engine and API modules on a store that survives crashes.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/control/engine/engine.h"
#include "agent/store/store.h"
#include "tests/sim/network.h"
#include "tests/sim/slow_store.h"
#include "tests/sim/told.h"
#include "tests/sim/world.h"

namespace sim {

class ControlProcess {
 public:
  // Commits take up to twice `slowest_commit`; zero: no time, before anything else happens.
  ControlProcess(World& world, Network& network, agent::control::Settings settings,
                 Millis slowest_commit = Millis(0));

  void boot();
  void crash();
  // Every turn of every engine from now on is compared with a pass over everything.
  void check_turns(std::function<void(const std::string&)> complain);
  // Crashes, and its database is an older one when it boots again.
  void lose_since(const agent::store::MemoryStore& older);
  // By whom lifecycle hooks are called, now and by engines to come.
  void use(agent::hooks::Caller& hooks);
  // What balancers have said to this control since it started.
  const Told& told() const { return told_; }
  bool up() const { return engine_ != nullptr; }
  // What its state says can still be taken back.
  bool saving() const { return up() && engine_->saving(); }
  Process& process() { return process_; }
  agent::control::Engine& engine() { return *engine_; }
  agent::store::MemoryStore& store() { return *store_; }
  const agent::control::State& state() const { return engine_->state(); }

  // One API call, already authenticated; runs in this process. `service` is "ecs" or "elbv2".
  using Answer = Network::Answer;
  void serve(const std::string& service, const std::string& operation, const std::string& body,
             Answer answer);
  // An agent dials /ws; a balancer dials the feed. nullptr: refused.
  std::shared_ptr<Network::End> accept_agent(Process& from, const std::string& instance_arn);
  std::shared_ptr<Network::End> accept_feed(Process& from);

 private:
  std::shared_ptr<Network::End> accept(
      Process& from, std::function<std::uint64_t(std::shared_ptr<agent::link::Channel>)> open,
      std::function<void(std::uint64_t, std::string)> text, std::function<void(std::uint64_t)> close);
  World& world_;
  Network& network_;
  Process process_;
  agent::control::Settings settings_;
  std::unique_ptr<agent::store::MemoryStore> store_ = std::make_unique<agent::store::MemoryStore>();
  Millis slowest_commit_;
  std::unique_ptr<SlowStore> commits_;
  std::unique_ptr<agent::control::Engine> engine_;
  agent::hooks::Caller* hooks_ = nullptr;
  std::function<void(const std::string&)> complain_;
  Told told_;
};

// What an answer in XML has in its first element of this name.
std::string text_in(const std::string& xml, const std::string& element);

}  // namespace sim
