#include "balancer/app/program.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "shared/base/descriptor_limit.h"
#include "shared/lbconfig/json.h"
#include "shared/log/log.h"

namespace balancer::app {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::lbconfig::Config;
namespace log = shared::log;

namespace {

constexpr Millis kDrainPoll{20};
constexpr Millis kListenerPoll{1'000};
constexpr Millis kSaveRetry{1'000};
constexpr Millis kKeepTargets{1'000};  // changes of this time together
constexpr Millis kMemoryPoll{20};
constexpr unsigned kKeptWhenShort = 90;  // hundredths of the clients and requests that are there

// Of the process: what is not a client's or a target's connection. A part of them all, because every target
// may be under a health check at once.
constexpr rlim_t kReservedDescriptors = 64;
constexpr rlim_t kReservedPart = 8;
constexpr std::size_t kMinConnectionsPerWorker = 16;

// Most clients of many are idle, so that a quarter of what is left does for connections to targets; where it
// does not, idle clients make room (Worker::make_room). Checks, pages and files go on.
std::size_t connections_per_worker(rlim_t descriptors, std::size_t workers) {
  const rlim_t reserved = kReservedDescriptors + descriptors / kReservedPart;
  const rlim_t left = descriptors > reserved ? descriptors - reserved : 0;
  return std::clamp<std::size_t>(left * 3 / 4 / workers, kMinConnectionsPerWorker,
                                 proxy::kMaxConnectionsPerWorker);
}

std::string own_file() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

}  // namespace

Program::Program(Options options) : options_(std::move(options)), program_file_(own_file()) {}

Program::~Program() {
  if (control_) control_->stop();
  if (checker_loop_) {
    checker_loop_->post([this] {
      checker_->stop();
      anomalies_->stop();
    });
    checker_loop_->stop();
    if (checker_thread_.joinable()) checker_thread_.join();
  }
  pages_.reset();
  fleet_.reset();
}

Result<void> Program::start() {
  const rlim_t descriptors = shared::raise_descriptor_limit();
  ::signal(SIGPIPE, SIG_IGN);
  loop_.on_signals({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}, [this](int signal) { on_signal(signal); });
  if (auto opened = open_state(); !opened) return opened;
  if (auto started = start_workers(connections_per_worker(descriptors, options_.workers)); !started)
    return started;
  if (taking_over_) return start_source();
  if (auto started = start_admin(); !started) return started;
  if (auto started = start_source(); !started) return started;
  await_successor();
  if (!file_) manager_.tell("READY=1");
  return {};
}

Result<void> Program::open_state() {
  handover::Passed passed = handover::take_passed_sockets();
  for (const std::string& problem : passed.problems) log::warn("socket_not_used", {{"reason", problem}});
  offer_.listeners = std::move(passed.listeners);
  if (options_.state_dir.empty()) return {};
  auto state = feed::StateDir::open(options_.state_dir);
  if (!state) return state.error();
  state_ = std::move(state).value();
  auto lock = state_->lock();
  if (lock) {
    lock_ = std::move(lock).value();
    return {};
  }
  if (lock.error().code() != "state_dir_in_use") return lock.error();
  if (!options_.take_over)
    return Error(lock.error().code(), lock.error().text() + "; --take-over replaces it");
  auto taker = handover::Taker::take(state_->handover_path(), offer_);
  if (!taker) return taker.error().within(lock.error().text());
  if (!offer_.lock) return Error("handover", "the balancer that runs has not offered its state directory");
  taker_ = std::move(taker).value();
  lock_ = std::move(offer_.lock);
  taking_over_ = older_runs_ = true;
  log::info("taking_over", {{"from", taker_->older()}, {"addresses", offer_.listeners.size()}});
  return {};
}

Result<void> Program::start_workers(std::size_t connections) {
  proxy::FleetOptions fleet;
  fleet.max_connections_per_worker = connections;
  fleet.workers = options_.workers;
  fleet.accepting = !taking_over_;
  if (!options_.access_log.empty()) {
    auto opened = proxy::AccessLog::open(options_.access_log);
    if (!opened) return opened.error();
    access_log_ = std::move(opened).value();
    fleet.access_log = access_log_.get();
  }
  auto keys = feed::KeyFetcher::create(loop_, options_.jwks_ca_file);
  if (!keys) return keys.error().within("--jwks-ca-file");
  keys_ = std::move(keys).value();
  fleet.keys = keys_.get();
  auto started = proxy::Fleet::start(fleet);
  if (!started) return started.error();
  fleet_ = std::move(started).value();
  for (const auto& [address, sockets] : offer_.listeners) kept_.insert(address);
  fleet_->inherit(std::move(offer_.listeners));

  auto checks = loop::Loop::create();
  if (!checks) return checks.error();
  checker_loop_ = std::move(checks).value();
  checker_ = std::make_unique<targets::HealthChecker>(
      *checker_loop_, random_.next(), [this](targets::HealthChange change) {
        loop_.post([this, change = std::move(change)] { on_health(change); });
      });
  anomalies_ = std::make_unique<targets::AnomalyWatch>(*checker_loop_);
  checker_thread_ = std::thread([raw = checker_loop_.get()] {
    ::pthread_setname_np(::pthread_self(), "health");
    raw->run();
  });
  stats_ = std::make_unique<proxy::StatsRegistry>(fleet_->size());
  board_ = std::make_unique<feed::TargetBoard>(loop_);
  board_->count(*stats_);
  pipeline_ = std::make_unique<feed::ApplyPipeline>(feed::ApplyPipeline::Parts{
      loop_, *fleet_, *checker_, *anomalies_, *stats_, *board_, options_.listen_address,
      options_.control ? feed::TakenAddress::kServeTheRest : feed::TakenAddress::kRefuse});
  tickets_rotated_ = loop_.now();
  if (pipeline_->tickets().take_over(shared::lbconfig::secret_from_hex(offer_.tickets)))
    tickets_rotated_ -= offer_.tickets_age;
  offer_.tickets.clear();
  board_->hold_drains(older_runs_);
  rotate_tickets();
  watch_memory();
  return {};
}

// Control hands its own to all balancers; a file seldom has any.
void Program::give_own_cookie_keys(Config& config) {
  if (!config.cookie_keys.empty() || !shared::lbconfig::needs_cookie_keys(config)) return;
  if (state_) {
    auto kept = state_->cookie_keys(random_, loop_.wall_now());
    if (kept) {
      config.cookie_keys = std::move(kept).value();
      return;
    }
    log::error("cookie_keys_not_kept", kept.error());  // clients lose their targets with the next restart
  }
  if (own_cookie_keys_.empty()) own_cookie_keys_ = {feed::make_cookie_key(random_, 0)};
  config.cookie_keys = own_cookie_keys_;
}

Result<void> Program::start_source() {
  std::string id = random_.uuid();
  std::optional<Config> saved;
  if (state_) {
    auto kept = state_->balancer_id(random_);
    if (!kept) return kept.error();
    id = *kept;
  }
  if (state_) {
    if (auto before = state_->load_targets(loop_.now(), loop_.wall_now()))
      checker_->remember(*std::move(before));
  }
  if (!options_.config_file.empty()) {
    file_ = std::make_unique<feed::FileSource>(loop_, options_.config_file, [this](Config config) {
      give_own_cookie_keys(config);
      apply(std::move(config));
    });
    return file_->start();
  }
  if (state_) {
    auto loaded = state_->load();
    // A broken snapshot must not keep the balancer from asking control for a good one.
    if (!loaded) log::error("snapshot_unreadable", loaded.error());
    if (loaded) saved = std::move(loaded).value();
  }
  session_ = std::make_unique<feed::FeedSession>(id, 0, *board_);
  control_ = std::make_unique<feed::ControlFeed>(
      loop_, feed::ControlFeed::Options{*options_.control, options_.token}, *session_, random_,
      [this](Config config) { apply(std::move(config)); });
  log::info("balancer_id", {{"id", id}});
  if (!saved) {
    if (!taking_over_) control_->start();
    if (taking_over_) serve_when_checked();
    return {};
  }
  // Control is dialled after the snapshot serves, so that Hello tells the version in force.
  log::info("snapshot_loaded", {{"version", saved->version}});
  pipeline_->apply(*std::move(saved), [this](const Config& config, const Result<void>& result) {
    if (!result) log::error("snapshot_not_applied", result.error());
    if (!result && taking_over_) return give_up();
    if (result) on_applied(config, result);
    if (!taking_over_) control_->start();
  });
  return {};
}

Result<void> Program::start_admin() {
  admin::Facts facts;
  facts.metrics = [this] {
    admin::MetricsSources sources{*fleet_, *stats_, *board_, 0, 0, false, false, 0};
    if (const Config* config = pipeline_->applied()) sources.config_version = config->version;
    sources.control_configured = session_ != nullptr;
    if (session_) {
      sources.control_connected = session_->connected();
      sources.control_version = session_->control_version();
    }
    sources.each_target = options_.target_metrics;
    if (access_log_) {
      sources.dropped_log_bytes = access_log_->dropped_bytes();
      sources.dropped_log_lines = access_log_->dropped_lines();
    }
    return sources;
  };
  facts.config_json = [this]() -> std::optional<std::string> {
    const Config* config = pipeline_->applied();
    if (config == nullptr) return std::nullopt;
    return shared::lbconfig::config_to_page(*config);
  };
  facts.readiness = [this] { return readiness(); };
  auto pages = admin::Pages::listen(loop_, options_.admin, *fleet_, std::move(facts));
  if (!pages) return pages.error();
  pages_ = std::move(pages).value();
  log::info("admin_listening", {{"address", shared::net::to_string(pages_->endpoint())}});
  return {};
}

std::vector<admin::Check> Program::readiness() const {
  std::vector<admin::Check> checks;
  const Config* config = pipeline_->applied();
  std::string detail = config != nullptr ? "version " + std::to_string(config->version)
                                         : last_refusal_.value_or("no configuration has been applied yet");
  // The last good one serves, so that a refused one is told but does not take the balancer out of service.
  if (config != nullptr && file_ && file_->last_error())
    detail += "; the file was refused: " + *file_->last_error();
  checks.push_back({"config", config != nullptr, std::move(detail)});
  checks.push_back({"accepting", !draining_, draining_ ? "the process drains" : ""});
  std::string unavailable;
  for (const auto& each : pipeline_->unavailable()) {
    unavailable += (unavailable.empty() ? "not served: " : "; ") + each.id + ": " + each.reason;
  }
  // The others are served, so this is told but does not take the balancer out of service.
  checks.push_back({"listeners", true, std::move(unavailable)});
  // Some clients are served, so this is told but does not take it out of service.
  if (memory_.is_short()) checks.push_back({"memory", true, "short: " + memory_.text()});
  if (unsaved_) checks.push_back({"state", true, "not kept over a restart: " + *unsaved_});
  // It serves without control, so a lost feed is told but does not take it out of service.
  if (session_)
    checks.push_back(
        {"control", true, session_->connected() ? "connected" : "not connected: " + control_->last_error()});
  return checks;
}

void Program::apply(Config config) {
  if (handed_over_) return;
  if (frozen_) {
    if (held_ && control_)
      control_->on_applied(*held_, Error("superseded", "a newer configuration came first"), kept());
    held_ = std::move(config);
    return;
  }
  pipeline_->apply(std::move(config), [this](const Config& applied, const Result<void>& result) {
    on_applied(applied, result);
  });
}

void Program::on_applied(const Config& config, const Result<void>& result) {
  if (result) {
    last_refusal_.reset();
    log::info("config_applied", {{"version", config.version},
                                 {"listeners", config.listeners.size()},
                                 {"target_groups", config.target_groups.size()}});
    save(config);
    keep_sockets();
    keep_targets_soon();
    if (taking_over_) serve_when_checked();
    if (file_ && !taking_over_) manager_.tell("READY=1");
  } else if (result.error().code() != "superseded") {
    last_refusal_ = result.error().text();
    if (file_) file_->refused(*last_refusal_);
    log::error("config_refused", result.error(), {{"version", config.version}});
    // A file that cannot be served at the start is for the operator to mend; later the former configuration
    // goes on.
    if (file_ && pipeline_->applied() == nullptr) give_up();
  }
  if (control_) control_->on_applied(config, result, kept());
  watch_listeners();
  watch_drains();
  offer_when_idle();
}

void Program::save(const Config& config) {
  if (!state_ || taking_over_ || handed_over_) return;
  auto saved = state_->save(config);
  if (saved) {
    save_retry_.cancel();
    // Of the same configuration, or of one that the session has not been told of: then it is that one's turn.
    if (std::exchange(unsaved_, std::nullopt) && control_) control_->on_kept();
    return;
  }
  if (unsaved_ != saved.error().text()) log::error("snapshot_not_saved", saved.error());
  unsaved_ = saved.error().text();
  save_retry_ = loop_.after(kSaveRetry, [this] { save(*pipeline_->applied()); });
}

// Without a state directory a restart serves nothing of before.
feed::Kept Program::kept() const {
  return state_ && (unsaved_ || taking_over_) ? feed::Kept::kNotYet : feed::Kept::kOnDisk;
}

void Program::give_up() {
  exit_code_ = 1;
  loop_.stop();
}

void Program::on_health(targets::HealthChange change) {
  log::info("target_health", {{"target_group", change.key.target_group},
                              {"registration", change.key.registration},
                              {"state", shared::lbconfig::to_string(change.health)},
                              {"reason", change.reason},
                              {"description", change.description}});
  if (change.health == targets::Health::kUnhealthy) reset_flows(change.key);
  board_->on_health(std::move(change));
  if (control_) control_->on_targets_changed();
  keep_targets_soon();
}

void Program::keep_targets_soon() {
  if (!state_ || keep_targets_) return;
  keep_targets_ = loop_.after(kKeepTargets, [this] { keep_targets(); });
}

// For the slow starts of the process after this one.
void Program::keep_targets() {
  keep_targets_.cancel();
  if (!state_ || taking_over_ || handed_over_) return;
  targets::HealthyBefore now = board_->healthy_targets();
  if (kept_targets_ == now) return;
  const auto kept = state_->save_targets(now, loop_.now(), loop_.wall_now());
  kept_targets_.reset();
  if (kept) kept_targets_ = std::move(now);
}

// What is open towards a target that has become unhealthy, where its group says so.
void Program::reset_flows(const targets::TargetKey& key) {
  for (const auto& group : board_->groups()) {
    if (group->id != key.target_group) continue;
    if (!shared::lbconfig::is_stream(group->protocol) || !group->stream.close_when_unhealthy) return;
    for (const auto& target : group->active) {
      if (target->key == key) fleet_->reset_flows(target);
    }
  }
}

void Program::watch_drains() {
  if (board_->poll_drains() && control_) control_->on_targets_changed();
  if (!board_->drains_open()) return drain_poll_.cancel();
  drain_poll_ = loop_.after(kDrainPoll, [this] { watch_drains(); });
}

// Tells once of each listener that cannot be served, and serves it as soon as its address is free.
void Program::watch_listeners() {
  std::set<std::string> still;
  for (const auto& each : pipeline_->unavailable()) {
    still.insert(each.id);
    if (told_unavailable_.count(each.id) == 0) {
      log::error("listener_unavailable", {{"listener", each.id}, {"reason", each.reason}});
    }
  }
  told_unavailable_ = std::move(still);
  if (pipeline_->unavailable().empty()) return listener_poll_.cancel();
  listener_poll_ = loop_.after(kListenerPoll, [this] {
    if (pipeline_->some_became_available()) return apply(*pipeline_->applied());
    watch_listeners();
  });
}

void Program::rotate_tickets() {
  const auto age = std::chrono::duration_cast<Millis>(loop_.now() - tickets_rotated_);
  ticket_rotation_ = loop_.after(std::max(Millis(0), tls::kTicketRotation - age), [this] {
    pipeline_->rotate_tickets();
    tickets_rotated_ = loop_.now();
    rotate_tickets();
  });
}

void Program::watch_memory() {
  if (!memory_.limited()) return;
  switch (memory_.look(memory_use_of_this_process(memory_.limits()))) {
    case MemoryGauge::Advice::kNone:
      break;
    case MemoryGauge::Advice::kLess:
      fleet_->less_memory(kKeptWhenShort);
      log::warn("memory_short", {{"use", memory_.text()}});
      break;
    case MemoryGauge::Advice::kMore:
      fleet_->more_memory();
      log::info("memory_again", {{"use", memory_.text()}});
      break;
  }
  memory_poll_ = loop_.after(kMemoryPoll, [this] { watch_memory(); });
}

void Program::on_signal(int signal) {
  if (signal == SIGHUP) {
    if (access_log_) access_log_->reopen();
    if (file_) file_->reload();
    return;
  }
  if (signal == SIGUSR1) {
    if (access_log_) access_log_->reopen();
    return;
  }
  if (signal == SIGUSR2) return start_successor();
  if (draining_) {
    log::warn("drain_cut_short", {{"signal", signal}});
    return loop_.stop();
  }
  manager_.tell("STOPPING=1");
  shut_down(proxy::Drain::kEnd);
}

void Program::shut_down(proxy::Drain how) {
  draining_ = true;
  keep_targets();
  log::info("draining", {{"limit_ms", options_.drain_timeout.count()}});
  fleet_->drain(how, [this] {
    loop_.post([this] {
      drained_ = true;
      stop_when_drained();
    });
  });
  drain_limit_ = loop_.after(options_.drain_timeout, [this] {
    log::warn("drain_limit_passed");
    older_runs_ = false;  // it has a limit of its own
    fleet_->cut_all();
    stop_when_drained();
  });
}

// The next process knows of the requests of an older one by this process only.
void Program::stop_when_drained() {
  if (!drained_ || (handed_over_ && older_runs_)) return;
  log::info("drained");
  loop_.stop();
}

int Program::run() {
  if (exit_code_ == 0) loop_.run();
  log::info("stopped");
  return exit_code_;
}

}  // namespace balancer::app
