#include "balancer/feed/board.h"

namespace balancer::feed {

using shared::lbconfig::Health;
using shared::lbconfig::TargetReport;

void TargetBoard::on_applied(std::uint64_t version,
                             std::vector<std::shared_ptr<const targets::Group>> groups) {
  drains_.on_acknowledged(version);
  groups_ = std::move(groups);
  std::map<targets::TargetKey, targets::HealthChange> health;
  open_drains_ = 0;
  for (const auto& group : groups_) {
    for (const auto& target : group->active) {
      if (const auto known = health_.find(target->key); known != health_.end()) health.insert(*known);
    }
    open_drains_ += group->draining.size();
  }
  health_.swap(health);
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
