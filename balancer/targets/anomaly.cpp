#include "balancer/targets/anomaly.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "balancer/targets/health.h"

namespace balancer::targets {

namespace {

// Share of failures; nothing where there is too little to judge by.
std::optional<double> ratio_of(const Outcomes& window) {
  if (window.requests < kAnomalyMinRequests) return std::nullopt;
  return static_cast<double>(window.failures) / static_cast<double>(window.requests);
}

// The middle of the sorted ratios without the one at `own`; the lower one of two.
double median_without(const std::vector<double>& sorted, double own) {
  const auto mine =
      static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), own) - sorted.begin());
  const std::size_t middle = (sorted.size() - 2) / 2;
  return sorted[middle < mine ? middle : middle + 1];
}

std::uint16_t next_weight(const Standing& standing, bool mitigates) {
  if (!mitigates) return kFullWeight;
  if (standing.anomalous)
    return std::max<std::uint16_t>(kFloorWeight, static_cast<std::uint16_t>(standing.weight / 2));
  return std::min<std::uint16_t>(kFullWeight, static_cast<std::uint16_t>(standing.weight + kWeightBack));
}

}  // namespace

std::vector<Standing> AnomalyDetector::step(std::span<const Sample> samples, bool mitigates) {
  std::map<const void*, History> now;
  std::vector<std::optional<double>> ratios;
  std::vector<double> sorted;  // of healthy targets that can be judged
  std::size_t healthy = 0;
  for (const Sample& sample : samples) {
    const auto known = known_.find(sample.target);
    History history = known != known_.end() ? known->second : History();
    if (known == known_.end()) history.totals.fill(sample.total);
    const Outcomes& before = history.totals[history.at];
    const Outcomes window{sample.total.requests - before.requests, sample.total.failures - before.failures};
    history.totals[history.at] = sample.total;
    history.at = (history.at + 1) % kAnomalyWindowSteps;
    now.insert_or_assign(sample.target, history);
    healthy += sample.healthy ? 1U : 0U;
    ratios.push_back(sample.healthy ? ratio_of(window) : std::nullopt);
    if (ratios.back()) sorted.push_back(*ratios.back());
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<Standing> out;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    Standing& standing = now[samples[i].target].standing;
    const bool judged = healthy >= kAnomalyMinHealthy && sorted.size() >= 2 && ratios[i].has_value();
    standing.anomalous = judged && *ratios[i] >= kAnomalyMinRatio &&
                         *ratios[i] >= kAnomalyFactor * median_without(sorted, *ratios[i]);
    standing.weight = next_weight(standing, mitigates);
    out.push_back(standing);
  }
  known_.swap(now);
  return out;
}

AnomalyWatch::AnomalyWatch(loop::Loop& loop) : loop_(loop) {
  timer_.bind(this, [](void* self) { static_cast<AnomalyWatch*>(self)->step(); });
}
AnomalyWatch::~AnomalyWatch() = default;

void AnomalyWatch::apply(std::vector<std::shared_ptr<const Group>> groups) {
  loop_.post([this, groups = std::move(groups)] { apply_here(groups); });
}

void AnomalyWatch::apply_here(const std::vector<std::shared_ptr<const Group>>& groups) {
  std::map<std::string, Watched, std::less<>> former;
  former.swap(groups_);
  for (const auto& group : groups) {
    const auto known = former.find(group->id);
    const bool enough = group->in_use && group->active.size() >= kAnomalyMinHealthy;
    if (!enough && known == former.end()) continue;
    if (!enough) {  // it was watched until now: nobody keeps a lowered weight
      for (const auto& target : group->active) target->stands(Standing().weight, false);
      group->tell_of_members();
      continue;
    }
    Watched watched{group, known != former.end() ? std::move(known->second.detector) : AnomalyDetector()};
    groups_.emplace(group->id, std::move(watched));
  }
  if (groups_.empty()) {
    loop_.timers().disarm(timer_);
  } else if (!timer_.armed()) {
    loop_.arm(timer_, kAnomalyStep);
  }
}

void AnomalyWatch::stop() {
  loop_.timers().remove(timer_);
  groups_.clear();
}

void AnomalyWatch::step() {
  if (groups_.empty()) return;
  loop_.arm(timer_, kAnomalyStep);
  for (auto& [id, watched] : groups_) {
    const Group& group = *watched.group;
    std::vector<AnomalyDetector::Sample> samples;
    samples.reserve(group.active.size());
    for (const auto& target : group.active) {
      samples.push_back({target.get(),
                         target->health.load(std::memory_order_acquire) == shared::lbconfig::Health::kHealthy,
                         target->outcomes()});
    }
    const std::vector<Standing> standings = watched.detector.step(samples, group.anomaly_mitigation);
    bool changed = false;
    for (std::size_t i = 0; i < standings.size(); ++i) {
      changed |= group.active[i]->stands(standings[i].weight, standings[i].anomalous);
    }
    if (changed) group.tell_of_members();
  }
}

}  // namespace balancer::targets
