#include "agent/dashboard/live.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/control/state/lookup.h"
#include "agent/control/state/service_log.h"
#include "agent/dashboard/describe.h"
#include "agent/dashboard/figures.h"
#include "agent/dashboard/json_parts.h"
#include "agent/dashboard/pages.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"

namespace agent::dashboard {

using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;
namespace http = shared::http;
namespace httpd = shared::httpd;

namespace {

constexpr std::array<std::string_view, 9> kKinds{"info",  "cluster", "host", "service", "task",
                                                 "block", "event",   "lb",   "balancer"};
constexpr std::string_view kFigures = "figures";
// Things of one subject that is watched; by the kind of that subject.
constexpr std::array<const char*, 3> kOfService{"history", "health", "scaling"};
constexpr const char* kOfLoadBalancer = "groups";
constexpr std::string_view kServiceMark = "service:";
constexpr std::string_view kLoadBalancerMark = "lb:";

constexpr std::size_t kMaxWatchChars = 512;
constexpr std::size_t kBatchBytes = 128 * 1024;
// Between two steps while there is more to look at: others have their turn.
constexpr shared::Millis kLookSoon{5};
constexpr std::size_t kServicesSwept = 100;  // of each look: what of them is in no row
constexpr std::size_t kFiguresSwept = 50;
constexpr std::size_t kWatchedAtOnce = 16;

std::string balancer_owner(const model::LoadBalancer& balancer) {
  return std::string(kLoadBalancerMark) + balancer.name;
}

// The rows after `cursor`, round and round, at most `most`; moves the cursor.
template <class T, class Visit>
void each_in_turn(const control::Table<T>& table, std::string& cursor, std::size_t most, Visit visit) {
  auto at = table.rows().upper_bound(cursor);
  for (std::size_t i = 0; i < std::min(most, table.size()); ++i) {
    if (at == table.rows().end()) at = table.rows().begin();
    cursor = at->first;
    visit((at++)->second);
  }
}

}  // namespace

Result<Filter> filter_in(std::string_view query) {
  const auto invalid = [](std::string text) { return Error("invalid", std::move(text), Blame::kClient); };
  auto form = http::parse_form(query);
  if (!form) return form.error();
  Filter filter;
  for (const auto& [name, value] : *form) {
    if (name == "kinds") {
      std::string_view rest = value;
      while (!rest.empty()) {
        const std::string_view kind = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), kind.size() + 1));
        if (kind != kFigures && std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
          return invalid("kinds: there is no kind '" + std::string(kind) + "'");
        filter.kinds.emplace(kind);
      }
    } else if (name == "watch") {
      if (value.size() > kMaxWatchChars)
        return invalid("watch: longer than " + std::to_string(kMaxWatchChars) + " characters");
      filter.watched.insert(value);
      if (filter.watched.size() > kMostWatched)
        return invalid("watch: more than " + std::to_string(kMostWatched));
    } else {
      return invalid("there is no parameter '" + name + "'; there are kinds and watch");
    }
  }
  return filter;
}

Live::Live(control::Engine& engine, shared::env::Executor& executor, std::string epoch, std::string version)
    : engine_(engine), executor_(executor), epoch_(std::move(epoch)), version_(std::move(version)) {}

Live::~Live() {
  *alive_ = false;
  watchers_.clear();
}

