#include "tests/sim/told.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace sim {

void Told::forget() {
  balancers_.clear();
  ++generation_;
}

Told::Balancer* Told::of(std::uint64_t session) {
  const auto it = std::find_if(balancers_.begin(), balancers_.end(), [session](const auto& each) {
    return each.second.connected && each.second.session == session;
  });
  return it == balancers_.end() ? nullptr : &it->second;
}

void Told::hear(std::uint64_t session, const std::string& text, SteadyTime now) {
  if (Balancer* known = of(session)) known->heard = now;
  const auto message = lb::feed_from_json(text);
  if (!message) return;
  if (const auto* hello = std::get_if<lb::Hello>(&*message)) {
    Balancer& balancer = balancers_[hello->balancer_id];  // its last word stands until it reports
    balancer.session = session;
    balancer.connected = true;
    balancer.heard = now;
    balancer.sequence = 0;
    ++generation_;
    return;
  }
  Balancer* balancer = of(session);
  if (balancer == nullptr) return;
  if (const auto* report = std::get_if<lb::Report>(&*message)) {
    balancer->sequence = report->sequence;
    balancer->targets.clear();
    for (const auto& each : report->targets)
      balancer->targets[{each.target_group, each.registration}] = each.health;
    ++generation_;
  } else if (const auto* delta = std::get_if<lb::ReportDelta>(&*message)) {
    if (balancer->sequence == 0 || delta->sequence != balancer->sequence + 1) {
      balancer->sequence = 0;
      return;
    }
    balancer->sequence = delta->sequence;
    for (const auto& each : delta->removed) balancer->targets.erase({each.target_group, each.registration});
    for (const auto& each : delta->targets)
      balancer->targets[{each.target_group, each.registration}] = each.health;
    if (!delta->removed.empty() || !delta->targets.empty()) ++generation_;
  }
}

void Told::left(std::uint64_t session) {
  Balancer* balancer = of(session);
  if (balancer == nullptr) return;
  balancer->connected = false;
  ++generation_;
}

Found Told::found(const std::string& target_group, const std::string& registration, SteadyTime now) const {
  const auto connected = [now](const Balancer& each) {
    return each.connected && now < each.heard + lb::kFeedSilence;
  };
  const bool any_connected = std::any_of(balancers_.begin(), balancers_.end(),
                                         [&](const auto& each) { return connected(each.second); });
  bool all_healthy = !balancers_.empty();
  for (const auto& [id, balancer] : balancers_) {
    if (any_connected && !connected(balancer)) continue;
    const auto it = balancer.targets.find({target_group, registration});
    const lb::Health health = it == balancer.targets.end() ? lb::Health::kInitial : it->second;
    if (health == lb::Health::kUnhealthy && any_connected) return Found::kUnhealthy;
    all_healthy = all_healthy && health == lb::Health::kHealthy;
  }
  return all_healthy ? Found::kHealthy : Found::kUnknown;
}

}  // namespace sim
