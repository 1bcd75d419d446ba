#include "balancer/feed/board.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace balancer::feed {

using shared::lbconfig::Health;
using shared::lbconfig::TargetReport;

void TargetBoard::on_applied(std::uint64_t version,
                             std::vector<std::shared_ptr<const targets::Group>> groups) {
  drains_.on_acknowledged(version);
  std::unordered_map<std::string_view, const targets::Group*> now;
  open_drains_ = 0;
  for (const auto& group : groups) {
    now.emplace(group->id, group.get());
    open_drains_ += group->draining.size();
  }
  for (const auto& former : groups_) {
    const auto same = now.find(former->id);
    const targets::Group* group = same == now.end() ? nullptr : same->second;
    if (group != former.get()) forget(*former, group);
  }
  groups_ = std::move(groups);
}

// What was known of targets that are not active any more.
void TargetBoard::forget(const targets::Group& former, const targets::Group* now) {
  std::unordered_set<const targets::TargetRuntime*> stay;
  if (now != nullptr) {
    for (const auto& target : now->active) stay.insert(target.get());
  }
  for (const auto& target : former.active) {
    if (stay.count(target.get()) == 0) health_.erase(target->key);
  }
}

void TargetBoard::on_health(targets::HealthChange change) {
  auto key = change.key;
  health_.insert_or_assign(std::move(key), std::move(change));
}

bool TargetBoard::poll_drains() {
  if (open_drains_ == 0) return false;
  const std::size_t before = open_drains_;
  open_drains_ = 0;
  for (const auto& group : groups_) {
    for (const auto& draining : group->draining) {
      if (!drains_.drained(draining.target->key, draining.target->in_flight(), executor_.now()))
        ++open_drains_;
    }
  }
  return open_drains_ < before;
}

std::vector<TargetReport> TargetBoard::target_reports() {
  std::vector<TargetReport> out;
  for (const auto& group : groups_) {
    for (const auto& target : group->active) {
      TargetReport report{group->id,
                          target->key.registration,
                          Health::kInitial,
                          "Elb.RegistrationInProgress",
                          "Target registration is in progress",
                          target->in_flight(),
                          false};
      if (const auto known = health_.find(target->key); known != health_.end()) {
        report.health = known->second.health;
        report.reason = known->second.reason;
        report.description = known->second.description;
      }
      out.push_back(std::move(report));
    }
    for (const auto& draining : group->draining) {
      const auto& key = draining.target->key;
      const std::uint64_t in_flight = draining.target->in_flight();
      out.push_back({group->id, key.registration, Health::kDraining, "Target.DeregistrationInProgress",
                     "Target deregistration is in progress", in_flight,
                     drains_.drained(key, in_flight, executor_.now())});
    }
  }
  return out;
}

}  // namespace balancer::feed
