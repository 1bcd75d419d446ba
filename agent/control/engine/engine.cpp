#include "agent/control/engine/engine.h"
#include "agent/control/elb/publish.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "agent/control/acme/requests.h"
#include "agent/control/cluster/retention.h"
#include "agent/control/cluster/task_definitions.h"
#include "agent/control/elb/targets.h"
#include "agent/control/engine/acme_sync.h"
#include "agent/control/engine/agent_sync.h"
#include "agent/control/engine/discovery_sync.h"
#include "agent/control/engine/feed_sync.h"
#include "agent/control/engine/hook_sync.h"
#include "agent/control/engine/input_queue.h"
#include "agent/control/engine/marks.h"
#include "agent/control/engine/outbox.h"
#include "agent/control/events/reconcile.h"
#include "agent/control/events/source.h"
#include "agent/control/iam/task_roles.h"
#include "agent/control/scaling/reconcile.h"
#include "agent/control/services/services.h"
#include "agent/control/services/strategy/hooks.h"
#include "agent/control/state/installation.h"
#include "agent/control/state/migrate.h"
#include "agent/control/state/plant.h"

namespace agent::control {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::WallTime;

namespace {

// Calls that share one commit. More would only make the first of them wait longer.
constexpr std::size_t kMaxCalls = 256;
// Messages of sessions beside them: each of these calls may be a RunTask of ten tasks, whose payloads are
// acknowledged one by one. Fewer, and what waits would grow with every turn.
constexpr std::size_t kMaxMessages = 4'096;
// One is being made durable, one is decided and waits for it.
constexpr std::size_t kMaxUndurable = 2;
// Services that are looked at in one turn, so that calls are not held up by a start or a sweep that looks at
// all.
constexpr std::size_t kMaxServices = 256;
// Reconcilers feed each other, and a service starts its tasks a few at a time. What is left then continues in
// the next turn.
constexpr int kMaxReconcileRounds = 24;
// Everything is looked at this often, though nothing says that it should be.
constexpr Millis kSweepEvery{300'000};
// After a commit that failed: how soon changes nobody waits for are tried again.
constexpr Millis kRetryCommitAfter{1'000};
// A commit that takes longer makes control not ready.
constexpr Millis kSlowCommit{5'000};
// Guards against spinning should something ask to be woken in the past.
constexpr Millis kShortestWake{5};

// What one turn decided.
struct Batch {
  std::vector<Input> inputs;
  std::vector<Result<void>> results;
  store::ChangeSet changes;
  bool whole = true;  // sessions and reconcilers took part
  std::shared_ptr<const lb::Config> published_before;
  Outbox messages;
};

}  // namespace

struct Engine::Impl {
  Impl(shared::env::Executor& executor_, shared::env::Random& random_, store::AsyncStore& store_,
       Settings settings_)
      : executor(executor_),
        random(random_),
        store(store_),
        settings(std::move(settings_)),
        marks(state),
        news(state),
        agents(state),
        names(state),
        ecs_events(state) {
    tables = state.tables();
  }

  Result<void> load();
  void submit(Engine::Apply apply, std::function<void(Result<void>)> done);
  void request_turn();
  void turn();
  // Decides one batch and hands it to the store when that is free.
  void decide(WallTime now);
  void apply_inputs(Batch& batch, WallTime now);
  void reconcile(Step& step);
  // Of the services at most so many; says how many of those are left.
  std::size_t look_at_all_that_is_due(Step& step, std::size_t most_services);
  void compare_with_full_pass(WallTime now);
  bool work_left() const { return marks.pending() || state.has_changes_for_publishing(); }
  // What the state as it is now has to say to agents and balancers.
  void write_messages(Outbox& messages, WallTime now);
  void save_oldest();
  void save(store::ChangeSet changes, std::function<void()> then);
  void oldest_is_durable();
  void answer(Batch& batch);
  void roll_back(const Error& reason);
  void answer_again(Input& input, const Error& failure);
  void trouble_is_over();
  void heartbeats(WallTime now);
  void sleep();
  // The store has refused, and is tried again later. Meanwhile only calls are dealt with.
  bool in_trouble(WallTime now) const { return retry_at && now < *retry_at; }
  void begin_step() {
    for (TableBase* table : tables) table->begin_step();
  }
  void undo_step() {
    for (TableBase* table : tables) table->undo_step();
  }
  bool changed_in_step() const {
    return std::any_of(tables.begin(), tables.end(),
                       [](const TableBase* table) { return table->changed_in_step(); });
  }

  shared::env::Executor& executor;
  shared::env::Random& random;
  store::AsyncStore& store;
  Settings settings;
  State state;
  std::vector<TableBase*> tables;
  Marks marks;
  News news;
  ServiceReconciler services;
  AgentSync agents;
  FeedSync feeds;
  AcmeSync certificates;
  HookSync hooks;
  DiscoverySync names;
  events::Source ecs_events;
  events::Outside* outside = nullptr;
  std::vector<events::Line> event_lines;  // of the batch that is being decided

  // What load() moved out of rows of an older version: in the tables from the start and never taken back,
  // durable with the first commit that succeeds.
  store::ChangeSet migrated;

  InputQueue queue;
  std::deque<Batch> undurable;  // the oldest first, which is being saved
  bool turn_posted = false;
  bool started = false;
  std::string store_trouble;  // of the last commit, empty if it worked
  std::optional<WallTime> retry_at;
  std::optional<shared::SteadyTime> saving_since;
  std::optional<WallTime> next_sweep;
  std::optional<WallTime> next_message;
  std::optional<WallTime> next_heartbeat;
  shared::Durations turn_times;
  shared::Durations commit_times;
  std::function<void(const std::string&)> complain;
  shared::env::Timer timer;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Engine::Engine(shared::env::Executor& executor, shared::env::Random& random, store::AsyncStore& store,
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

void Engine::use(acme::Authority& authority) {
  impl_->certificates.use(
      authority, [impl = impl_.get(), lives = std::weak_ptr<bool>(impl_->alive)](
                     const std::string& subject, std::uint64_t serial, acme::Reply reply) {
        if (lives.expired()) return;
        impl->request_turn();
        Input input;
        input.apply = [subject, serial, reply = std::move(reply)](Step& step) -> Result<void> {
          take_acme_reply(step, subject, serial, reply);
          return {};
        };
        impl->queue.keep(std::move(input));
      });
}

void Engine::use(hooks::Caller& caller) {
  impl_->hooks.use(caller, [impl = impl_.get(), lives = std::weak_ptr<bool>(impl_->alive)](
                               const std::string& subject, std::uint64_t serial, hooks::Reply reply) {
    if (lives.expired()) return;
    impl->request_turn();
    Input input;
    input.apply = [subject, serial, reply = std::move(reply)](Step& step) -> Result<void> {
      take_hook_reply(step, subject, serial, reply);
      return {};
    };
    impl->queue.keep(std::move(input));
  });
}

void Engine::use(std::function<void(std::shared_ptr<const dns::Zones>)> take) {
  impl_->names.use(std::move(take));
}

void Engine::use(events::Outside& outside) { impl_->outside = &outside; }

void Engine::check_turns(std::function<void(const std::string&)> complain) {
  impl_->complain = std::move(complain);
}

void Engine::submit(Apply apply, std::function<void(Result<void>)> done) {
  impl_->submit(std::move(apply), std::move(done));
}

std::uint64_t Engine::agent_opened(const std::string& container_instance_arn,
                                   std::shared_ptr<link::Channel> channel) {
  impl_->request_turn();
  return impl_->queue.open(
      channel, [impl = impl_.get(), container_instance_arn, channel](Step& step, std::uint64_t session) {
        impl->agents.opened(step, session, container_instance_arn, channel);
      });
}
void Engine::agent_message(std::uint64_t session, std::string_view text) {
  impl_->request_turn();
  impl_->agents.heard(impl_->state, session, impl_->executor.wall_now());
  impl_->queue.say(session, text.size(), [impl = impl_.get(), session, message = std::string(text)](Step&) {
    impl->agents.message(session, message);
  });
}
void Engine::agent_closed(std::uint64_t session) {
  impl_->request_turn();
  impl_->queue.close(session,
                     [impl = impl_.get(), session](Step& step) { impl->agents.closed(step, session); });
}

std::uint64_t Engine::feed_opened(std::shared_ptr<link::Channel> channel) {
  impl_->request_turn();
  return impl_->queue.open(channel, [impl = impl_.get(), channel](Step& step, std::uint64_t session) {
    impl->feeds.opened(step, session, channel);
  });
}
void Engine::feed_message(std::uint64_t session, std::string_view text) {
  impl_->request_turn();
  impl_->feeds.heard(session, impl_->executor.wall_now());
  impl_->queue.say(session, text.size(),
                   [impl = impl_.get(), session, message = std::string(text)](Step& step) {
                     impl->feeds.message(step, session, message);
                   });
}
void Engine::feed_closed(std::uint64_t session) {
  impl_->request_turn();
  impl_->queue.close(session,
                     [impl = impl_.get(), session](Step& step) { impl->feeds.closed(step, session); });
}

std::string Engine::not_ready() const {
  if (!impl_->started) return "the state is not loaded";
  if (!impl_->store_trouble.empty() || !impl_->saving_since) return impl_->store_trouble;
  const auto taken = impl_->executor.now() - *impl_->saving_since;
  if (taken < kSlowCommit) return "";
  return "the store has not answered for " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(taken).count()) + " s";
}
News& Engine::news() { return impl_->news; }
bool Engine::saving() const { return !impl_->undurable.empty(); }
const State& Engine::state() const { return impl_->state; }
metrics::Store& Engine::metrics() { return *impl_->state.live.metrics; }
const Settings& Engine::settings() const { return impl_->settings; }
const shared::Durations& Engine::turn_times() const { return impl_->turn_times; }
const shared::Durations& Engine::commit_times() const { return impl_->commit_times; }

// Keys with a prefix of no table belong to others who share the store.
Result<void> Engine::Impl::load() {
  auto records = store.load();
  if (!records) return records.error();
  for (TableBase* table : tables) {
    const std::string& prefix = table->prefix();
    const auto first = std::partition_point(records->begin(), records->end(),
                                            [&](const auto& record) { return record.key < prefix; });
    const auto last = std::partition_point(
        first, records->end(), [&](const auto& record) { return record.key.starts_with(prefix); });
    if (const auto bad = table->load({first, last}))
      return Error("corrupt", "load state: the row '" + *bad + "' cannot be decoded");
  }
  state.live.metrics = std::make_shared<metrics::Store>(shared::whole_seconds(executor.wall_now()));
  begin_step();
  migrate(state);
  for (TableBase* table : tables) {
    table->collect(migrated);
    table->end_batch();
    table->batch_is_durable();  // will be, before anything that follows from it
  }
  lb::Config config = *build_config(state, settings);
  // Of no version: the first reconciliation publishes it under the next one, because the settings that are
  // part of it may be others than before the restart. Until then nothing is sent to balancers.
  config.version = 0;
  state.published = std::make_shared<lb::Config>(std::move(config));
  Input first;
  first.apply = [](Step& step) -> Result<void> {
    name_installation(step);
    return {};
  };
  queue.keep(std::move(first));
  return {};
}

void Engine::Impl::submit(Engine::Apply apply, std::function<void(Result<void>)> done) {
  request_turn();
  if (queue.call(std::move(apply), done)) return;
  executor.post([lives = alive, done = std::move(done)] {
    if (!*lives) return;
    done(Error("throttled", "Rate exceeded", shared::Blame::kClient, shared::Retry::kYes));
  });
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
  const WallTime now = executor.wall_now();
  const bool something = !queue.empty() || state.live.agenda.due(now) || work_left();
  if (undurable.empty() || (something && undurable.size() < kMaxUndurable)) decide(now);
  heartbeats(now);
  sleep();
}

void Engine::Impl::decide(WallTime now) {
  const shared::SteadyTime begun = executor.now();
  Batch batch;
  batch.whole = !in_trouble(now);
  batch.inputs = batch.whole ? queue.take(kMaxMessages, kMaxCalls) : queue.take_calls(kMaxCalls);
  batch.published_before = state.published;
  apply_inputs(batch, now);
  if (batch.whole) {
    begin_step();
    Step step{state, now, random, settings};
    agents.reserve_numbers(step);
    reconcile(step);
    if (complain && !work_left() && !state.live.agenda.due(now)) compare_with_full_pass(now);
  }
  for (TableBase* table : tables) {
    table->collect(batch.changes);
    table->end_batch();
  }
  state.live.agenda.end_batch();
  write_messages(batch.messages, now);
  turn_times.add(executor.now() - begun);
  if (BERTH_PLANTED(kReplyBeforeCommit)) answer(batch);
  if (BERTH_PLANTED(kSayBeforeCommit)) batch.messages.deliver();
  undurable.push_back(std::move(batch));
  if (undurable.size() == 1) save_oldest();
}

void Engine::Impl::apply_inputs(Batch& batch, WallTime now) {
  for (Input& input : batch.inputs) {
    begin_step();
    Step step{state, now, random, settings};
    batch.results.push_back(input.apply(step));
    if (!batch.results.back()) undo_step();
    input.changes_rows = changed_in_step();
  }
  if (!batch.whole || (next_sweep && now < *next_sweep)) return;
  if (next_sweep) marks.everything();
  next_sweep = now + kSweepEvery;
}

void Engine::Impl::reconcile(Step& step) {
  std::size_t services_left = kMaxServices;
  for (int round = 0; round < kMaxReconcileRounds; ++round) {
    ecs_events.collect(step, outside);
    marks.refresh();
    if (state.live.agenda.due(step.now)) {
      if (services_left == 0) return;
      services_left = look_at_all_that_is_due(step, services_left);
    } else if (!publish(step)) {
      return;
    }
  }
}

std::size_t Engine::Impl::look_at_all_that_is_due(Step& step, std::size_t most_services) {
  agents.expire(step);
  feeds.expire(step);
  scaling::reconcile(step);
  events::reconcile(step, outside, event_lines);
  const std::size_t looked_at = services.reconcile(step, most_services);
  reconcile_tasks(step);
  reconcile_targets(step);
  reconcile_certificates(step);
  iam::reconcile_task_roles(step);
  purge_task_definitions(step);
  purge_inactive(step);
  return most_services - looked_at;
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

void Engine::Impl::write_messages(Outbox& messages, WallTime now) {
  names.flush(state, messages);
  if (!event_lines.empty() && outside != nullptr) {
    messages.run(
        [this, lines = std::exchange(event_lines, {})] {
          for (const events::Line& each : lines)
            outside->put_line(each.group_arn, each.stream, each.at, each.text);
        },
        [] {});
  }
  next_message = agents.flush(state, settings, now, random, messages);
  if (complain) {
    const std::uint64_t written = agents.messages_written();
    agents.look_at_all();
    next_message = agents.flush(state, settings, now, random, messages);
    if (agents.messages_written() != written) complain("an agent was not told at once");
  }
  make_earlier(next_message, feeds.flush(state, now, messages));
  make_earlier(next_message, certificates.flush(state, settings, now, messages));
  make_earlier(next_message, hooks.flush(state, now, messages));
}

// What load() moved goes on its own and first: the changes may build on it.
void Engine::Impl::save_oldest() {
  if (!migrated.empty()) {
    return save(migrated, [this] {
      migrated = {};
      save_oldest();
    });
  }
  if (undurable.front().changes.empty()) {
    if (undurable.front().whole) trouble_is_over();
    return oldest_is_durable();
  }
  save(std::exchange(undurable.front().changes, {}), [this] {
    trouble_is_over();
    oldest_is_durable();
  });
}

void Engine::Impl::save(store::ChangeSet changes, std::function<void()> then) {
  saving_since = executor.now();
  store.commit(std::move(changes), [this, lives = alive, then = std::move(then)](const Result<void>& saved) {
    if (!*lives) return;
    commit_times.add(executor.now() - *saving_since);
    saving_since.reset();
    if (!saved) return roll_back(saved.error());
    then();
  });
}

void Engine::Impl::oldest_is_durable() {
  for (TableBase* table : tables) table->batch_is_durable();
  state.live.agenda.batch_is_durable();
  Batch batch = std::move(undurable.front());
  undurable.pop_front();
  answer(batch);
  batch.messages.deliver();
  if (!undurable.empty()) save_oldest();
  sleep();
}

void Engine::Impl::answer(Batch& batch) {
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    queue.finished(batch.inputs[i]);
    if (batch.inputs[i].done) batch.inputs[i].done(batch.results[i]);
  }
  batch.inputs.clear();
}

void Engine::Impl::trouble_is_over() {
  store_trouble.clear();
  retry_at.reset();
}

// All that is not durable, because the younger batch was decided from the older one. Callers learn that
// nothing happened; of what sessions told us, that is kept which changed rows, because they will not say it
// again.
void Engine::Impl::roll_back(const Error& reason) {
  const WallTime now = executor.wall_now();
  store_trouble = "the store refused the last change: " + reason.text();
  retry_at = now + kRetryCommitAfter;
  for (TableBase* table : tables) table->undo_batches();
  state.live.agenda.undo_batches();
  auto undone = std::exchange(undurable, {});
  state.published = undone.front().published_before;
  for (auto batch = undone.rbegin(); batch != undone.rend(); ++batch) batch->messages.take_back();
  std::erase_if(state.live.unsent_tasks,
                [this](const auto& key) { return state.tasks.find(key) == nullptr; });

  const Error failure("ServerException", "The change could not be saved: " + reason.text(),
                      shared::Blame::kSelf, shared::Retry::kYes);
  for (Batch& batch : undone) {
    for (Input& input : batch.inputs) {
      if (input.done) {
        answer_again(input, failure);
      } else if (input.changes_rows) {
        queue.keep(std::move(input));
      } else {
        queue.finished(input);
      }
    }
  }
  Outbox messages;
  write_messages(messages, now);
  messages.deliver();
  sleep();
}

// A call that only reads is answered from what is durable.
void Engine::Impl::answer_again(Input& input, const Error& failure) {
  if (input.changes_rows) return input.done(failure);
  begin_step();
  Step step{state, executor.wall_now(), random, settings};
  const auto result = input.apply(step);
  const bool changes = changed_in_step();
  undo_step();
  input.done(changes ? Result<void>(failure) : result);
}

// They say only that control is there: not even a commit that takes minutes holds them up, which their
// receivers would take for control's end.
void Engine::Impl::heartbeats(WallTime now) {
  const auto& durable = undurable.empty() ? state.published : undurable.front().published_before;
  next_heartbeat = agents.heartbeats(now, random);
  make_earlier(next_heartbeat, feeds.heartbeats(now, durable->version));
}

void Engine::Impl::sleep() {
  const WallTime now = executor.wall_now();
  std::optional<WallTime> wake = next_heartbeat;
  if (undurable.size() < kMaxUndurable) {
    const bool trouble = in_trouble(now);
    if (trouble ? queue.has_calls() : !queue.empty()) return request_turn();
    if (trouble) {
      make_earlier(wake, retry_at);
    } else {
      make_earlier(wake, state.live.agenda.next());
      make_earlier(wake, next_sweep);
      if (work_left()) wake = now;
    }
    make_earlier(wake, next_message);
  }
  if (!wake) return;
  const Millis delay =
      std::clamp(std::chrono::duration_cast<Millis>(std::max(*wake, now) - now), kShortestWake, kSweepEvery);
  timer = executor.after(delay, [this] { request_turn(); });
}

}  // namespace agent::control