void Live::watch(Filter filter, std::string_view last_event_id, httpd::Reply reply) {
  if (watchers_.size() >= kMostStreams) {
    http::Response full = text_response(503, "too many dashboards are open\n");
    full.headers.set("Retry-After", std::to_string(httpd::kRetryAfter.count() / 1'000));
    return reply.send(std::move(full));
  }
  Watcher& watcher = watchers_.emplace_back();
  const auto here = std::prev(watchers_.end());
  watcher.filter = std::move(filter);
  const std::string ours = epoch_ + "-" + std::to_string(run_) + "-";
  if (begun_ && last_event_id.starts_with(ours)) {
    const std::string_view digits = last_event_id.substr(ours.size());
    std::uint64_t position = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
    if (error == std::errc() && end == digits.data() + digits.size()) watcher.position = position;
  }
  http::Response head = http::make_response(200, "text/event-stream", "");
  head.headers.set("Cache-Control", "no-store");
  head.headers.set("X-Accel-Buffering", "no");  // for a proxy in between
  secure(head);
  watcher.stream = reply.stream(std::move(head), {.taken =
                                                      [this, here, lives = std::weak_ptr<bool>(alive_)] {
                                                        if (!lives.expired()) tell(*here);
                                                      },
                                                  .closed =
                                                      [this, here, lives = std::weak_ptr<bool>(alive_)] {
                                                        if (lives.expired() || !*alive_) return;
                                                        last_left_ = executor_.now();
                                                        watchers_.erase(here);
                                                      }});
  tell(watcher);
  wake(shared::Millis{0});
}

void Live::wake(shared::Millis delay) {
  timer_ = executor_.after(delay, [this] { tick(); });
}

void Live::tick() {
  if (looking_) return wake(kLookEvery);
  if (watchers_.empty() && executor_.now() - last_left_ >= kKeepFor) return forget();
  if (watchers_.empty()) return wake(kKeepFor);
  looking_ = true;
  look();
}

void Live::forget() {
  engine_.news().stop_listening();
  model_ = Model();
  pending_.clear();
  events_.clear();
  stopped_.clear();
  shown_.clear();
  begun_ = complete_ = false;
  ++run_;
}

void Live::look() {
  engine_.submit(
      [this, lives = std::weak_ptr<bool>(alive_)](control::Step& step) -> Result<void> {
        if (!lives.expired()) look_at(step);
        return {};
      },
      [this, lives = std::weak_ptr<bool>(alive_)](const Result<void>& done) {
        if (!lives.expired()) looked(done);
      });
}

// May be done twice for one call of look(): the first time of what is taken back then.
void Live::look_at(const control::Step& step) {
  built_.clear();
  looked_at_.clear();
  if (!begun_) {
    engine_.news().listen();
    note_everything(step.state);
    begun_ = true;
  }
  note_changes(step.state);
  for (const Key& key : pending_) {
    if (looked_at_.size() == kMostPerLook) break;
    looked_at_.push_back(key);
    build(step.state, key);
  }
  sweep(step);
  build_watched(step);
}

void Live::note_everything(const control::State& state) {
  for (const auto& [key, row] : state.clusters.rows()) pending_.insert({"cluster", key});
  for (const auto& [key, row] : state.instances.rows()) pending_.insert({"host", key});
  for (const auto& [key, row] : state.services.rows()) pending_.insert({"service", key});
  note_all_load_balancers(state);
  const auto& stopped = state.task_index().stopped();
  for (const auto& [key, row] : state.tasks.rows()) {
    if (row.last_status != model::TaskStatus::kStopped) pending_.insert({"task", key});
  }
  std::size_t left = kStoppedTasksKept;
  for (auto it = stopped.rbegin(); it != stopped.rend() && left > 0; ++it, --left)
    pending_.insert({"task", it->second});
  std::vector<std::pair<shared::WallTime, const std::string*>> events;
  for (const auto& [key, row] : state.service_events.rows()) events.emplace_back(row.created_at, &key);
  const std::size_t most = std::min(events.size(), kEventsKept);
  std::partial_sort(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(most), events.end(),
                    [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < most; ++i) pending_.insert({"event", *events[i].second});
}

void Live::note_all_load_balancers(const control::State& state) {
  for (const auto& [key, row] : state.load_balancers.rows()) pending_.insert({"lb", key});
}

void Live::note_changes(const control::State& state) {
  const control::Changes changes = engine_.news().take();
  const auto note = [this](const char* kind, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) pending_.insert({kind, key});
  };
  note("cluster", changes.clusters);
  note("host", changes.instances);
  note("task", changes.tasks);
  note("service", changes.services);
  note("event", changes.service_events);
  note("lb", changes.load_balancers);
  note("balancer", changes.balancers);
  const auto task_changed = [&](const std::string& key) {
    const model::Task* task = state.tasks.find(key);
    if (task == nullptr) return;
    if (!task->service.empty()) pending_.insert({"service", task->cluster + "/" + task->service});
    if (!task->container_instance_arn.empty())
      pending_.insert({"host", task->cluster + "/" + control::instance_id_in(task->container_instance_arn)});
  };
  for (const std::string& key : changes.tasks) task_changed(key);
  for (const std::string& key : changes.service_events) pending_.insert({"service", control::owner_key(key)});
  for (const std::string& key : changes.targets) {
    const model::RegisteredTarget* target = state.targets.find(key);
    if (target == nullptr) continue;  // the row of its task has changed too
    if (const std::string task = control::task_key_in(target->task_arn); !task.empty()) task_changed(task);
  }
  note_routes(state, changes);
}

void Live::note_routes(const control::State& state, const control::Changes& changes) {
  const auto note = [&](const std::string& listener_arn) {
    const model::Listener* listener = state.listeners.find(listener_arn);
    if (listener == nullptr) return note_all_load_balancers(state);
    pending_.insert({"lb", listener->load_balancer_arn});
  };
  for (const std::string& arn : changes.listeners) note(arn);
  for (const std::string& arn : changes.rules) {
    const model::Rule* rule = state.rules.find(arn);
    note(rule == nullptr ? std::string() : rule->listener_arn);
  }
}

void Live::build(const control::State& state, const Key& key) {
  const auto& [kind, id] = key;
  const auto put = [&](auto* row, auto describe, std::string owner = {}) {
    built_.push_back({kind, id, std::move(owner), row == nullptr ? std::string() : describe(*row)});
  };
  if (kind == "task") return build_task(state, id);
  if (kind == "cluster") return put(state.clusters.find(id), describe_cluster);
  if (kind == "host")
    return put(state.instances.find(id), [&](const auto& row) { return describe_host(state, row); });
  if (kind == "service") {
    return put(
        state.services.find(id), [&](const auto& row) { return describe_service(state, row); },
        service_owner(id));
  }
  if (kind == "lb") return put_load_balancer(state, id);
  if (kind == "balancer")
    return put(state.balancers.find(id), [&](const auto& row) { return describe_balancer(state, row); });
  if (kind == "event") {
    const model::ServiceEvent* row = state.service_events.find(id);
    put(row, [&](const auto& event) { return describe_event(id, event); });
    if (row != nullptr) built_.back().at = millis(row->created_at);
  }
}

void Live::put_load_balancer(const control::State& state, const std::string& arn) {
  const model::LoadBalancer* row = state.load_balancers.find(arn);
  if (row == nullptr) return built_.push_back({"lb", arn, {}, {}});
  built_.push_back({"lb", arn, balancer_owner(*row), describe_load_balancer(state, *row)});
}

void Live::build_task(const control::State& state, const std::string& key) {
  const model::Task* task = state.tasks.find(key);
  if (task == nullptr) {
    built_.push_back({"task", key, {}, {}});
    built_.push_back({"block", key, {}, {}});
    return;
  }
  const bool stopped = task->last_status == model::TaskStatus::kStopped;
  const std::string owner =
      task->service.empty() ? std::string() : service_owner(task->cluster + "/" + task->service);
  built_.push_back({"task", key, owner, describe_task(state, *task)});
  if (stopped) built_.back().at = millis(task->stopped_at.value_or(task->created_at));
  const bool placed = !stopped && !task->container_instance_arn.empty();
  built_.push_back({"block", key, {}, placed ? describe_block(*task) : std::string()});
}

std::set<std::string> Live::watched() const {
  std::set<std::string> out;
  for (const Watcher& each : watchers_) out.insert(each.filter.watched.begin(), each.filter.watched.end());
  return out;
}

void Live::build_watched(const control::Step& step) {
  const auto all = watched();
  auto at = all.upper_bound(watch_cursor_);
  for (std::size_t i = 0; i < std::min(kWatchedAtOnce, all.size()); ++i) {
    if (at == all.end()) at = all.begin();
    const std::string& subject = watch_cursor_ = *at++;
    if (subject.starts_with(kServiceMark)) {
      const model::Service* service = step.state.services.find(subject.substr(kServiceMark.size()));
      if (service == nullptr) continue;
      const std::string key = control::key_of(*service);
      built_.push_back({kOfService[0], key, subject, describe_history(step.state, *service)});
      built_.push_back({kOfService[1], key, subject, describe_health(step.state, *service)});
      built_.push_back({kOfService[2], key, subject, describe_scaling(step.state, *service, step.now)});
    } else if (subject.starts_with(kLoadBalancerMark)) {
      const std::string name = subject.substr(kLoadBalancerMark.size());
      const auto& balancers = step.state.load_balancers.rows();
      const auto found = std::find_if(balancers.begin(), balancers.end(),
                                      [&](const auto& each) { return each.second.name == name; });
      if (found == balancers.end()) continue;
      built_.push_back(
          {kOfLoadBalancer, name, subject, describe_groups(step.state, found->second, step.now)});
    }
  }
}

// What is true of rows without being in them: the health of targets, versions of balancers, figures.
void Live::sweep(const control::Step& step) {
  each_in_turn(step.state.services, service_cursor_, kServicesSwept, [&](const model::Service& service) {
    const std::string key = control::key_of(service);
    built_.push_back({"service", key, service_owner(key), describe_service(step.state, service)});
  });
  each_in_turn(step.state.load_balancers, balancer_cursor_, kFiguresSwept,
               [&](const model::LoadBalancer& balancer) {
                 built_.push_back({std::string(kFigures), balancer.arn, balancer_owner(balancer),
                                   describe_figures(step.state, balancer, step.now)});
               });
  for (const auto& [id, row] : step.state.balancers.rows())
    built_.push_back({"balancer", id, {}, describe_balancer(step.state, row)});
  json info = thing("info", "");
  info["version"] = version_;
  info["region"] = step.settings.region;
  info["account"] = step.settings.account;
  info["configuration"] = step.state.published->version;
  put_text(info, "trouble", engine_.not_ready());
  built_.push_back({"info", "", {}, shared::json::to_text(info)});
}

void Live::looked(const Result<void>& done) {
  looking_ = false;
  if (!done) return wake(kLookEvery);  // too many calls wait: later
  for (Built& each : built_) keep(std::move(each));
  built_.clear();
  for (const Key& key : looked_at_) pending_.erase(key);
  if (pending_.empty()) complete_ = true;
  forget_unwatched();
  tell();
  wake(pending_.empty() ? kLookEvery : kLookSoon);
}

void Live::keep(Built built) {
  const bool gone = built.text.empty();
  if (!gone && built.at && built.kind == "event") {
    keep_newest(events_, built, kEventsKept, {"event"});
    if (!events_.contains({*built.at, built.id})) return;
  }
  if (!gone && built.at && built.kind == "task") {
    keep_newest(stopped_, built, kStoppedTasksKept, {"task"});
    if (!stopped_.contains({*built.at, built.id})) return model_.erase("task", built.id);
  }
  if (gone) {
    if (built.kind == "lb") model_.erase(std::string(kFigures), built.id);
    return model_.erase(built.kind, built.id);
  }
  model_.put(built.kind, built.id, built.owner, std::move(built.text));
}

void Live::keep_newest(std::set<std::pair<long long, std::string>>& of, const Built& built, std::size_t most,
                       std::vector<const char*> kinds) {
  of.insert({*built.at, built.id});
  while (of.size() > most) {
    for (const char* kind : kinds) model_.erase(kind, of.begin()->second);
    of.erase(of.begin());
  }
}

// What nobody watches any more is not kept up to date, so it goes.
void Live::forget_unwatched() {
  auto now = watched();
  for (const std::string& subject : shown_) {
    if (now.contains(subject)) continue;
    if (subject.starts_with(kServiceMark)) {
      for (const char* kind : kOfService) model_.erase(kind, subject.substr(kServiceMark.size()));
    } else if (subject.starts_with(kLoadBalancerMark)) {
      model_.erase(kOfLoadBalancer, subject.substr(kLoadBalancerMark.size()));
    }
  }
  shown_ = std::move(now);
}

void Live::tell() {
  for (auto it = watchers_.begin(); it != watchers_.end();) tell(*it++);
}

void Live::tell(Watcher& watcher) {
  // A slow client gets the newest of everything once it has taken what was sent.
  while (watcher.stream && watcher.stream->waiting() == 0) {
    const bool late = executor_.now() - watcher.told_time >= kTellTimeEvery;
    Batch batch;
    if (begun_) batch = model_.since(watcher.position, watcher.filter, kBatchBytes);
    const bool ready = complete_ && !batch.more && !watcher.ready;
    if (begun_) watcher.position = batch.position;
    if (batch.empty() && !ready && !late) return;
    watcher.told_time = executor_.now();
    watcher.ready = watcher.ready || ready;
    std::string text = "{\"now\":" + std::to_string(shared::epoch_millis(executor_.wall_now()));
    if (batch.anew) text += ",\"anew\":true";
    if (ready) text += ",\"ready\":true";
    if (!batch.gone.empty()) text += ",\"gone\":" + shared::json::to_text(json(batch.gone));
    text += ",\"set\":[";
    for (std::size_t i = 0; i < batch.set.size(); ++i) text += (i == 0 ? "" : ",") + batch.set[i];
    std::string event;
    if (begun_)
      event = "id: " + epoch_ + "-" + std::to_string(run_) + "-" + std::to_string(batch.position) + "\n";
    watcher.stream->send(event + "data: " + text + "]}\n\n");
    if (!batch.more) return;
  }
}

}  // namespace agent::dashboard
