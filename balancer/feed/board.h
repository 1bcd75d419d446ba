// What the main thread knows of the targets of the applied configuration: health as the checker told it,
// drains, load. Makes the feed's reports and the admin pages' numbers. Thread: main.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "balancer/feed/figures.h"
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
  // By target group: from the configuration in which a target drains to the end of its last open request.
  const std::map<std::string, targets::LatencyHistogram>& drain_times() const { return drain_times_; }
  // While true no drain is done: requests of this balancer may be open in another process.
  void hold_drains(bool hold) { hold_drains_ = hold; }
  // Those that are healthy, of groups with a slow start: for the process after this one.
  targets::HealthyBefore healthy_targets() const;
  // A target of the applied configuration has not been checked yet.
  bool awaits_first_checks() const;

  std::vector<shared::lbconfig::TargetReport> all_targets();
  std::vector<shared::lbconfig::TargetReport> target_reports() override;
  Changes changed_reports() override;
  shared::lbconfig::Figures figures(bool everything) override;
  // Whose counters figures() tells too; outlives the board. Without it there are none of load balancers.
  void count(const proxy::StatsRegistry& listeners) { listeners_ = &listeners; }
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
  bool drained(const targets::TargetKey& key, std::uint64_t in_flight);

  std::vector<std::shared_ptr<const targets::Group>> groups_;
  std::map<targets::TargetKey, targets::HealthChange> health_;
  std::map<targets::TargetKey, targets::HealthChange> early_;  // of targets that are about to be members
  std::map<targets::TargetKey, Member> members_;
  struct Drain {
    std::shared_ptr<const targets::TargetRuntime> runtime;
    shared::SteadyTime since{};
  };
  std::map<targets::TargetKey, Drain> open_drains_;
  std::map<std::string, targets::LatencyHistogram> drain_times_;
  bool hold_drains_ = false;
  const proxy::StatsRegistry* listeners_ = nullptr;
  FigureCounter figures_;
  // Of what was reported last.
  std::set<targets::TargetKey> changed_;
  std::set<targets::TargetKey> removed_;
};

}  // namespace balancer::feed
