#include "balancer/feed/session.h"

#include <algorithm>

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
  out.send.push_back(lb::Hello{balancer_id_, applied_});
  if (applied_ != 0) add_report(out, now);
  return out;
}

FeedSession::Output FeedSession::on_message(const lb::FeedMessage& message, SteadyTime now) {
  Output out;
  heard_ = now;
  if (const auto* heartbeat = std::get_if<lb::Heartbeat>(&message)) {
    control_version_ = std::max(control_version_, heartbeat->version);
    return out;
  }
  const auto* snapshot = std::get_if<lb::Snapshot>(&message);
  if (snapshot == nullptr) {
    out.close = "control sent a message that only a balancer sends";
    return out;
  }
  const std::uint64_t version = snapshot->config.version;
  control_version_ = std::max(control_version_, version);
  if (version == applied_ && applied_ != 0) {
    out.send.push_back(lb::Ack{version});
    return out;
  }
  // Versions only rise: an older one is a message that was overtaken, and the one in hand is answered when it
  // is done.
  if (version < applied_ || version <= requested_) return out;
  requested_ = version;
  out.apply = snapshot->config;
  return out;
}

FeedSession::Output FeedSession::on_applied(std::uint64_t version, const shared::Result<void>& result,
                                            SteadyTime now) {
  Output out;
  if (version == requested_) requested_ = 0;
  if (!result) {
    if (connected_) out.send.push_back(lb::Refusal{version, result.error().text()});
    return out;
  }
  applied_ = version;
  if (!connected_) return out;
  out.send.push_back(lb::Ack{version});
  add_report(out, now);
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
  if (applied_ != 0 && (changed_ || now - reported_ >= lb::kReportInterval)) add_report(out, now);
  return out;
}

void FeedSession::add_report(Output& out, SteadyTime now) {
  changed_ = false;
  reported_ = now;
  out.send.push_back(lb::Report{applied_, reports_.target_reports()});
}

}  // namespace balancer::feed
