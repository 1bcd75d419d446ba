#include "balancer/proxy/worker/worker.h"

#include <algorithm>
#include <set>

#include "shared/http/message.h"
#include "shared/log/log.h"

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

bool begins_with_proxy_header(const WorkerListener& listener, const Peer& peer) {
  const auto& ranges = listener.current->proxy_from;
  return std::any_of(ranges.begin(), ranges.end(),
                     [&peer](const routing::Cidr& range) { return range.contains(peer.source); });
}

}  // namespace

Worker::Worker(loop::Loop& loop, WorkerOptions options)
    : loop_(loop),
      options_(std::move(options)),
      random_(options_.seed),
      token_keys_(loop, options_.keys),
      max_clients_(options_.max_connections) {
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
  config->acme = config->snapshot->acme.get();
  if (!current_ || current_->snapshot->cookie_keys != config->snapshot->cookie_keys)
    sealer_ = sticky::Sealer(config->snapshot->cookie_keys);
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
    if (!c->belongs_to().fd) c->serve_arrived();
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
  auto mine = std::make_shared<WorkerGroup>(WorkerGroup{
      &group, targets::Selector(group.selection, random_), 0, sticky::group_mark(group.id), {}, {}, {}, {}});
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
    if (group.stickiness.enabled) {
      if (!target.marked) target.mark = sticky::target_mark(group.id, runtime->key.registration);
      target.marked = true;
      mine->marks[target.mark] = target.place;
    }
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
  if (!group.outlier_ejection) {
    for (const auto& runtime : group.active) runtime->ejected = false;
  }
  if (group.has_gate() || (former != nullptr && former->group->has_gate())) group.runtime->gate.update(group);
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
  if (target.unused()) {
    targets_.erase(target.runtime.get());
  } else {
    leaving_.push_back(&target);
  }
}

void Worker::forget_idle_leavers() {
  std::erase_if(leaving_, [this](WorkerTarget* target) {
    if (!target->unused()) return false;
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
    listeners_.emplace(socket.address, std::move(listener));
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
    listen_on(listener);
    ++it;
  }
}

void Worker::listen_on(WorkerListener& listener) {
  if (listener.watch.active() || !listener.fd || listener.current == nullptr || draining()) return;
  if (!options_.accepting) return;
  (void)listener.watch.start(loop_, listener.fd.get(), loop::FdWatch::Interest::kReadLevel, &listener,
                             [](void* self, loop::Ready) {
                               auto* l = static_cast<WorkerListener*>(self);
                               l->worker.accept_from(*l, kAcceptsPerTurn);
                             });
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
    if (clients_.size() + waits_.size() >= max_clients_) {
      listener.counters->connections_rejected.add();
      continue;
    }
    Peer peer;
    peer.ip = accepted.peer.ip();
    peer.port = accepted.peer.port();
    peer.source = routing::parse_source(peer.ip).value_or(routing::SourceAddress{});
    if (listener.current != nullptr && !listener.current->plain && begins_with_proxy_header(listener, peer)) {
      new_wait().open(listener, std::move(accepted.fd), std::move(peer));
      continue;
    }
    serve(listener, std::move(accepted.fd), std::move(peer), {});
  }
  listen_on(listener);
}

void Worker::serve(WorkerListener& listener, shared::UniqueFd fd, Peer peer, const TcpFlow::Told& told) {
  const CompiledListener* current = listener.current;
  std::unique_ptr<tls::TlsTransport> secured;
  if (current != nullptr && current->tls != nullptr) {
    secured = std::make_unique<tls::TlsTransport>(current->tls,
                                                  std::make_unique<loop::SocketTransport>(std::move(fd)));
    peer.scheme = "https";
  }
  if (current != nullptr && !current->plain && shared::lbconfig::is_stream(current->protocol)) {
    TcpFlow& flow = new_flow();
    if (secured != nullptr) return flow.open(listener, std::move(secured), std::move(peer), told);
    return flow.open(listener, std::move(fd), std::move(peer), told);
  }
  H1Connection& connection = new_client();
  if (secured != nullptr) return connection.open(listener, std::move(secured), std::move(peer));
  connection.open(listener, std::move(fd), std::move(peer));
}

