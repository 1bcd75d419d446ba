#include "agent/control/engine/engine.h"
#include "agent/control/elb/publish.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

#include "agent/control/cluster/retention.h"
#include "agent/control/cluster/task_definitions.h"
#include "agent/control/elb/targets.h"
#include "agent/control/engine/agent_sync.h"
#include "agent/control/engine/feed_sync.h"
#include "agent/control/services/services.h"
#include "agent/control/state/installation.h"
#include "agent/control/state/plant.h"

namespace agent::control {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::WallTime;

namespace {

// Inputs that share one commit. More would only make the first of them wait longer.
constexpr std::size_t kMaxBatch = 256;
// Reconcilers feed each other; two rounds are the rule. What is left then continues in the next turn.
constexpr int kMaxReconcileRounds = 8;
constexpr int kMaxPublishRounds = 3;
// After a commit that failed: how soon changes nobody waits for are tried again.
constexpr Millis kRetryCommitAfter{1'000};
// Guards against spinning should something ask to be woken in the past.
constexpr Millis kShortestWake{5};

struct Input {
  Engine::Apply apply;
  std::function<void(Result<void>)> done;  // none: from a session, repeated when its commit fails
};

}  // namespace

struct Engine::Impl {
  Impl(shared::env::Executor& executor_, shared::env::Random& random_, store::Store& store_,
       Settings settings_)
      : executor(executor_), random(random_), store(store_), settings(std::move(settings_)) {
    tables = state.tables();
  }

  Result<void> load();
  void enqueue(Engine::Apply apply, std::function<void(Result<void>)> done);
  void enqueue_session(std::function<void(Step&)> apply);
  void request_turn();
  void turn();
  std::vector<Result<void>> apply_batch(std::vector<Input>& batch, std::optional<WallTime>& wake);
  void reconcile(Step& step);
  void settle(Step& step);
  void roll_back(std::vector<Input>& batch, const Error& reason);
  // What the committed state has to say to agents and balancers; the result is when to say more. Also while
  // the store refuses: they would take silence for our end.
  std::optional<WallTime> send();
  void send_and_sleep(std::optional<WallTime> wake);
  std::uint64_t generations() const;
  void begin_step() {
    for (TableBase* table : tables) table->begin_step();
  }

  shared::env::Executor& executor;
  shared::env::Random& random;
  store::Store& store;
  Settings settings;
  State state;
  std::vector<TableBase*> tables;
  AgentSync agents;
  FeedSync feeds;

  std::deque<Input> queue;
  bool turn_posted = false;
  bool started = false;
  std::string store_trouble;  // of the last commit, empty if it worked
  std::uint64_t last_session = 0;
  // Reconcilers are skipped while nothing changed since they last ran and their time has not come.
  bool reconcile_due = true;
  std::uint64_t reconciled_at = 0;
  std::optional<WallTime> reconcile_wake;
  shared::env::Timer timer;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Engine::Engine(shared::env::Executor& executor, shared::env::Random& random, store::Store& store,
               Settings settings)
    : impl_(std::make_unique<Impl>(executor, random, store, std::move(settings))) {}
Engine::~Engine() { *impl_->alive = false; }

Result<void> Engine::start() {
  auto loaded = impl_->load();
  if (!loaded) return loaded;
  impl_->started = true;
  impl_->request_turn();
  return {};
}

void Engine::submit(Apply apply, std::function<void(Result<void>)> done) {
  impl_->enqueue(std::move(apply), std::move(done));
}

std::uint64_t Engine::agent_opened(const std::string& container_instance_arn,
                                   std::shared_ptr<link::Channel> channel) {
  const std::uint64_t session = ++impl_->last_session;
  impl_->enqueue_session([impl = impl_.get(), session, container_instance_arn, channel](Step& step) {
    impl->agents.opened(step, session, container_instance_arn, channel);
  });
  return session;
}
void Engine::agent_message(std::uint64_t session, std::string_view text) {
  // Most are signs of life and acknowledgements, which concern AgentSync alone: no reason to look at all
  // else.
  const auto apply = [impl = impl_.get(), session, message = std::string(text)](Step& step) -> Result<void> {
    impl->agents.message(step, session, message);
    return {};
  };
  impl_->enqueue(apply, nullptr);
}
void Engine::agent_closed(std::uint64_t session) {
  impl_->enqueue_session([impl = impl_.get(), session](Step& step) { impl->agents.closed(step, session); });
}

std::uint64_t Engine::feed_opened(std::shared_ptr<link::Channel> channel) {
  const std::uint64_t session = ++impl_->last_session;
  impl_->enqueue_session(
      [impl = impl_.get(), session, channel](Step& step) { impl->feeds.opened(step, session, channel); });
  return session;
}
void Engine::feed_message(std::uint64_t session, std::string_view text) {
  impl_->enqueue_session([impl = impl_.get(), session, message = std::string(text)](Step& step) {
    impl->feeds.message(step, session, message);
  });
}
void Engine::feed_closed(std::uint64_t session) {
  impl_->enqueue_session([impl = impl_.get(), session](Step& step) { impl->feeds.closed(step, session); });
}

std::string Engine::not_ready() const {
  if (!impl_->started) return "the state is not loaded";
  return impl_->store_trouble;
}
const State& Engine::state() const { return impl_->state; }
const Settings& Engine::settings() const { return impl_->settings; }

// Keys with a prefix of no table belong to others who share the store.
Result<void> Engine::Impl::load() {
  auto records = store.load();
  if (!records) return records.error();
  for (const store::Record& record : *records) {
    for (TableBase* table : tables) {
      if (!record.key.starts_with(table->prefix())) continue;
      if (!table->load(std::string_view(record.key).substr(table->prefix().size()), record.value)) {
        return Error("corrupt", "load state: the row '" + record.key + "' cannot be decoded");
      }
      break;
    }
  }
  for (TableBase* table : tables) table->end_batch();
  lb::Config config = *build_config(state, settings);
  // Of no version: the first reconciliation publishes it under the next one, because the settings that are
  // part of it may be others than before the restart. Until then nothing is sent to balancers.
  config.version = 0;
  state.published = std::make_shared<lb::Config>(std::move(config));
  enqueue(
      [](Step& step) -> Result<void> {
        name_installation(step);
        return {};
      },
      nullptr);
  return {};
}

void Engine::Impl::enqueue(Engine::Apply apply, std::function<void(Result<void>)> done) {
  queue.push_back({std::move(apply), std::move(done)});
  request_turn();
}

void Engine::Impl::enqueue_session(std::function<void(Step&)> apply) {
  queue.push_back({[this, apply = std::move(apply)](Step& step) -> Result<void> {
                     reconcile_due = true;
                     apply(step);
                     return {};
                   },
                   nullptr});
  // While the store refuses, all that sessions have said since is applied anew in each turn: once per retry,
  // not once more for every message.
  if (store_trouble.empty()) request_turn();
}

void Engine::Impl::request_turn() {
  if (turn_posted || !started) return;
  turn_posted = true;
  executor.post([this, lives = alive] {
    if (!*lives) return;
    turn_posted = false;
    turn();
  });
}

std::uint64_t Engine::Impl::generations() const {
  return std::accumulate(tables.begin(), tables.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const TableBase* table) { return sum + table->generation(); });
}

void Engine::Impl::turn() {
  timer.cancel();
  std::vector<Input> batch;
  while (!queue.empty() && batch.size() < kMaxBatch) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  const auto published_before = state.published;
  std::optional<WallTime> wake;
  const std::vector<Result<void>> results = apply_batch(batch, wake);

  store::ChangeSet changes;
  for (const TableBase* table : tables) table->collect(changes);
  if (!changes.empty()) {
    const auto committed = store.commit(changes);
    if (!committed && !BERTH_PLANTED(kReplyBeforeCommit)) {
      for (TableBase* table : tables) table->undo_batch();
      state.published = published_before;
      return roll_back(batch, committed.error());
    }
  }
  for (TableBase* table : tables) table->end_batch();
  store_trouble.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) batch[i].done(results[i]);
  }
  send_and_sleep(wake);
}

