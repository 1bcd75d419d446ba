#include "tests/sim/balancer_process.h"

#include <algorithm>
#include <utility>

namespace sim {

using balancer::feed::FeedSession;
using balancer::feed::Kept;
using balancer::targets::CheckOutcome;
using balancer::targets::HealthEvent;
using balancer::targets::Selector;
using shared::Result;

namespace {
constexpr Millis kTick{50};
constexpr std::size_t kMaxTries = 3;

struct NoLoad final : balancer::targets::LoadView {
  std::uint64_t in_flight(std::size_t) const override { return 0; }
};

const lb::TargetGroup& group_of(const lb::Config& config, const std::string& id) {
  return **std::find_if(config.target_groups.begin(), config.target_groups.end(),
                        [&id](const auto& each) { return each->id == id; });
}

// The registrations among which a worker chooses, in order.
std::vector<std::string> active_in(const lb::TargetGroup& group) {
  std::vector<std::string> out;
  for (const auto& target : group.targets) {
    if (target.state == lb::TargetState::kActive) out.push_back(target.registration);
  }
  return out;
}
// The simulated rules name one path each, without wildcards.
const lb::Action& action_for(const lb::Listener& listener, const std::string& path) {
  for (const auto& rule : listener.rules) {
    if (rule.conditions.at(0).values.at(0) == path) return rule.action;
  }
  return listener.default_action;
}

// By weight, where there are several.
const std::string& choose_group(const lb::ForwardAction& forward, shared::env::Random& random) {
  const auto& groups = forward.target_groups;
  if (groups.size() == 1) return groups.front().target_group;
  std::uint64_t sum = 0;
  for (const auto& each : groups) sum += static_cast<std::uint64_t>(each.weight);
  std::uint64_t at = sum == 0 ? 0 : random.below(sum);
  for (const auto& each : groups) {
    const auto weight = static_cast<std::uint64_t>(each.weight);
    if (at < weight) return each.target_group;
    at -= weight;
  }
  return groups.front().target_group;
}
}  // namespace

BalancerProcess::BalancerProcess(World& world, Network& network, ControlProcess& control, std::string name,
                                 FindMachine find_machine)
    : world_(world),
      network_(network),
      control_(control),
      process_(world, name),
      find_machine_(std::move(find_machine)),
      id_("id-" + name) {
  boot();
}

void BalancerProcess::boot() {
  workers_.assign(kWorkers, Worker{});
  drains_ = {};
  applying_ = false;
  const std::uint64_t version = snapshot_ ? snapshot_->version : 0;
  highest_version_ = version;  // what a crash interrupted was never acknowledged
  session_ = std::make_unique<FeedSession>(id_, version, *this);
  told_.clear();
  if (snapshot_) {
    (void)session_->on_applied(*snapshot_, Result<void>(), world_.now());
    applied_ = snapshot_;
    drains_.on_config(*snapshot_, world_.now());
    drains_.on_acknowledged(version);
    for (Worker& worker : workers_) worker.config = snapshot_;
    watch_targets(*snapshot_);
  }
  dial();
  tick();
}

void BalancerProcess::crash() {
  process_.crash();
  session_.reset();
  channel_.reset();
  watched_.clear();
  open_.clear();  // its clients see a reset; that is the crash's doing
  waiting_.reset();
  applied_.reset();
  workers_.clear();
  network_.crashed(process_);
}

void BalancerProcess::redial() {
  channel_.reset();
  process_.deliver(backoff_.next(world_.random()), [this] { dial(); });
}

void BalancerProcess::dial() {
  process_.deliver(network_.delay(), [this] {
    if (!control_.up() || !network_.reachable(process_, control_.process())) return redial();
    channel_ = control_.accept_feed(process_);
    channel_->on_text = [this](const std::string& text) {
      const auto message = lb::feed_from_json(text);
      if (!message)
        return on_violation("control sent what a balancer cannot read: " + message.error().text());
      carry_out(session_->on_message(*message, world_.now()));
    };
    channel_->on_close = [this](const std::string&) {
      session_->on_disconnected();
      redial();
    };
    backoff_.reset();
    carry_out(session_->on_connected(world_.now()));
  });
}

void BalancerProcess::carry_out(FeedSession::Output output) {
  for (const auto& message : output.send) {
    if (channel_) channel_->send(lb::feed_to_json(message));
  }
  if (output.apply) {
    if (applying_) {
      if (waiting_) session_->on_superseded(waiting_->version);
      waiting_ = std::move(output.apply);
    } else {
      apply(*output.apply);
    }
  }
  if (output.close && channel_) channel_->close(*output.close);
}

void BalancerProcess::apply(const lb::Config& config) {
  applying_ = true;
  if (config.version <= highest_version_)
    on_violation("a balancer was given version " + std::to_string(config.version) + " after " +
                 std::to_string(highest_version_));
  highest_version_ = std::max(highest_version_, config.version);
  drains_.on_config(config, world_.now());
  auto shared_config = std::make_shared<const lb::Config>(config);
  auto left = std::make_shared<std::size_t>(kWorkers);
  for (std::size_t i = 0; i < kWorkers; ++i) {
    process_.deliver(world_.between(Millis(0), kSwitch), [this, i, shared_config, left] {
      switch_worker(i, shared_config, [this, shared_config, left] {
        if (--*left != 0) return;
        applied_ = shared_config;
        if (!disk_full_) snapshot_ = shared_config;  // saved before it is acknowledged
        drains_.on_acknowledged(shared_config->version);
        watch_targets(*shared_config);
        applying_ = false;
        carry_out(session_->on_applied(*shared_config, Result<void>(), world_.now(),
                                       disk_full_ ? Kept::kNotYet : Kept::kOnDisk));
        if (waiting_ && !applying_) {
          const lb::Config next = *std::move(waiting_);
          waiting_.reset();
          apply(next);
        }
      });
    });
  }
}

void BalancerProcess::switch_worker(std::size_t index, std::shared_ptr<const lb::Config> config,
                                    std::function<void()> done) {
  Worker& worker = workers_[index];
  const auto former = std::exchange(worker.config, std::move(config));
  std::map<std::string, Selector> next;
  for (const auto& group : worker.config->target_groups) {
    Selector selector(balancer::targets::selection_options(*group), world_.random());
    const auto known = worker.selectors.find(group->id);
    if (known != worker.selectors.end() && former) {
      const std::vector<std::string> now = active_in(*group);
      std::vector<std::size_t> places;
      for (const std::string& registration : active_in(group_of(*former, group->id))) {
        const auto at = std::find(now.begin(), now.end(), registration);
        places.push_back(at == now.end() ? Selector::kGone : static_cast<std::size_t>(at - now.begin()));
      }
      selector.continue_from(known->second, places);
    }
    next.emplace(group->id, std::move(selector));
  }
  worker.selectors.swap(next);
  done();
}

void BalancerProcess::watch_targets(const lb::Config& config) {
  for (auto& [key, watched] : watched_) watched.active = false;
  for (const auto& group : config.target_groups) {
    for (const auto& target : group->targets) {
      if (target.state == lb::TargetState::kDraining) continue;
      const TargetKey key{group->id, target.registration};
      const bool known = watched_.contains(key);
      Watched& watched = watched_.try_emplace(key, world_.random()).first->second;
      if (known && watched.target.address != target.address) told_.erase(key);  // control forgot it as well
      watched.target = target;
      watched.check = group->health_check;
      watched.active = true;
      if (!known) watched.timer = process_.after(Millis(1), [this, key] { check(key); });
    }
  }
  std::erase_if(watched_, [](const auto& entry) { return !entry.second.active; });
}

void BalancerProcess::check(const TargetKey& key) {
  Watched& watched = watched_.at(key);
  const Machine* machine = find_machine_(watched.target.address);
  const bool passes = machine != nullptr && machine->listening(watched.target.port) != nullptr;
  const CheckOutcome outcome{passes ? CheckOutcome::Kind::kPassed : CheckOutcome::Kind::kFailed,
                             passes ? 200 : 0};
  if (watched.machine.on_check(outcome, watched.check)) session_->on_targets_changed();
  const auto next = watched.schedule.on_check(watched.check, world_.now()) - world_.now();
  watched.timer = process_.after(std::chrono::duration_cast<Millis>(next), [this, key] { check(key); });
}

std::uint64_t BalancerProcess::in_flight(const TargetKey& key) const {
  return static_cast<std::uint64_t>(std::count_if(open_.begin(), open_.end(), [&](const auto& entry) {
    return entry.second.registration == key.registration && entry.second.target_group == key.target_group;
  }));
}

std::vector<lb::TargetReport> BalancerProcess::target_reports() {
  auto reports = reports_now();
  told_.clear();
  for (const auto& report : reports)
    told_.insert_or_assign({report.target_group, report.registration}, report);
  return reports;
}

BalancerProcess::Changes BalancerProcess::changed_reports() {
  Changes changes;
  auto before = std::exchange(told_, {});
  for (auto& report : reports_now()) {
    const TargetKey key{report.target_group, report.registration};
    const auto known = before.find(key);
    if (known == before.end() || !lb::says_the_same(known->second, report)) changes.targets.push_back(report);
    if (known != before.end()) before.erase(known);
    told_.insert_or_assign(key, std::move(report));
  }
  for (const auto& [key, report] : before) changes.removed.push_back({key.target_group, key.registration});
  return changes;
}

std::vector<lb::TargetReport> BalancerProcess::reports_now() {
  std::vector<lb::TargetReport> reports;
  if (!applied_) return reports;
  for (const auto& group : applied_->target_groups) {
    for (const auto& target : group->targets) {
      const TargetKey key{group->id, target.registration};
      lb::TargetReport report{group->id, target.registration, lb::Health::kInitial, "", "", in_flight(key),
                              false};
      if (target.state == lb::TargetState::kDraining) {
        report.health = lb::Health::kDraining;
        report.drained = drains_.drained(key, report.in_flight, world_.now());
      } else if (const auto watched = watched_.find(key); watched != watched_.end()) {
        report.health = watched->second.machine.health();
        report.reason = watched->second.machine.reason();
        report.description = watched->second.machine.description();
      }
      reports.push_back(std::move(report));
    }
  }
  return reports;
}

void BalancerProcess::tick() {
  if (applied_ && snapshot_ != applied_ && !disk_full_) {
    snapshot_ = applied_;
    carry_out(session_->on_kept());
  }
  // Requests still open towards a target whose limit has passed are cut.
  for (auto it = open_.begin(); it != open_.end();) {
    const auto cut = drains_.cut_at({it->second.target_group, it->second.registration});
    if (cut && *cut <= world_.now()) {
      ++counts_.cut;
      it = open_.erase(it);
    } else {
      ++it;
    }
  }
  if (applied_) {
    for (const auto& group : applied_->target_groups) {
      for (const auto& target : group->targets) {
        if (target.state != lb::TargetState::kDraining) continue;
        const TargetKey key{group->id, target.registration};
        const auto told = told_.find(key);
        if (drains_.drained(key, in_flight(key), world_.now()) && told != told_.end() &&
            !told->second.drained)
          session_->on_targets_changed();
      }
    }
  }
  carry_out(session_->tick(world_.now()));
  ticking_ = process_.after(kTick, [this] { tick(); });
}

std::vector<const lb::Config*> BalancerProcess::routing_by() const {
  std::vector<const lb::Config*> configs;
  for (const Worker& worker : workers_) {
    if (worker.config) configs.push_back(worker.config.get());
  }
  if (!up() && snapshot_) configs.push_back(snapshot_.get());
  return configs;
}

void BalancerProcess::request(std::uint16_t port, const std::string& path, Millis duration) {
  if (!up()) return;
  Worker& worker = workers_[world_.random().below(kWorkers)];
  if (!worker.config) return;
  const auto listener = std::find_if(worker.config->listeners.begin(), worker.config->listeners.end(),
                                     [port](const auto& each) { return each->port == port; });
  if (listener == worker.config->listeners.end()) return;
  ++counts_.sent;
  const std::string& group_id = choose_group(action_for(**listener, path).forward, world_.random());
  const lb::TargetGroup& group = group_of(*worker.config, group_id);
  std::vector<const lb::Target*> active;
  std::vector<balancer::targets::Candidate> candidates;
  for (const auto& target : group.targets) {
    if (target.state == lb::TargetState::kDraining) continue;
    active.push_back(&target);
    const auto watched = watched_.find({group_id, target.registration});
    candidates.push_back(
        {watched == watched_.end() ? lb::Health::kInitial : watched->second.machine.health(), std::nullopt});
  }
  auto selector =
      worker.selectors.try_emplace(group_id, balancer::targets::selection_options(group), world_.random())
          .first;
  selector->second.refresh(candidates);
  std::vector<std::size_t> tried;
  while (tried.size() < kMaxTries) {
    const auto choice = selector->second.choose(tried, NoLoad(), world_.random(), world_.now());
    if (!choice) break;
    const lb::Target& target = *active[choice->candidate];
    Machine* machine = find_machine_(target.address);
    const SimContainer* container = machine == nullptr ? nullptr : machine->listening(target.port);
    if (container == nullptr) {
      tried.push_back(choice->candidate);
      continue;
    }
    on_routed(target, *container);
    const std::uint64_t id = next_request_++;
    open_.emplace(id, OpenRequest{target.registration, group_id, machine, container->spec.name, target.port});
    process_.deliver(duration, [this, id] {
      if (open_.erase(id) == 1) ++counts_.answered;
    });
    return;
  }
  const bool nobody_was_up =
      may_have_nobody_up && std::all_of(candidates.begin(), candidates.end(), [](const auto& candidate) {
        return candidate.health != lb::Health::kHealthy;
      });
  ++(tried.empty() || (nobody_was_up && may_have_nobody_up(group_id)) ? counts_.no_target : counts_.refused);
}

}  // namespace sim