bool Worker::adopt(const std::string& address, std::unique_ptr<loop::Transport> transport, Peer peer) {
  const auto found = listeners_.find(address);
  if (found == listeners_.end() || found->second->current == nullptr || draining()) return false;
  if (shared::lbconfig::is_stream(found->second->current->protocol)) {
    new_flow().open(*found->second, std::move(transport), std::move(peer), {});
  } else {
    new_client().open(*found->second, std::move(transport), std::move(peer));
  }
  return true;
}

TcpFlow& Worker::new_flow() {
  TcpFlow& flow = flow_pool_.take(*this);
  clients_.push_front(flow);
  return flow;
}

ProxyHeaderWait& Worker::new_wait() {
  ProxyHeaderWait& wait = wait_pool_.take(*this);
  waits_.push_front(wait);
  return wait;
}

void Worker::recycle(ProxyHeaderWait& wait) {
  waits_.remove(wait);
  wait_pool_.give_later(wait);
}

void Worker::reset_flows(const targets::TargetRuntime& target) {
  const auto found = targets_.find(&target);
  if (found == targets_.end()) return;
  found->second->cut_busy();
}

H1Connection& Worker::new_client() {
  H1Connection& connection = h1_pool_.take(*this);
  clients_.push_front(connection);
  return connection;
}

void Worker::wind_down_connections() {
  for (ClientConnection* c = clients_.front(); c != nullptr;) {
    ClientConnection* next = List<ClientConnection>::next(*c);
    if (draining() || c->belongs_to().current == nullptr) c->wind_down();
    c = next;
  }
}

void Worker::accept() {
  options_.accepting = true;
  for (auto& [address, listener] : listeners_) listen_on(*listener);
}

std::vector<NewSocket> Worker::sockets() const {
  std::vector<NewSocket> all;
  for (const auto& [address, listener] : listeners_) {
    if (listener->fd) all.push_back({address, loop::duplicate(listener->fd.get())});
  }
  return all;
}

void Worker::drain(Drain how, std::function<void()> done) {
  drained_ = std::move(done);
  drain_ = how;
  for (auto& [address, listener] : listeners_) {
    if (how == Drain::kEnd) accept_from(*listener, kListenDrainAccepts);
    stop_listening(*listener);
  }
  wind_down_connections();
  end_turn();
}

void Worker::less_memory(unsigned hundredths) {
  const auto part = [hundredths](std::size_t now) {
    return std::max(now * hundredths / 100, kLeastWhenShort);
  };
  max_clients_ = std::min(part(clients_.size()), options_.max_connections);
  max_exchanges_ = part(exchanges_in_use());
}

void Worker::more_memory() {
  max_clients_ = options_.max_connections;
  max_exchanges_ = std::numeric_limits<std::size_t>::max();
}

void Worker::cut_all() {
  while (!waits_.empty()) waits_.front()->cut();
  while (!clients_.empty()) clients_.front()->cut();
}

void Worker::refresh(WorkerGroup& group) {
  const std::uint64_t epoch = group.group->runtime->health_epoch.load(std::memory_order_acquire);
  if (epoch == group.seen_epoch) return;
  std::vector<targets::Candidate> candidates;
  candidates.reserve(group.targets.size());
  for (const WorkerTarget* target : group.targets) candidates.push_back(target->runtime->candidate());
  group.selector.refresh(candidates);
  group.seen_epoch = epoch;
}

void Worker::avoid(const WorkerGroup& group, const WorkerTarget* target) {
  const auto found = std::find(group.targets.begin(), group.targets.end(), target);
  if (found != group.targets.end())
    avoided_.push_back(static_cast<std::size_t>(found - group.targets.begin()));
}

std::optional<Worker::Chosen> Worker::choose(WorkerGroup& group, std::span<WorkerTarget* const> tried,
                                             const sticky::Mark* kept) {
  return choose(group, tried, kept, nullptr);
}

