#include "balancer/app/program.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>

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

// Of the process: what is not a client's or a target's connection. A part of them all, because every target
// may be under a health check at once.
constexpr rlim_t kReservedDescriptors = 64;
constexpr rlim_t kReservedPart = 8;
constexpr std::size_t kMinConnectionsPerWorker = 16;

// So that every client that is let in can have a connection to a target, and checks, pages and files go on.
std::size_t connections_per_worker(rlim_t descriptors, std::size_t workers) {
  const rlim_t reserved = kReservedDescriptors + descriptors / kReservedPart;
  const rlim_t left = descriptors > reserved ? descriptors - reserved : 0;
  return std::clamp<std::size_t>(left / 2 / workers, kMinConnectionsPerWorker,
                                 proxy::kMaxConnectionsPerWorker);
}

}  // namespace

Program::~Program() {
  if (control_) control_->stop();
  if (checker_loop_) {
    checker_loop_->post([this] { checker_->stop(); });
    checker_loop_->stop();
    if (checker_thread_.joinable()) checker_thread_.join();
  }
  pages_.reset();
  fleet_.reset();
}

Result<void> Program::start() {
  const rlim_t descriptors = shared::raise_descriptor_limit();
  ::signal(SIGPIPE, SIG_IGN);
  loop_.on_signals({SIGTERM, SIGINT, SIGHUP, SIGUSR1}, [this](int signal) { on_signal(signal); });
  if (auto started = start_workers(connections_per_worker(descriptors, options_.workers)); !started)
    return started;
  if (auto started = start_admin(); !started) return started;
  return start_source();
}

Result<void> Program::start_workers(std::size_t connections) {
  proxy::FleetOptions fleet;
  fleet.max_connections_per_worker = connections;
  fleet.workers = options_.workers;
  if (!options_.access_log.empty()) {
    auto opened = proxy::AccessLog::open(options_.access_log);
    if (!opened) return opened.error();
    access_log_ = std::move(opened).value();
    fleet.access_log = access_log_.get();
  }
  auto started = proxy::Fleet::start(fleet);
  if (!started) return started.error();
  fleet_ = std::move(started).value();

  auto checks = loop::Loop::create();
  if (!checks) return checks.error();
  checker_loop_ = std::move(checks).value();
  checker_ = std::make_unique<targets::HealthChecker>(
      *checker_loop_, random_.next(), [this](targets::HealthChange change) {
        loop_.post([this, change = std::move(change)] { on_health(change); });
      });
  checker_thread_ = std::thread([raw = checker_loop_.get()] {
    ::pthread_setname_np(::pthread_self(), "health");
    raw->run();
  });
  stats_ = std::make_unique<proxy::StatsRegistry>(fleet_->size());
  board_ = std::make_unique<feed::TargetBoard>(loop_);
  pipeline_ = std::make_unique<feed::ApplyPipeline>(feed::ApplyPipeline::Parts{
      loop_, *fleet_, *checker_, *stats_, *board_, options_.listen_address,
      options_.control ? feed::TakenAddress::kServeTheRest : feed::TakenAddress::kRefuse});
  return {};
}

Result<void> Program::start_source() {
  std::string id = random_.uuid();
  std::optional<Config> saved;
  if (!options_.state_dir.empty()) {
    auto state = feed::StateDir::open(options_.state_dir);
    if (!state) return state.error();
    state_ = std::move(state).value();
    auto kept = state_->balancer_id(random_);
    if (!kept) return kept.error();
    id = *kept;
  }
  if (!options_.config_file.empty()) {
    file_ = std::make_unique<feed::FileSource>(loop_, options_.config_file,
                                               [this](Config config) { apply(std::move(config)); });
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
    control_->start();
    return {};
  }
  // Control is dialled after the snapshot serves, so that Hello tells the version in force.
  log::info("snapshot_loaded", {{"version", saved->version}});
  pipeline_->apply(*std::move(saved), [this](const Config& config, const Result<void>& result) {
    if (!result) log::error("snapshot_not_applied", result.error());
    if (result) on_applied(config, result);
    control_->start();
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
    if (access_log_) sources.dropped_log_bytes = access_log_->dropped_bytes();
    return sources;
  };
  facts.config_json = [this]() -> std::optional<std::string> {
    const Config* config = pipeline_->applied();
    if (config == nullptr) return std::nullopt;
    return shared::lbconfig::config_to_json(*config);
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
  // It serves without control, so a lost feed is told but does not take it out of service.
  if (session_)
    checks.push_back(
        {"control", true, session_->connected() ? "connected" : "not connected: " + control_->last_error()});
  return checks;
}

void Program::apply(Config config) {
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
    if (state_) {
      if (auto saved = state_->save(config); !saved) log::error("snapshot_not_saved", saved.error());
    }
  } else if (result.error().code() != "superseded") {
    last_refusal_ = result.error().text();
    if (file_) file_->refused(*last_refusal_);
    log::error("config_refused", result.error(), {{"version", config.version}});
    // A file that cannot be served at the start is for the operator to mend; later the former configuration
    // goes on.
    if (file_ && pipeline_->applied() == nullptr) {
      exit_code_ = 1;
      loop_.stop();
    }
  }
  if (control_) control_->on_applied(config, result);
  watch_listeners();
  watch_drains();
}

void Program::on_health(targets::HealthChange change) {
  log::info("target_health", {{"target_group", change.key.target_group},
                              {"registration", change.key.registration},
                              {"state", shared::lbconfig::to_string(change.health)},
                              {"reason", change.reason},
                              {"description", change.description}});
  board_->on_health(std::move(change));
  if (control_) control_->on_targets_changed();
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
  if (draining_) {
    log::warn("drain_cut_short", {{"signal", signal}});
    return loop_.stop();
  }
  shut_down();
}

void Program::shut_down() {
  draining_ = true;
  log::info("draining", {{"limit_ms", options_.drain_timeout.count()}});
  fleet_->drain([this] {
    loop_.post([this] {
      log::info("drained");
      loop_.stop();
    });
  });
  drain_limit_ = loop_.after(options_.drain_timeout, [this] {
    log::warn("drain_limit_passed");
    fleet_->cut_all();
  });
}

int Program::run() {
  if (exit_code_ == 0) loop_.run();
  log::info("stopped");
  return exit_code_;
}

}  // namespace balancer::app
