#include "balancer/proxy/worker.h"

#include <algorithm>
#include <set>

#include "shared/http/message.h"

namespace balancer::proxy {

using shared::SteadyTime;

namespace {

class GroupLoad final : public targets::LoadView {
 public:
  explicit GroupLoad(const WorkerGroup& group) : group_(group) {}
  std::uint64_t in_flight(std::size_t i) const override { return group_.targets[i]->runtime->in_flight(); }

 private:
  const WorkerGroup& group_;
};

constexpr std::size_t kLogChunk = 64 * 1024;

}  // namespace

Worker::Worker(loop::Loop& loop, WorkerOptions options)
    : loop_(loop), options_(options), random_(options.seed) {
  loop_.at_turn_end([this] { end_turn(); });
}

Worker::~Worker() {
  cut_all();
  end_turn();
  for (auto& [key, target] : targets_) target->close_idle();
  for (auto& [address, listener] : listeners_) stop_listening(*listener);
}

void Worker::apply(std::shared_ptr<const Snapshot> snapshot, std::vector<NewSocket> sockets) {
  serve_before_removal(*snapshot);
  ++generation_;
  auto config = std::make_unique<WorkerConfig>();
  config->snapshot = std::move(snapshot);
  install_targets(*config);
  install_listeners(*config, std::move(sockets));
  if (current_ && current_->users != 0) former_.push_back(std::move(current_));
  current_ = std::move(config);
  if (draining() || !closed_listeners_.empty()) wind_down_connections();
}

// Connections and requests that the kernel has already for a listener about to go are still served by its
// routes.
void Worker::serve_before_removal(const Snapshot& next) {
  std::set<std::string> wanted;
  for (const auto& compiled : next.listeners) wanted.insert(loop::to_string(compiled->address));
  bool removal = false;
  for (auto& [address, listener] : listeners_) {
    if (wanted.count(address) != 0) continue;
    accept_from(*listener, kListenDrainAccepts);
    stop_listening(*listener);
    removal = true;
  }
  if (!removal) return;
  for (ClientConnection* c = clients_.front(); c != nullptr;) {
    ClientConnection* following = List<ClientConnection>::next(*c);
    if (!c->listener().fd) c->serve_arrived();
    c = following;
  }
}

void Worker::install_targets(WorkerConfig& config) {
  std::unordered_map<std::string_view, std::shared_ptr<WorkerGroup>> former;
  if (current_) {
    for (auto& group : current_->groups) former.emplace(group->group->id, group);
  }
  forget_idle_leavers();
  std::vector<std::shared_ptr<WorkerGroup>> replaced;
  for (const auto& group : config.snapshot->groups) {
    const auto known = former.find(group->id);
    std::shared_ptr<WorkerGroup> before;
    if (known != former.end()) {
      before = std::move(known->second);
      former.erase(known);
    }
    if (before && before->group == group.get()) {
      config.groups.push_back(std::move(before));
      continue;
    }
    config.groups.push_back(install_group(*group, before.get()));
    if (before) replaced.push_back(std::move(before));
  }
  for (const auto& group : replaced) leave_targets(*group);
  for (const auto& [id, group] : former) leave_targets(*group);
}

std::shared_ptr<WorkerGroup> Worker::install_group(const targets::Group& group, const WorkerGroup* former) {
  auto mine = std::make_shared<WorkerGroup>(
      WorkerGroup{&group, targets::Selector(group.selection, random_), 0, {}, {}});
  const auto known = [this](const std::shared_ptr<targets::TargetRuntime>& runtime) -> WorkerTarget& {
    auto& entry = targets_[runtime.get()];
    if (!entry) entry = std::make_unique<WorkerTarget>(*this, runtime);
    entry->generation = generation_;
    return *entry;
  };
  mine->targets.reserve(group.active.size());
  for (const auto& runtime : group.active) {
    WorkerTarget& target = known(runtime);
    target.accepting = true;
    loop_.timers().disarm(target.cut);
    target.place = mine->targets.size();
    mine->targets.push_back(&target);
  }
  // Every change of the configuration would otherwise favour the targets at which rotations begin.
  if (former != nullptr) {
    std::vector<std::size_t> places;
    places.reserve(former->targets.size());
    for (const WorkerTarget* target : former->targets)
      places.push_back(target->generation == generation_ ? target->place : targets::Selector::kGone);
    mine->selector.continue_from(former->selector, places);
  }
  for (const auto& draining : group.draining) {
    WorkerTarget& target = known(draining.target);
    target.stop_accepting(draining.cut_at);
    mine->draining.push_back(&target);
  }
  return mine;
}

// Those of a group of the former configuration that the one being installed does not name.
void Worker::leave_targets(const WorkerGroup& former) {
  for (WorkerTarget* target : former.targets) {
    if (target->generation != generation_) leave(*target);
  }
  for (WorkerTarget* target : former.draining) {
    if (target->generation != generation_) leave(*target);
  }
}

void Worker::leave(WorkerTarget& target) {
  // One that was draining before keeps its own limit.
  if (target.accepting) target.stop_accepting(loop_.now() + kRemovedTargetLimit);
  if (target.busy.empty()) {
    targets_.erase(target.runtime.get());
  } else {
    leaving_.push_back(&target);
  }
}

void Worker::forget_idle_leavers() {
  std::erase_if(leaving_, [this](WorkerTarget* target) {
    if (!target->busy.empty()) return false;
    targets_.erase(target->runtime.get());
    return true;
  });
}

void Worker::install_listeners(WorkerConfig& config, std::vector<NewSocket> sockets) {
  for (NewSocket& socket : sockets) {
    auto listener = std::make_unique<WorkerListener>(*this);
    listener->fd = std::move(socket.fd);
    listener->pause.bind(listener.get(), [](void* self) {
      auto* l = static_cast<WorkerListener*>(self);
      l->worker.accept_from(*l, kAcceptsPerTurn);
    });
    listeners_[socket.address] = std::move(listener);
  }
  std::map<std::string, const CompiledListener*> wanted;
  for (const auto& compiled : config.snapshot->listeners)
    wanted[loop::to_string(compiled->address)] = compiled.get();
  for (auto it = listeners_.begin(); it != listeners_.end();) {
    WorkerListener& listener = *it->second;
    const auto found = wanted.find(it->first);
    if (found == wanted.end()) {
      listener.current = nullptr;
      closed_listeners_.push_back(std::move(it->second));
      it = listeners_.erase(it);
      continue;
    }
    listener.current = found->second;
    listener.stats = found->second->stats;
    listener.counters = &listener.stats->per_worker[options_.index];
    if (!listener.watch.active() && !draining()) {
      (void)listener.watch.start(loop_, listener.fd.get(), loop::FdWatch::Interest::kReadLevel, &listener,
                                 [](void* self, loop::Ready) {
                                   auto* l = static_cast<WorkerListener*>(self);
                                   l->worker.accept_from(*l, kAcceptsPerTurn);
                                 });
    }
    ++it;
  }
}

void Worker::stop_listening(WorkerListener& listener) {
  listener.watch.stop();
  loop_.timers().remove(listener.pause);
  listener.fd.reset();
}

void Worker::accept_from(WorkerListener& listener, int limit) {
  if (listener.counters == nullptr || !listener.fd) return;
  for (int i = 0; i < limit; ++i) {
    loop::Accepted accepted = loop::accept_one(listener.fd.get());
    if (!accepted.fd) {
      // Out of descriptors: level-triggered readiness would spin, so look again a little later.
      if (accepted.error != 0) {
        listener.counters->connections_rejected.add();
        listener.watch.stop();
        loop_.arm(listener.pause, kAcceptPause);
        return;
      }
      break;
    }
    if (clients_.size() >= options_.max_connections) {
      listener.counters->connections_rejected.add();
      continue;
    }
    ClientConnection* connection = nullptr;
    if (spare_clients_.empty()) {
      all_clients_.push_back(std::make_unique<ClientConnection>(*this));
      connection = all_clients_.back().get();
    } else {
      connection = spare_clients_.back();
      spare_clients_.pop_back();
    }
    clients_.push_front(*connection);
    connection->open(listener, std::move(accepted));
  }
  if (!listener.watch.active() && listener.current != nullptr && !draining()) {
    (void)listener.watch.start(loop_, listener.fd.get(), loop::FdWatch::Interest::kReadLevel, &listener,
                               [](void* self, loop::Ready) {
                                 auto* l = static_cast<WorkerListener*>(self);
                                 l->worker.accept_from(*l, kAcceptsPerTurn);
                               });
  }
}

void Worker::wind_down_connections() {
  for (ClientConnection* c = clients_.front(); c != nullptr;) {
    ClientConnection* next = List<ClientConnection>::next(*c);
    if (draining() || c->listener().current == nullptr) c->wind_down();
    c = next;
  }
}

void Worker::drain(std::function<void()> done) {
  drained_ = std::move(done);
  for (auto& [address, listener] : listeners_) {
    accept_from(*listener, kListenDrainAccepts);
    stop_listening(*listener);
  }
  wind_down_connections();
  end_turn();
}

void Worker::cut_all() {
  while (!clients_.empty()) clients_.front()->cut();
}

std::optional<Worker::Chosen> Worker::choose(WorkerGroup& group, std::span<WorkerTarget* const> tried) {
  const std::uint64_t epoch = group.group->runtime->health_epoch.load(std::memory_order_acquire);
  if (epoch != group.seen_epoch) {
    std::vector<targets::Candidate> candidates;
    candidates.reserve(group.targets.size());
    for (const WorkerTarget* target : group.targets) candidates.push_back(target->runtime->candidate());
    group.selector.refresh(candidates);
    group.seen_epoch = epoch;
  }
  avoided_.clear();
  const auto avoid = [this, &group](const WorkerTarget* target) {
    const auto found = std::find(group.targets.begin(), group.targets.end(), target);
    if (found != group.targets.end())
      avoided_.push_back(static_cast<std::size_t>(found - group.targets.begin()));
  };
  for (const WorkerTarget* target : tried) avoid(target);
  const std::size_t must_avoid = avoided_.size();
  if (loop_.now() < suspects_until_) {
    for (const WorkerTarget* target : group.targets) {
      if (loop_.now() < target->suspect_until) avoid(target);
    }
  }
  auto choice = group.selector.choose(avoided_, GroupLoad(group), random_, loop_.now());
  // Better a suspect than nobody.
  if (!choice && avoided_.size() != must_avoid) {
    choice =
        group.selector.choose(std::span(avoided_).first(must_avoid), GroupLoad(group), random_, loop_.now());
  }
  if (!choice) return std::nullopt;
  return Chosen{group.targets[choice->candidate], choice->failed_open};
}

void Worker::suspect(WorkerTarget& target) {
  target.suspect_until = loop_.now() + kSuspectFor;
  suspects_until_ = target.suspect_until;
}

WorkerGroup* Worker::find_group(const std::string& id) {
  for (const auto& group : current_->groups) {
    if (group->group->id == id) return group.get();
  }
  return nullptr;
}

void Worker::release(WorkerConfig& config) {
  if (--config.users != 0 || &config == current_.get()) return;
  std::erase_if(former_, [&config](const auto& former) { return former.get() == &config; });
}

void Worker::make_room_for_target() {
  if (target_counters_.connections_active.get() >= options_.max_connections) close_an_idle_target();
}

bool Worker::close_an_idle_target() {
  for (const auto& [runtime, target] : targets_) {
    if (target->idle.empty()) continue;
    target->idle.back()->close();
    return true;
  }
  return false;
}

TargetConnection& Worker::new_target_connection() {
  if (spare_targets_.empty()) {
    all_targets_.push_back(std::make_unique<TargetConnection>(*this));
    return *all_targets_.back();
  }
  TargetConnection& connection = *spare_targets_.back();
  spare_targets_.pop_back();
  return connection;
}

void Worker::recycle(TargetConnection& connection) { dead_targets_.push_back(&connection); }

void Worker::recycle(ClientConnection& connection) {
  clients_.remove(connection);
  dead_clients_.push_back(&connection);
}

void Worker::continue_later(ClientConnection& connection) {
  if (connection.queued) return;
  connection.queued = true;
  unfinished_.push_back(&connection);
}

void Worker::log(AccessRecord& record) {
  record.time = loop_.wall_now();
  append_line(log_lines_, record);
  if (log_lines_.size() >= kLogChunk) options_.access_log->write(log_lines_);
}

// Nothing that died in this turn is used again before its callbacks have returned.
void Worker::end_turn() {
  spare_clients_.insert(spare_clients_.end(), dead_clients_.begin(), dead_clients_.end());
  dead_clients_.clear();
  spare_targets_.insert(spare_targets_.end(), dead_targets_.begin(), dead_targets_.end());
  dead_targets_.clear();
  if (!unfinished_.empty() && !resume_posted_) {
    resume_posted_ = true;
    loop_.post([this] {
      resume_posted_ = false;
      std::vector<ClientConnection*> work;
      work.swap(unfinished_);
      for (ClientConnection* connection : work) {
        connection->queued = false;
        connection->advance();
      }
    });
  }
  if (!closed_listeners_.empty())
    std::erase_if(closed_listeners_, [](const auto& listener) { return listener->connections == 0; });
  if (!log_lines_.empty()) options_.access_log->write(log_lines_);
  if (drained_ && clients_.empty() && drain_open_) {
    drain_open_ = false;
    drained_();
  }
}

void Worker::refresh_date() {
  const SteadyTime now = loop_.now();
  if (now < date_until_) return;
  const shared::WallTime wall = loop_.wall_now();
  const auto second = std::chrono::floor<std::chrono::seconds>(wall);
  date_ = shared::http::http_date(wall);
  date_seconds_ = static_cast<std::uint32_t>(second.time_since_epoch().count());
  date_until_ = now + (second + std::chrono::seconds(1) - wall);
}

std::string_view Worker::date() {
  refresh_date();
  return date_;
}

std::uint32_t Worker::epoch_seconds() {
  refresh_date();
  return date_seconds_;
}

}  // namespace balancer::proxy
