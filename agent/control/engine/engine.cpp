#include "agent/control/engine/engine.h"
#include "agent/control/elb/publish.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "agent/control/cluster/retention.h"
#include "agent/control/cluster/task_definitions.h"
#include "agent/control/elb/targets.h"
#include "agent/control/engine/agent_sync.h"
#include "agent/control/engine/feed_sync.h"
#include "agent/control/engine/marks.h"
#include "agent/control/services/services.h"
#include "agent/control/state/installation.h"
#include "agent/control/state/migrate.h"
#include "agent/control/state/plant.h"

namespace agent::control {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::WallTime;

namespace {

// Inputs that share one commit. More would only make the first of them wait longer.
constexpr std::size_t kMaxBatch = 256;
// Reconcilers feed each other, and a service starts its tasks a few at a time. What is left then continues in
// the next turn.
constexpr int kMaxReconcileRounds = 24;
// Everything is looked at this often, though nothing says that it should be.
constexpr Millis kSweepEvery{300'000};
// After a commit that failed: how soon changes nobody waits for are tried again.
constexpr Millis kRetryCommitAfter{1'000};
// Guards against spinning should something ask to be woken in the past.
constexpr Millis kShortestWake{5};

struct Input {
  Engine::Apply apply;
  std::function<void(Result<void>)> done;  // none: from a session, repeated when its commit fails
  bool changes_rows = false;  // applied, it did; else it is done with whatever becomes of the commit
};

}  // namespace

struct Engine::Impl {
  Impl(shared::env::Executor& executor_, shared::env::Random& random_, store::Store& store_,
       Settings settings_)
      : executor(executor_),
        random(random_),
        store(store_),
        settings(std::move(settings_)),
        marks(state),
        agents(state) {
    tables = state.tables();
  }

  Result<void> load();
  void enqueue(Engine::Apply apply, std::function<void(Result<void>)> done);
  void enqueue_session(std::function<void(Step&)> apply);
  void request_turn();
  void turn();
  Result<void> commit(const store::ChangeSet& changes);
  std::vector<Result<void>> apply_batch(std::vector<Input>& batch);
  void reconcile(Step& step);
  void look_at_all_that_is_due(Step& step);
  void compare_with_full_pass(WallTime now);
  bool work_left() const { return marks.pending() || state.has_changes_for_publishing(); }
  void roll_back(std::vector<Input>& batch, const Error& reason);
  // What the committed state has to say to agents and balancers; the result is when to say more. Also while
  // the store refuses: they would take silence for our end.
  std::optional<WallTime> send();
  void send_and_sleep();
  void begin_step() {
    for (TableBase* table : tables) table->begin_step();
  }

  shared::env::Executor& executor;
  shared::env::Random& random;
  store::Store& store;
  Settings settings;
  State state;
  std::vector<TableBase*> tables;
  Marks marks;
  ServiceReconciler services;
  AgentSync agents;
  FeedSync feeds;

  // What load() moved out of rows of an older version: in the tables from the start and never taken back,
  // durable with the first commit that succeeds.
  store::ChangeSet migrated;

  std::deque<Input> queue;
  bool turn_posted = false;
  bool started = false;
  std::string store_trouble;  // of the last commit, empty if it worked
  std::uint64_t last_session = 0;
  std::optional<WallTime> next_sweep;
  std::function<void(const std::string&)> complain;
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

void Engine::check_turns(std::function<void(const std::string&)> complain) {
  impl_->complain = std::move(complain);
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
  impl_->enqueue_session([impl = impl_.get(), session, message = std::string(text)](Step& step) {
    impl->agents.message(step, session, message);
  });
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
  begin_step();
  migrate(state);
  for (const TableBase* table : tables) table->collect(migrated);
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
  queue.push_back({std::move(apply), std::move(done), false});
  request_turn();
}

void Engine::Impl::enqueue_session(std::function<void(Step&)> apply) {
  enqueue(
      [apply = std::move(apply)](Step& step) -> Result<void> {
        apply(step);
        return {};
      },
      nullptr);
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

void Engine::Impl::turn() {
  timer.cancel();
  std::vector<Input> batch;
  while (!queue.empty() && batch.size() < kMaxBatch) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  const auto published_before = state.published;
  const std::vector<Result<void>> results = apply_batch(batch);

  store::ChangeSet changes;
  for (const TableBase* table : tables) table->collect(changes);
  const auto committed = commit(changes);
  if (!committed && !BERTH_PLANTED(kReplyBeforeCommit)) {
    for (TableBase* table : tables) table->undo_batch();
    state.published = published_before;
    return roll_back(batch, committed.error());
  }
  for (TableBase* table : tables) table->end_batch();
  state.live.agenda.end_batch();
  store_trouble.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) batch[i].done(results[i]);
  }
  send_and_sleep();
}

// On its own and first: the changes may build on it.
Result<void> Engine::Impl::commit(const store::ChangeSet& changes) {
  if (!migrated.empty()) {
    auto moved = store.commit(migrated);
    if (!moved) return moved;
    migrated = {};
  }
  return changes.empty() ? Result<void>() : store.commit(changes);
}

std::vector<Result<void>> Engine::Impl::apply_batch(std::vector<Input>& batch) {
  const WallTime now = executor.wall_now();
  std::vector<Result<void>> results;
  for (Input& input : batch) {
    begin_step();
    Step step{state, now, random, settings};
    results.push_back(input.apply(step));
    if (!results.back()) {
      for (TableBase* table : tables) table->undo_step();
    }
    input.changes_rows = std::any_of(tables.begin(), tables.end(),
                                     [](const TableBase* table) { return table->changed_in_step(); });
  }
  if (!next_sweep || *next_sweep <= now) {
    if (next_sweep) marks.everything();
    next_sweep = now + kSweepEvery;
  }
  begin_step();
  Step step{state, now, random, settings};
  agents.reserve_numbers(step);
  reconcile(step);
  if (complain && !work_left() && !state.live.agenda.due(now)) compare_with_full_pass(now);
  return results;
}

void Engine::Impl::reconcile(Step& step) {
  for (int round = 0; round < kMaxReconcileRounds; ++round) {
    marks.refresh();
    if (state.live.agenda.due(step.now)) {
      look_at_all_that_is_due(step);
    } else if (!publish(step)) {
      return;
    }
  }
}

void Engine::Impl::look_at_all_that_is_due(Step& step) {
  agents.expire(step);
  feeds.expire(step);
  services.reconcile(step);
  reconcile_tasks(step);
  reconcile_targets(step);
  purge_task_definitions(step);
  purge_inactive(step);
}

void Engine::Impl::compare_with_full_pass(WallTime now) {
  const Agenda before = state.live.agenda;
  begin_step();
  Step step{state, now, random, settings};
  marks.everything();
  reconcile(step);
  for (const TableBase* table : tables) {
    for (const std::string& key : table->changed_since_savepoint())
      complain("a full pass still changed the row " + key);
  }
  if (!same_but_version(*build_config(state, settings), *state.published))
    complain("the published configuration is not what the rows say");
  for (const auto& [subject, time] : state.live.agenda.all()) {
    const auto known = before.when(subject.concern, subject.key);
    if (known && *known <= time) continue;
    complain("nobody would look at '" + subject.key + "' (concern " +
             std::to_string(static_cast<int>(subject.concern)) + ") in time");
  }
  state.live.agenda = before;
}

// Callers learn that nothing happened; of what sessions told us, that is kept which changed rows, because
// they will not say it again.
void Engine::Impl::roll_back(std::vector<Input>& batch, const Error& reason) {
  store_trouble = "the store refused the last change: " + reason.text();
  const Error failure("ServerException", "The change could not be saved: " + reason.text(),
                      shared::Blame::kSelf, shared::Retry::kYes);
  for (auto it = batch.rbegin(); it != batch.rend(); ++it) {
    if (!it->done && it->changes_rows) queue.push_front(std::move(*it));
  }
  for (Input& input : batch) {
    if (input.done) input.done(failure);
  }
  std::erase_if(state.live.unsent_tasks,
                [this](const auto& key) { return state.tasks.find(key) == nullptr; });
  state.live.agenda.undo_batch();
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

void Engine::Impl::send_and_sleep() {
  std::optional<WallTime> wake = send();
  if (complain) {
    const std::uint64_t sent = agents.messages_sent();
    agents.look_at_all();
    send();
    if (agents.messages_sent() != sent) complain("an agent was not told at once");
  }
  const WallTime now = executor.wall_now();
  if (!queue.empty()) return request_turn();
  const auto earlier = [&wake](std::optional<WallTime> time) {
    if (time && (!wake || *time < *wake)) wake = time;
  };
  earlier(state.live.agenda.next());
  earlier(next_sweep);
  if (work_left()) wake = now;
  if (!wake) return;
  const Millis delay =
      std::clamp(std::chrono::duration_cast<Millis>(std::max(*wake, now) - now), kShortestWake, kSweepEvery);
  timer = executor.after(delay, [this] { request_turn(); });
}

}  // namespace agent::control
