// The disk of simulated control: it takes its time, and a crash meanwhile leaves what is being committed
// either whole or not at all.
#pragma once
#include <utility>
#include <vector>

#include "agent/store/async_store.h"
#include "tests/sim/world.h"

namespace sim {

class SlowStore final : public agent::store::AsyncStore {
 public:
  // A commit takes up to `slowest` before its data are on the disk, and as much until that is known.
  SlowStore(Process& process, agent::store::MemoryStore& disk, Millis slowest)
      : process_(process), disk_(disk), slowest_(slowest) {}

  shared::Result<std::vector<agent::store::Record>> load() override { return disk_.load(); }
  void commit(agent::store::ChangeSet changes, Done done) override {
    if (slowest_ == Millis(0)) return done(disk_.commit(changes));
    process_.deliver(delay(), [this, changes = std::move(changes), done = std::move(done)] {
      process_.deliver(delay(), [saved = disk_.commit(changes), done] { done(saved); });
    });
  }
  void copy_to(std::string path, Done done) override {
    agent::store::DirectStore(disk_).copy_to(std::move(path), std::move(done));
  }

 private:
  Millis delay() { return process_.world().between(Millis(0), slowest_); }

  Process& process_;
  agent::store::MemoryStore& disk_;
  const Millis slowest_;
};

}  // namespace sim
