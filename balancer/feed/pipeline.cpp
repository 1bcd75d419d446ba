#include "balancer/feed/pipeline.h"

#include <algorithm>

#include "balancer/loop/socket.h"

#include "shared/lbconfig/json.h"
#include "shared/log/log.h"

namespace balancer::feed {

using shared::Error;
using shared::Result;
using shared::lbconfig::Config;

void ApplyPipeline::apply(Config config, Done done) {
  Job job{std::move(config), std::move(done)};
  if (!running_) return start(std::move(job));
  if (waiting_) waiting_->done(waiting_->config, Error("superseded", "a newer configuration came first"));
  waiting_ = std::move(job);
}

void ApplyPipeline::start(Job job) {
  running_ = std::move(job);
  if (applied_) running_->config = shared::lbconfig::sharing_parts(std::move(running_->config), *applied_);
  if (auto started = hand_out(running_->config); !started) {
    Job failed = std::move(*running_);
    running_.reset();
    failed.done(failed.config, started.error());
    next();
  }
}

Result<void> ApplyPipeline::hand_out(const Config& config) {
  const auto valid =
      applied_ ? shared::lbconfig::validate_change(config, *applied_) : shared::lbconfig::validate(config);
  if (!valid) return valid.error();
  auto listeners = listeners_.compile(config, parts_.executor.wall_now());
  if (!listeners) return listeners.error();
  std::vector<proxy::UnavailableListener> unavailable;
  const bool refuse = parts_.taken_address == TakenAddress::kRefuse;
  auto sockets = parts_.fleet.open_sockets(*listeners, refuse ? nullptr : &unavailable);
  if (!sockets) return sockets.error();
  targets::DrainTracker drains = parts_.board.drains();
  drains.on_config(config, parts_.executor.now());
  auto groups = registry_.compile(config, drains);
  if (!groups) return groups.error();
  parts_.board.drains() = std::move(drains);
  unavailable_ = std::move(unavailable);
  tell_notes(*listeners);

  auto snapshot = std::make_shared<proxy::Snapshot>();
  snapshot->version = config.version;
  snapshot->listeners = std::move(listeners).value();
  snapshot->groups = *groups;
  snapshot->cookie_keys = config.cookie_keys;
  if (!config.acme_challenges.empty())
    snapshot->acme = std::make_shared<const routing::AcmeAnswers>(config.acme_challenges);
  parts_.checker.apply(*groups);
  parts_.anomalies.apply(*groups);
  parts_.fleet.apply(snapshot, std::move(sockets).value(), [this, groups = std::move(groups).value()] {
    parts_.executor.post([this, groups] {
      parts_.board.on_applied(running_->config.version, groups);
      switched();
    });
  });
  return {};
}

// An expired certificate and the like, once for each context.
void ApplyPipeline::tell_notes(const std::vector<std::shared_ptr<const proxy::CompiledListener>>& listeners) {
  std::vector<std::shared_ptr<const tls::ServerContext>> now;
  for (const auto& listener : listeners) {
    if (listener->tls == nullptr) continue;
    now.push_back(listener->tls);
    if (std::find(told_contexts_.begin(), told_contexts_.end(), listener->tls) != told_contexts_.end())
      continue;
    for (const std::string& note : listener->tls->notes())
      shared::log::warn("tls_note", {{"listener", listener->id}, {"note", note}});
  }
  told_contexts_ = std::move(now);
}

void ApplyPipeline::switched() {
  Job job = std::move(*running_);
  running_.reset();
  applied_ = job.config;
  job.done(job.config, Result<void>());
  next();
}

bool ApplyPipeline::some_became_available() const {
  return std::any_of(unavailable_.begin(), unavailable_.end(), [](const proxy::UnavailableListener& each) {
    return loop::probe_address(each.address).has_value();
  });
}

void ApplyPipeline::next() {
  if (running_ || !waiting_) return;
  Job job = std::move(*waiting_);
  waiting_.reset();
  start(std::move(job));
}

}  // namespace balancer::feed