std::vector<Result<void>> Engine::Impl::apply_batch(std::vector<Input>& batch,
                                                    std::optional<WallTime>& wake) {
  const WallTime now = executor.wall_now();
  std::vector<Result<void>> results;
  for (Input& input : batch) {
    begin_step();
    Step step{state, now, random, settings, {}};
    results.push_back(input.apply(step));
    if (!results.back()) {
      for (TableBase* table : tables) table->undo_step();
    }
  }
  if (reconcile_due || generations() != reconciled_at || (reconcile_wake && *reconcile_wake <= now)) {
    begin_step();
    Step step{state, now, random, settings, {}};
    reconcile(step);
    reconcile_wake = step.wake;
    reconciled_at = generations();
  }
  wake = reconcile_wake;
  return results;
}

void Engine::Impl::reconcile(Step& step) {
  agents.expire(step);
  feeds.expire(step);
  agents.reserve_numbers(step);
  for (int round = 0; round < kMaxPublishRounds; ++round) {
    settle(step);
    const std::uint64_t before = generations();
    publish(step);
    if (generations() == before) return;
  }
  reconcile_due = true;
}

void Engine::Impl::settle(Step& step) {
  reconcile_due = true;
  for (int round = 0; round < kMaxReconcileRounds; ++round) {
    const std::uint64_t before = generations();
    reconcile_services(step);
    reconcile_tasks(step);
    reconcile_targets(step);
    purge_task_definitions(step);
    purge_inactive(step);
    if (generations() == before) {
      reconcile_due = false;
      return;
    }
  }
}

// Callers learn that nothing happened; what sessions told us is kept, because they will not say it again.
void Engine::Impl::roll_back(std::vector<Input>& batch, const Error& reason) {
  store_trouble = "the store refused the last change: " + reason.text();
  const Error failure("ServerException", "The change could not be saved: " + reason.text(),
                      shared::Blame::kSelf, shared::Retry::kYes);
  for (auto it = batch.rbegin(); it != batch.rend(); ++it) {
    if (!it->done) queue.push_front(std::move(*it));
  }
  for (Input& input : batch) {
    if (input.done) input.done(failure);
  }
  std::erase_if(state.live.unsent_tasks,
                [this](const auto& key) { return state.tasks.find(key) == nullptr; });
  reconcile_due = true;
  send();
  timer = executor.after(kRetryCommitAfter, [this] { request_turn(); });
}

std::optional<WallTime> Engine::Impl::send() {
  const WallTime now = executor.wall_now();
  std::optional<WallTime> next;
  for (const auto& each : {agents.flush(state, settings, now, random), feeds.flush(state, now)}) {
    if (each && (!next || *each < *next)) next = each;
  }
  return next;
}

void Engine::Impl::send_and_sleep(std::optional<WallTime> wake) {
  if (const auto next = send(); next && (!wake || *next < *wake)) wake = next;
  const WallTime now = executor.wall_now();
  if (!queue.empty()) return request_turn();
  if (reconcile_due) wake = now;
  if (!wake) return;
  const Millis delay = std::max(kShortestWake, std::chrono::duration_cast<Millis>(*wake - now));
  timer = executor.after(delay, [this] { request_turn(); });
}

}  // namespace agent::control