// `gate`: only who has room there.
std::optional<Worker::Chosen> Worker::choose(WorkerGroup& group, std::span<WorkerTarget* const> tried,
                                             const sticky::Mark* kept,
                                             const targets::RequestGate::Open* gate) {
  refresh(group);
  avoided_.clear();
  for (const WorkerTarget* target : tried) avoid(group, target);
  if (gate != nullptr) {
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      if (!gate->has_room(group.targets[i]->runtime.get())) avoided_.push_back(i);
    }
  }
  const std::size_t must_avoid = avoided_.size();
  if (loop_.now() < suspects_until_) {
    for (const WorkerTarget* target : group.targets) {
      if (loop_.now() < target->suspect_until) avoid(group, target);
    }
  }
  if (kept != nullptr) {
    const auto place = group.marks.find(*kept);
    if (place != group.marks.end()) {
      if (const auto again = group.selector.choose_again(place->second, avoided_))
        return Chosen{group.targets[again->candidate], again->failed_open};
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

Worker::Admission Worker::admit(WorkerGroup& group, std::span<WorkerTarget* const> tried,
                                const sticky::Mark* kept, targets::GateKeeper& keeper) {
  const bool may_hold = group.group->hold_requests && tried.empty();
  if (!group.group->request_limit) {
    const auto chosen = choose(group, tried, kept, nullptr);
    if (chosen) return {Admission::State::kGoes, *chosen};
    return may_hold ? hold(group, keeper) : Admission{};
  }
  targets::RequestGate::Open gate(group.group->runtime->gate);
  const targets::TargetRuntime* only = nullptr;  // whom the cookie names: the client waits for it
  if (kept != nullptr) {
    refresh(group);
    avoided_.clear();
    for (const WorkerTarget* target : tried) avoid(group, target);
    const auto place = group.marks.find(*kept);
    if (place != group.marks.end() && group.selector.choose_again(place->second, avoided_))
      only = group.targets[place->second]->runtime.get();
  }
  if (only == nullptr || gate.has_room(only)) {
    auto chosen = choose(group, tried, kept, nullptr);
    if (chosen && !gate.has_room(chosen->target->runtime.get())) chosen = choose(group, tried, kept, &gate);
    if (chosen) {
      gate.take(chosen->target->runtime.get());
      return {Admission::State::kGoes, *chosen};
    }
  }
  avoided_.clear();
  for (const WorkerTarget* target : tried) avoid(group, target);
  if (!group.selector.has_any(avoided_)) return may_hold ? wait_at(gate, keeper) : Admission{};
  std::vector<targets::RequestGate::Target> never;
  for (const WorkerTarget* target : tried) never.push_back(target->runtime.get());
  const auto ticket = gate.wait(keeper, only, never);
  if (!ticket) return {Admission::State::kQueueFull};
  return {Admission::State::kWaits, {}, *ticket};
}

// For the group's first target. Whoever is there by now is found with the gate open: who comes later lets in
// all that wait.
Worker::Admission Worker::hold(WorkerGroup& group, targets::GateKeeper& keeper) {
  targets::RequestGate::Open gate(group.group->runtime->gate);
  if (const auto chosen = choose(group, {}, nullptr, nullptr)) return {Admission::State::kGoes, *chosen};
  return wait_at(gate, keeper);
}

Worker::Admission Worker::wait_at(targets::RequestGate::Open& gate, targets::GateKeeper& keeper) {
  const auto ticket = gate.wait(keeper, nullptr, {});
  Admission admission{Admission::State::kQueueFull};
  if (ticket) admission = {Admission::State::kWaits, {}, *ticket};
  admission.held = true;
  return admission;
}

void Worker::note_outcome(const targets::Group& group, WorkerTarget& target, bool failed) {
  target.runtime->count_outcome(options_.index, failed);
  if (!group.outlier_ejection) return;
  const auto time = group.judge(*target.runtime, failed, loop_.now());
  if (!time) return;
  loop_.arm(target.readmission, *time);
  shared::log::warn("target_ejected", {{"target_group", group.id},
                                       {"registration", target.runtime->key.registration},
                                       {"failures_in_a_row", group.outlier_ejection->failures},
                                       {"for_ms", time->count()}});
}

void Worker::readmit(WorkerTarget& target) {
  if (const WorkerGroup* group = find_group(target.runtime->key.target_group)) {
    group->group->readmit(*target.runtime);
  } else {
    target.runtime->ejected = false;
  }
}

WorkerTarget* Worker::find_target(const void* runtime) {
  const auto found = targets_.find(static_cast<const targets::TargetRuntime*>(runtime));
  return found == targets_.end() ? nullptr : found->second.get();
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
    if (!target->idle.empty()) {
      target->idle.back()->close();
      return true;
    }
    for (const auto& each : target->h2) {
      if (!each->unused()) continue;
      each->close_if_idle();
      return true;
    }
  }
  return false;
}

bool Worker::close_an_idle_client() {
  ClientConnection* client = clients_.back();
  for (std::size_t i = 0; client != nullptr && i < kClientsLookedAt; ++i) {
    ClientConnection* newer = List<ClientConnection>::previous(*client);
    if (client->close_if_idle()) return true;
    client = newer;
  }
  return false;
}

bool Worker::make_room() { return close_an_idle_target() || close_an_idle_client(); }

TargetConnection& Worker::new_target_connection() { return target_pool_.take(*this); }

void Worker::recycle(TargetConnection& connection) { target_pool_.give_later(connection); }

Exchange& Worker::new_exchange() {
  Exchange& exchange = exchange_pool_.take(*this);
  exchange.parser.reset();
  exchange.head.clear();
  return exchange;
}

H2TargetStream& Worker::new_h2_target_stream() { return h2_target_stream_pool_.take(*this); }

void Worker::at_turn_end(AtTurnEnd& work) {
  if (work.ends_turn) return;
  work.ends_turn = true;
  at_turn_end_.push_back(&work);
}

void Worker::forget(AtTurnEnd& work) {
  std::replace(at_turn_end_.begin(), at_turn_end_.end(), &work, static_cast<AtTurnEnd*>(nullptr));
}

H2Stream& Worker::new_h2_stream() { return h2_stream_pool_.take(*this); }

void Worker::recycle(Exchange& exchange) { exchange_pool_.give_later(exchange); }

void Worker::recycle(ClientConnection& connection) {
  clients_.remove(connection);
  dead_clients_.push_back(&connection);
}

void Worker::forget(Resumable& work) {
  for (auto* list : {&unfinished_, &resuming_})
    std::replace(list->begin(), list->end(), &work, static_cast<Resumable*>(nullptr));
}

void Worker::continue_later(Resumable& work) {
  if (work.queued) return;
  work.queued = true;
  unfinished_.push_back(&work);
}

void Worker::log(AccessRecord& record) {
  record.time = loop_.wall_now();
  append_line(log_lines_, record);
  if (log_lines_.size() >= kLogChunk) options_.access_log->write(log_lines_);
}

// Nothing that died in this turn is used again before its callbacks have returned.
void Worker::end_turn() {
  // What is written now may have more to be written; each only says what has arrived already.
  for (std::size_t i = 0; i < at_turn_end_.size(); ++i) {
    AtTurnEnd* work = at_turn_end_[i];
    if (work == nullptr) continue;
    at_turn_end_[i] = nullptr;
    work->ends_turn = false;
    work->turn_ends();
  }
  at_turn_end_.clear();
  for (ClientConnection* connection : dead_clients_) connection->reuse();
  dead_clients_.clear();
  wait_pool_.end_turn();
  exchange_pool_.end_turn();
  h2_stream_pool_.end_turn();
  h2_target_stream_pool_.end_turn();
  for (TargetConnection* connection : target_pool_.given_later()) connection->forget();
  target_pool_.end_turn();
  if (!unfinished_.empty() && !resume_posted_) {
    resume_posted_ = true;
    loop_.post([this] {
      resume_posted_ = false;
      resuming_.swap(unfinished_);
      for (std::size_t i = 0; i < resuming_.size(); ++i) {
        Resumable* one = resuming_[i];
        if (one == nullptr) continue;
        one->queued = false;
        one->advance();
      }
      resuming_.clear();
    });
  }
  if (!closed_listeners_.empty())
    std::erase_if(closed_listeners_, [](const auto& listener) { return listener->connections == 0; });
  if (!log_lines_.empty()) options_.access_log->write(log_lines_);
  if (drained_ && clients_.empty() && waits_.empty() && drain_open_) {
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
