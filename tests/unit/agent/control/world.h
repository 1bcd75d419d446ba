// The engine with everything around it played by the test: a store in memory, a clock that moves by hand,
// agents and balancers that answer as real ones do unless a test tells them not to. Invariants are checked
// whenever the world comes to rest.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/engine/engine.h"
#include "agent/control/events/outside.h"
#include "agent/control/services/services.h"
#include "agent/control/state/invariants.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/tasks.h"
#include "agent/link/acs.h"
#include "shared/lbconfig/feed.h"
#include "tests/support/manual_executor.h"

namespace agent::control::test {

inline TaskChange in_default(TaskChange change) {
  change.cluster = "default";
  return change;
}

class FakeChannel final : public link::Channel {
 public:
  void send(std::string text) override { sent.push_back(std::move(text)); }
  void close(const std::string& why) override { closed = why.empty() ? "closed" : why; }
  std::vector<std::string> sent;
  std::size_t read = 0;  // how many of them the other side has taken
  std::string closed;
};

// Commits at once, or when the test says so.
class HeldStore final : public store::AsyncStore {
 public:
  explicit HeldStore(store::Store& store) : store_(store) {}
  shared::Result<std::vector<store::Record>> load() override { return store_.load(); }
  void commit(store::ChangeSet changes, Done done) override {
    ASSERT_FALSE(saving) << "one commit at a time";
    saving = [this, changes = std::move(changes), done = std::move(done)] { done(store_.commit(changes)); };
    if (!hold) release();
  }
  void copy_to(std::string path, Done done) override {
    store::DirectStore(store_).copy_to(std::move(path), std::move(done));
  }
  void release() { std::exchange(saving, nullptr)(); }

  bool hold = false;
  std::function<void()> saving;  // what waits, if anything

 private:
  store::Store& store_;
};

class World;

// An agent: acknowledges payloads and remembers what it was told. Containers do what the test reports.
class FakeAgent {
 public:
  FakeAgent(World& world, std::string own_arn) : arn(std::move(own_arn)), world_(world) {}
  void connect();
  void disconnect();
  bool take_messages();  // true if there was any
  void report(const std::string& task_arn, const std::string& status, std::optional<int> exit_code = {});
  // Every task told to run is reported RUNNING, every one told to stop STOPPED.
  void obey();
  void take_keys(const std::string& message_id, const link::RoleCredentials& newer);

  std::string arn;
  bool acknowledges = true;
  std::shared_ptr<FakeChannel> channel;
  std::uint64_t session = 0;
  std::map<std::string, std::string> told;  // task ARN -> desired status, of the newest payload
  std::vector<std::string> stop_order;      // task ARNs in the order of their first STOPPED payload
  std::map<std::string, int> payloads;      // "<task ARN> RUNNING" -> how often
  std::map<std::string, link::TaskPayload> last_payload;
  std::map<std::string, link::RoleCredentials> keys;  // by credentials id, the newest
  int keys_told = 0;
  std::vector<link::TaskManifestMessage> manifests;
  std::vector<link::TaskStopVerificationAck> verdicts;
  int heartbeats = 0;
  std::uint64_t highest_number = 0;
  std::set<std::string> reported_running;
  std::set<std::string> reported_stopped;

 private:
  World& world_;
};

// A balancer: applies and acknowledges snapshots and deltas and reports on their targets.
class FakeBalancer {
 public:
  FakeBalancer(World& world, std::string own_id) : id(std::move(own_id)), world_(world) {}
  void connect();
  void disconnect();
  bool take_messages();
  void report();
  void apply(const lb::Config& newest);  // what it does with a snapshot when it acknowledges at all

  std::string id;
  bool acknowledges = true;
  bool reports = true;
  bool finds_healthy = true;
  std::set<std::string> finds_unhealthy{};  // target groups of which it finds no target healthy
  bool drains = true;   // open requests end at once
  bool deltas = false;  // says so in its hello
  std::optional<std::uint64_t>
      kept_version{};  // what its disk has for ever, where it is full: it acknowledges no other
  int deltas_taken = 0;
  int asked_for_report = 0;
  std::uint64_t sequence = 0;  // of its last report
  std::shared_ptr<FakeChannel> channel;
  std::uint64_t session = 0;
  lb::Config config;    // applied: acknowledged, or what it routes by
  lb::Config received;  // newest snapshot, applied or not
  std::vector<std::uint64_t> versions;

 private:
  World& world_;
};

class World {
 public:
  World();
  ~World();

  // The answer of one submitted step, everything at rest.
  shared::Result<void> submit(const Engine::Apply& apply);
  void rest();  // until nobody has anything to say at this moment
  void pass(shared::Millis time);
  void crash_and_restart();  // a new engine from what the store holds; sessions are gone
  // Another crash, after which the store holds what it held then: a backup was restored.
  void put_back(const std::map<std::string, std::string>& records);
  // Rests, obeys and lets a second pass until `done`; false after `limit`.
  bool until(const std::function<bool()>& done, shared::Millis limit = shared::Millis(120'000));

  FakeAgent& add_agent(std::int64_t cpu = 4096, std::int64_t memory = 4096);
  FakeBalancer& add_balancer(const std::string& id);
  // `more`: members of the definition, each with a comma before it.
  std::string define(const std::string& family, const std::string& container = R"("cpu": 256, "memory": 256)",
                     int port = 0, const std::string& more = "");
  std::string run(const std::string& definition);  // one task's key
  model::Service service(const std::string& name, const std::string& definition, int desired) const;
  std::string create(const model::Service& wanted);
  void add_target_group(int deregistration_delay_seconds = 30);

  const State& state() const { return engine->state(); }
  const model::Task& task(const std::string& key) const { return *state().tasks.find(key); }
  const model::Service& service_row(const std::string& key) const { return *state().services.find(key); }
  NamedInstance named(const FakeAgent& agent) const {
    return {key_of(*find_instance_by_arn(state(), agent.arn)), agent.arn};
  }
  std::vector<const model::Task*> live_tasks() const;  // desired RUNNING
  ServiceCounts counts(const std::string& key) const { return count_tasks(state(), service_row(key)); }
  std::vector<std::string> events(const std::string& key) const;  // newest first
  bool stable(const std::string& key) const;

  tests::ManualExecutor executor;
  shared::env::SeededRandom random{42};
  store::MemoryStore store;
  HeldStore commits{store};
  Settings settings;
  std::unique_ptr<Engine> engine;
  hooks::Caller* hooks = nullptr;  // of engines that start
  events::Outside* outside = nullptr;  // likewise
  std::vector<std::unique_ptr<FakeAgent>> agents;
  std::vector<std::unique_ptr<FakeBalancer>> balancers;
  std::string target_group;
  bool obedient = true;  // agents obey in until()
  TransitionChecker transitions;
};

}  // namespace agent::control::test
