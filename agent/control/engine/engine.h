// Engine: the one writer. Queues inputs (input_queue.h says how many), applies each as a step, reconciles,
// commits the batch durably, and only then sends replies and messages. While the store is at it, the next
// batch is decided on top of it; what a commit that failed takes back is both. Runs on its executor's thread;
// every method is called there. No sockets: agents and balancers are link::Channel values, so the shipped
// engine also runs whole in tests/sim.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/acme/authority.h"
#include "agent/control/state/news.h"
#include "agent/control/events/outside.h"
#include "agent/control/state/step.h"
#include "agent/dns/zones.h"
#include "agent/hooks/caller.h"
#include "agent/link/channel.h"
#include "agent/store/async_store.h"
#include "shared/base/durations.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"

namespace agent::control {

class Engine {
 public:
  // All references outlive the engine.
  Engine(shared::env::Executor& executor, shared::env::Random& random, store::AsyncStore& store,
         Settings settings);
  ~Engine();

  // Loads the state. Errors: the store's, or "corrupt" naming the key of a row that cannot be decoded.
  shared::Result<void> start();

  // `apply` changes state through the step; an Error takes back all it did. `done` is called later, never
  // inside submit(): with apply's error, with the store's error (code "ServerException", nothing changed),
  // with success once all is durable, or with "throttled" when too many calls wait. One that only
  // reads may be applied twice, and sees only what is durable by the time it is answered.
  using Apply = std::function<shared::Result<void>(Step&)>;
  void submit(Apply apply, std::function<void(shared::Result<void>)> done);

  // An agent's ACS websocket; messages to it go through `channel`, which is closed with a reason when the
  // session ends, or more waits than the queue holds.
  std::uint64_t agent_opened(const std::string& container_instance_arn,
                             std::shared_ptr<link::Channel> channel);
  void agent_message(std::uint64_t session, std::string_view text);
  void agent_closed(std::uint64_t session);

  // A balancer's feed.
  std::uint64_t feed_opened(std::shared_ptr<link::Channel> channel);
  void feed_message(std::uint64_t session, std::string_view text);
  void feed_closed(std::uint64_t session);

  // Certificates are asked for at `authority`, which outlives the engine; before start().
  void use(acme::Authority& authority);

  // Lifecycle hooks are called by `caller`, which outlives the engine; before start().
  void use(hooks::Caller& caller);

  // `take` gets the DNS zones whenever they are others and durable; before start().
  void use(std::function<void(std::shared_ptr<const dns::Zones>)> take);

  // What events need of the API; `outside` outlives the engine; before start(). Without it nothing is an event.
  void use(events::Outside& outside);

  // For the simulation. After every turn that looked at what changed, everything is looked at, and every
  // agent's session: `complain` hears what that changed, sent or wanted to be woken for, which should be
  // nothing.
  void check_turns(std::function<void(const std::string&)> complain);

  // For who shows the state as it changes. Not durable yet is what this tells: look at it in a step.
  News& news();

  // Why this control plane is not ready; empty text = ready.
  std::string not_ready() const;
  // The newest, of which what is being saved may still be taken back.
  const State& state() const;
  bool saving() const;
  // Figures of tasks, balancers and callers: kept beside the rows, and read and written without a step.
  metrics::Store& metrics();
  const Settings& settings() const;
  // How long turns took to decide, and commits until they were durable.
  const shared::Durations& turn_times() const;
  const shared::Durations& commit_times() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent::control
