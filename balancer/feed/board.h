// What the main thread knows of the targets of the applied configuration: health as the checker told it,
// drains, load. Makes the feed's reports and the admin pages' numbers. Thread: main.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "balancer/feed/session.h"
#include "balancer/targets/checker.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/target.h"
#include "shared/env/executor.h"

namespace balancer::feed {

class TargetBoard final : public ReportSource {
 public:
  explicit TargetBoard(shared::env::Executor& executor) : executor_(executor) {}

  targets::DrainTracker& drains() { return drains_; }
  void on_applied(std::uint64_t version, std::vector<std::shared_ptr<const targets::Group>> groups);
  void on_health(targets::HealthChange change);
  // Looks whether a drain has completed since; true when one has.
  bool poll_drains();
  bool drains_open() const { return !open_drains_.empty(); }

  std::vector<shared::lbconfig::TargetReport> all_targets();
  std::vector<shared::lbconfig::TargetReport> target_reports() override;
  Changes changed_reports() override;
  const std::vector<std::shared_ptr<const targets::Group>>& groups() const { return groups_; }

 private:
  shared::env::Executor& executor_;
  targets::DrainTracker drains_;
  // A target of the applied configuration.
  struct Member {
    std::shared_ptr<const targets::TargetRuntime> runtime;
    bool draining = false;
  };
  void replace(const targets::Group* former, const targets::Group* now);
  shared::lbconfig::TargetReport report_of(const targets::TargetKey& key, const Member& member);

  std::vector<std::shared_ptr<const targets::Group>> groups_;
  std::map<targets::TargetKey, targets::HealthChange> health_;
  std::map<targets::TargetKey, targets::HealthChange> early_;  // of targets that are about to be members
  std::map<targets::TargetKey, Member> members_;
  std::map<targets::TargetKey, std::shared_ptr<const targets::TargetRuntime>> open_drains_;
  // Of what was reported last.
  std::set<targets::TargetKey> changed_;
  std::set<targets::TargetKey> removed_;
};

}  // namespace balancer::feed
