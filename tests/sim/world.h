// Simulated time and processes: one queue of events, one seed. A Process is the executor of one program;
// crashing it drops everything it had pending, exactly as kill -9 does. Nothing here knows Berth.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "shared/env/executor.h"
#include "shared/env/random.h"

namespace sim {

using shared::Millis;
using shared::SteadyTime;
using shared::WallTime;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  shared::env::SeededRandom& random() { return random_; }
  SteadyTime now() const { return now_; }
  WallTime wall_now() const;
  // Runs `work` at that time, unless it was cancelled. Equal times run in the order they were asked for.
  using Cancelled = std::shared_ptr<bool>;
  void at(SteadyTime when, Cancelled cancelled, std::function<void()> work);
  void after(Millis delay, std::function<void()> work) { at(now_ + delay, nullptr, std::move(work)); }
  // Runs one event; false when there is none left.
  bool run_one();
  void run_for(Millis span, const std::function<void()>& after_each);
  // Uniform in [low, high].
  Millis between(Millis low, Millis high);
  bool chance(unsigned per_thousand) { return random_.below(1000) < per_thousand; }
  std::uint64_t events_run() const { return events_run_; }

 private:
  struct Event {
    Cancelled cancelled;
    std::function<void()> work;
  };
  shared::env::SeededRandom random_;
  SteadyTime now_{};
  std::uint64_t order_ = 0;
  std::uint64_t events_run_ = 0;
  std::map<std::pair<SteadyTime, std::uint64_t>, Event> events_;
};

class Process final : public shared::env::Executor {
 public:
  Process(World& world, std::string name)
      : world_(world), name_(std::move(name)), life_(std::make_shared<bool>(false)) {}

  WallTime wall_now() const override { return world_.wall_now(); }
  SteadyTime now() const override { return world_.now(); }
  void post(std::function<void()> work) override;
  [[nodiscard]] shared::env::Timer after(Millis delay, std::function<void()> work) override;

  // Everything pending is dropped. The caller destroys the program's objects and may build new ones
  // afterwards.
  void crash();
  // Changes with every crash: callbacks from outside check that they still speak to the same life.
  std::uint64_t life() const { return number_; }
  const std::string& name() const { return name_; }
  World& world() { return world_; }
  // Runs `work` in this process after `delay`, unless it crashes before.
  void deliver(Millis delay, std::function<void()> work);
  // What this process's work takes of the real processor is added to `seconds` from now on; for benches.
  void meter(std::shared_ptr<double> seconds) { meter_ = std::move(seconds); }

 private:
  std::function<void()> guarded(std::function<void()> work) const;
  World& world_;
  std::string name_;
  std::shared_ptr<bool> life_;  // true once that life is over
  std::uint64_t number_ = 0;
  std::shared_ptr<double> meter_;
};

}  // namespace sim
