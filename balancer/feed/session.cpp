#include "balancer/feed/session.h"

#include <algorithm>
#include <utility>

namespace balancer::feed {

using shared::Millis;
using shared::SteadyTime;
namespace lb = shared::lbconfig;

Millis Backoff::next(shared::env::Random& random) {
  const auto half = static_cast<std::uint64_t>(delay_.count() / 2);
  const Millis chosen(static_cast<Millis::rep>(half + random.below(half + 1)));
  delay_ = std::min(delay_ * 2, kLast);
  return chosen;
}

FeedSession::Output FeedSession::on_connected(SteadyTime now) {
  Output out;
  connected_ = true;
  heard_ = now;
  heard_anything_ = false;
  deltas_ = say_deltas_;
  sequence_ = 0;
  lb::Hello hello{balancer_id_, applied_, deltas_};
  if (deltas_ && kept_ != applied_) hello.kept_version = kept_;
  hello.figures = deltas_;
  counted_ = counted_all_ = now;
  (void)reports_.figures(false);  // what was counted meanwhile is of no one second
  out.send.push_back(std::move(hello));
  if (applied_ != 0) add_report(out, now);
  return out;
}

void FeedSession::on_disconnected() {
  if (connected_) say_deltas_ = heard_anything_ || !deltas_;
  connected_ = false;
}

FeedSession::Output FeedSession::on_message(const lb::FeedMessage& message, SteadyTime now) {
  Output out;
  heard_ = now;
  heard_anything_ = true;
  if (const auto* heartbeat = std::get_if<lb::Heartbeat>(&message)) {
    control_version_ = std::max(control_version_, heartbeat->version);
  } else if (const auto* snapshot = std::get_if<lb::Snapshot>(&message)) {
    take(snapshot->config, out);
  } else if (const auto* delta = std::get_if<lb::Delta>(&message)) {
    take(*delta, out);
  } else if (std::holds_alternative<lb::Resync>(message)) {
    if (applied_ != 0) add_report(out, now);
  } else {
    out.close = "control sent a message that only a balancer sends";
  }
  return out;
}

void FeedSession::take(lb::Config config, Output& out) {
  const std::uint64_t version = config.version;
  control_version_ = std::max(control_version_, version);
  if (version == applied_ && applied_ != 0) {
    if (kept_ == applied_) out.send.push_back(lb::Ack{version});
    return;
  }
  // Versions only rise: an older one is a message that was overtaken, and the one in hand is answered when it
  // is done.
  if (version < applied_ || version <= requested_) return;
  requested_ = version;
  received_ = config;
  out.apply = std::move(config);
}

// What it starts from need not be applied yet, nor ever: the result is a whole configuration.
void FeedSession::take(const lb::Delta& delta, Output& out) {
  if (!received_ || received_->version != delta.from_version) {
    const std::string have = received_ ? "version " + std::to_string(received_->version) : "none";
    out.send.push_back(lb::Resync{"a delta from version " + std::to_string(delta.from_version) +
                                  ", the newest one here is " + have});
    return;
  }
  auto config = lb::apply(*received_, delta);
  if (config) return take(std::move(config).value(), out);
  out.send.push_back(lb::Refusal{delta.version, config.error().text()});
  out.send.push_back(lb::Resync{config.error().text()});
}

FeedSession::Output FeedSession::on_applied(const lb::Config& config, const shared::Result<void>& result,
                                            SteadyTime now, Kept kept) {
  Output out;
  if (config.version == requested_) requested_ = 0;
  if (!result) {
    if (connected_) out.send.push_back(lb::Refusal{config.version, result.error().text()});
    return out;
  }
  applied_ = config.version;
  if (kept == Kept::kOnDisk) kept_ = applied_;
  if (!received_ || received_->version <= applied_) received_ = config;  // it shares parts with those before
  if (!connected_) return out;
  if (kept_ == applied_) out.send.push_back(lb::Ack{applied_});
  add_changes(out, now);
  return out;
}

FeedSession::Output FeedSession::on_kept() {
  Output out;
  if (std::exchange(kept_, applied_) != applied_ && connected_) out.send.push_back(lb::Ack{applied_});
  return out;
}

void FeedSession::on_superseded(std::uint64_t version) {
  if (version == requested_) requested_ = 0;
}

FeedSession::Output FeedSession::tick(SteadyTime now) {
  Output out;
  if (!connected_) return out;
  if (now - heard_ >= lb::kFeedSilence) {
    out.close = "control was silent for " + std::to_string(lb::kFeedSilence.count()) + " ms";
    return out;
  }
  if (applied_ == 0) return out;
  add_figures(out, now);
  if (!deltas_) {
    if (changed_ || now - reported_ >= lb::kReportInterval) add_report(out, now);
  } else if (changed_ || now - reported_ >= lb::kReportDeltaInterval) {
    add_changes(out, now);
  }
  return out;
}

// Not before it is known that control takes them.
void FeedSession::add_figures(Output& out, SteadyTime now) {
  if (!deltas_ || !heard_anything_ || now - counted_ < lb::kFiguresInterval) return;
  const bool everything = now - counted_all_ >= lb::kWholeFiguresInterval;
  counted_ = now;
  if (everything) counted_all_ = now;
  lb::Figures figures = reports_.figures(everything);
  if (!figures.load_balancers.empty() || !figures.target_groups.empty())
    out.send.push_back(std::move(figures));
}

void FeedSession::add_report(Output& out, SteadyTime now) {
  changed_ = false;
  reported_ = now;
  if (deltas_) ++sequence_;
  out.send.push_back(lb::Report{applied_, reports_.target_reports(), sequence_});
}

void FeedSession::add_changes(Output& out, SteadyTime now) {
  if (!deltas_ || sequence_ == 0) return add_report(out, now);
  changed_ = false;
  reported_ = now;
  auto changes = reports_.changed_reports();
  out.send.push_back(
      lb::ReportDelta{applied_, ++sequence_, std::move(changes.removed), std::move(changes.targets)});
}

}  // namespace balancer::feed
