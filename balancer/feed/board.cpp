#include "balancer/feed/board.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace balancer::feed {

using shared::lbconfig::Health;
using shared::lbconfig::TargetReport;
using targets::TargetKey;

void TargetBoard::on_applied(std::uint64_t version,
                             std::vector<std::shared_ptr<const targets::Group>> groups) {
  drains_.on_acknowledged(version);
  std::unordered_map<std::string_view, const targets::Group*> former;
  for (const auto& group : groups_) former.emplace(group->id, group.get());
  for (const auto& group : groups) {
    const auto known = former.find(group->id);
    const targets::Group* before = known == former.end() ? nullptr : known->second;
    if (before != nullptr) former.erase(known);
    if (before != group.get()) replace(before, group.get());
  }
  for (const auto& [id, group] : former) replace(group, nullptr);
  groups_ = std::move(groups);
  early_.clear();
}

void TargetBoard::replace(const targets::Group* former, const targets::Group* now) {
  std::unordered_map<const targets::TargetRuntime*, bool> gone;  // is it draining
  if (former != nullptr) {
    for (const auto& target : former->active) gone.emplace(target.get(), false);
    for (const auto& draining : former->draining) gone.emplace(draining.target.get(), true);
  }
  std::set<TargetKey> put;
  const auto put_in = [&](const std::shared_ptr<targets::TargetRuntime>& runtime, bool draining) {
    const auto before = gone.find(runtime.get());
    if (before != gone.end() && before->second == draining) {
      gone.erase(before);
      return;
    }
    const TargetKey& key = runtime->key;
    put.insert(key);
    members_.insert_or_assign(key, Member{runtime, draining});
    changed_.insert(key);
    if (draining) {
      open_drains_.insert_or_assign(key, Drain{runtime, executor_.now()});
      health_.erase(key);
    } else {
      open_drains_.erase(key);
      if (auto news = early_.extract(key)) health_.insert(std::move(news));
    }
  };
  if (now != nullptr) {
    for (const auto& target : now->active) put_in(target, false);
    for (const auto& draining : now->draining) put_in(draining.target, true);
  }
  for (const auto& [runtime, draining] : gone) {
    const TargetKey& key = runtime->key;
    if (put.count(key) != 0) continue;  // in another state, or at another address
    members_.erase(key);
    health_.erase(key);
    open_drains_.erase(key);
    changed_.erase(key);
    removed_.insert(key);
  }
}

void TargetBoard::on_health(targets::HealthChange change) {
  auto key = change.key;
  if (members_.count(key) == 0) {
    early_.insert_or_assign(std::move(key), std::move(change));
    return;
  }
  changed_.insert(key);
  health_.insert_or_assign(std::move(key), std::move(change));
}

bool TargetBoard::poll_drains() {
  return std::erase_if(open_drains_, [this](const auto& open) {
           const auto& [key, drain] = open;
           const bool done = drained(key, drain.runtime->in_flight());
           if (!done) return false;
           changed_.insert(key);
           drain_times_[key.target_group].count(executor_.now() - drain.since);
           return true;
         }) != 0;
}

bool TargetBoard::drained(const TargetKey& key, std::uint64_t in_flight) {
  return !hold_drains_ && drains_.drained(key, in_flight, executor_.now());
}

targets::HealthyBefore TargetBoard::healthy_targets() const {
  targets::HealthyBefore out;
  for (const auto& group : groups_) {
    if (group->selection.slow_start.count() == 0) continue;
    for (const auto& target : group->active) {
      const targets::Candidate now = target->candidate();
      if (now.health == Health::kHealthy) out.emplace(target->key, now.slow_start_from);
    }
  }
  return out;
}

bool TargetBoard::awaits_first_checks() const {
  return std::any_of(members_.begin(), members_.end(), [this](const auto& member) {
    const auto& [key, of] = member;
    if (of.draining) return false;
    const auto known = health_.find(key);
    return known == health_.end() || known->second.reason == "Elb.RegistrationInProgress";
  });
}

TargetReport TargetBoard::report_of(const TargetKey& key, const Member& member) {
  const std::uint64_t in_flight = member.runtime->in_flight();
  if (member.draining) {
    return {key.target_group,
            key.registration,
            Health::kDraining,
            "Target.DeregistrationInProgress",
            "Target deregistration is in progress",
            in_flight,
            drained(key, in_flight)};
  }
  const auto known = health_.find(key);
  if (known == health_.end()) {
    return {key.target_group,
            key.registration,
            Health::kInitial,
            "Elb.RegistrationInProgress",
            "Target registration is in progress",
            in_flight,
            false};
  }
  return {key.target_group,
          key.registration,
          known->second.health,
          known->second.reason,
          known->second.description,
          in_flight,
          false};
}

std::vector<TargetReport> TargetBoard::target_reports() {
  changed_.clear();
  removed_.clear();
  return all_targets();
}

std::vector<TargetReport> TargetBoard::all_targets() {
  std::vector<TargetReport> out;
  out.reserve(members_.size());
  for (const auto& [key, member] : members_) out.push_back(report_of(key, member));
  return out;
}

TargetBoard::Changes TargetBoard::changed_reports() {
  Changes out;
  for (const TargetKey& key : removed_) out.removed.push_back({key.target_group, key.registration});
  for (const TargetKey& key : changed_) {
    out.targets.push_back(report_of(key, members_.at(key)));
  }
  changed_.clear();
  removed_.clear();
  return out;
}

shared::lbconfig::Figures TargetBoard::figures(bool everything) {
  return figures_.since_last(listeners_, groups_, everything);
}

}  // namespace balancer::feed
