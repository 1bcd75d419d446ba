#include "balancer/targets/selection.h"

#include <algorithm>

#include "balancer/targets/health.h"

namespace balancer::targets {

using shared::SteadyTime;
using shared::lbconfig::Algorithm;

namespace {

// A target at the very start of its slow start still gets this share, so that it warms up at all.
constexpr double kSlowStartFloor = 0.02;

bool contains(std::span<const std::size_t> tried, std::size_t candidate) {
  return std::find(tried.begin(), tried.end(), candidate) != tried.end();
}

}  // namespace

SelectionOptions selection_options(const shared::lbconfig::TargetGroup& group) {
  return {group.algorithm, group.slow_start, group.minimum_healthy_count, group.minimum_healthy_percent,
          group.hold_requests.has_value()};
}

bool begins_slow_start(const SelectionOptions& options, std::span<const Candidate> others, SteadyTime now) {
  if (options.slow_start.count() == 0 || options.algorithm != Algorithm::kRoundRobin) return false;
  return std::any_of(others.begin(), others.end(), [&](const Candidate& other) {
    return is_routable(other.health) &&
           (!other.slow_start_from || now - *other.slow_start_from >= options.slow_start);
  });
}

void Selector::continue_from(const Selector& former, std::span<const std::size_t> places) {
  eligible_.clear();
  std::optional<std::size_t> next;
  for (std::size_t step = 0; step < former.eligible_.size(); ++step) {
    Entry entry = former.eligible_[(former.position_ + step) % former.eligible_.size()];
    entry.candidate = entry.candidate < places.size() ? places[entry.candidate] : kGone;
    if (entry.candidate == kGone) continue;
    if (!next) next = entry.candidate;
    eligible_.push_back(entry);
  }
  const auto by_candidate = [](const Entry& a, const Entry& b) { return a.candidate < b.candidate; };
  std::sort(eligible_.begin(), eligible_.end(), by_candidate);
  position_ = 0;
  while (next && eligible_[position_].candidate != *next) ++position_;
}

bool Rotation::has(const Candidate& candidate) const {
  return failed_open || (is_routable(candidate.health) && (with_ejected || !candidate.ejected));
}

Rotation rotation_of(const SelectionOptions& options, std::span<const Candidate> candidates) {
  std::size_t routable = 0;
  std::size_t left = 0;  // of these, without those ejected
  for (const Candidate& c : candidates) {
    if (!is_routable(c.health)) continue;
    ++routable;
    left += c.ejected ? 0U : 1U;
  }
  const bool all_new = std::all_of(candidates.begin(), candidates.end(), [](const Candidate& c) {
    return c.health == shared::lbconfig::Health::kInitial;
  });
  if (options.waits_for_first && all_new) return {false, false};
  const auto minimum = static_cast<std::size_t>(std::max(options.minimum_healthy_count, 0));
  const auto percent = static_cast<std::size_t>(std::max(options.minimum_healthy_percent, 0));
  return {routable < minimum || routable * 100 < percent * candidates.size(), left == 0};
}

void Selector::refresh(std::span<const Candidate> candidates) {
  const Rotation rotation = rotation_of(options_, candidates);
  failed_open_ = rotation.failed_open;

  std::vector<Entry> before;
  before.swap(eligible_);
  eligible_.reserve(candidates.size());
  const std::optional<std::size_t> next =
      before.empty() ? std::nullopt : std::optional(before[position_].candidate);
  std::size_t passed = 0;  // of `before`
  position_ = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!rotation.has(candidates[i])) continue;
    while (passed < before.size() && before[passed].candidate < i) ++passed;
    const bool known = passed < before.size() && before[passed].candidate == i;
    if (next && i < *next) ++position_;
    eligible_.push_back(
        {i, candidates[i].slow_start_from, known ? before[passed].credit : 0.0, candidates[i].weight});
  }
  if (eligible_.empty()) return;
  position_ = (next ? position_ : start_) % eligible_.size();
}

std::optional<Choice> Selector::choose(std::span<const std::size_t> tried, const LoadView& load,
                                       shared::env::Random& random, SteadyTime now) {
  if (eligible_.empty()) return std::nullopt;
  std::optional<std::size_t> chosen;
  switch (options_.algorithm) {
    case Algorithm::kRoundRobin:
      chosen = next_in_turn(tried, now);
      break;
    case Algorithm::kLeastOutstandingRequests:
      chosen = least_loaded(tried, load);
      break;
    case Algorithm::kWeightedRandom:
      chosen = at_random(tried, random);
      break;
  }
  if (!chosen) return std::nullopt;
  return Choice{eligible_[*chosen].candidate, failed_open_};
}

std::optional<Choice> Selector::choose_again(std::size_t candidate,
                                             std::span<const std::size_t> tried) const {
  const auto found = std::lower_bound(eligible_.begin(), eligible_.end(), candidate,
                                      [](const Entry& entry, std::size_t c) { return entry.candidate < c; });
  if (found == eligible_.end() || found->candidate != candidate || contains(tried, candidate))
    return std::nullopt;
  return Choice{candidate, failed_open_};
}

bool Selector::has_any(std::span<const std::size_t> tried) const {
  return std::any_of(eligible_.begin(), eligible_.end(),
                     [tried](const Entry& entry) { return !contains(tried, entry.candidate); });
}

double Selector::share(const Entry& entry, SteadyTime now) const {
  if (!entry.slow_start_from || options_.slow_start.count() == 0) return 1.0;
  const double part = std::chrono::duration<double>(now - *entry.slow_start_from) /
                      std::chrono::duration<double>(options_.slow_start);
  return std::clamp(part, kSlowStartFloor, 1.0);
}

std::optional<std::size_t> Selector::next_in_turn(std::span<const std::size_t> tried, SteadyTime now) {
  // One full round is enough to meet every target that takes its full share; only when all of them start
  // slowly or were tried is the first untried one taken whatever its credit.
  std::optional<std::size_t> fallback;
  for (std::size_t step = 0; step < eligible_.size(); ++step) {
    const std::size_t i = (position_ + step) % eligible_.size();
    Entry& entry = eligible_[i];
    if (contains(tried, entry.candidate)) continue;
    const double part = share(entry, now);
    if (part < 1.0) {
      entry.credit += part;
      if (entry.credit < 1.0) {
        if (!fallback) fallback = i;
        continue;
      }
      entry.credit -= 1.0;
    }
    position_ = (i + 1) % eligible_.size();
    return i;
  }
  if (fallback) position_ = (*fallback + 1) % eligible_.size();
  return fallback;
}

std::optional<std::size_t> Selector::least_loaded(std::span<const std::size_t> tried, const LoadView& load) {
  std::optional<std::size_t> best;
  std::uint64_t best_load = 0;
  for (std::size_t step = 0; step < eligible_.size(); ++step) {
    const std::size_t i = (position_ + step) % eligible_.size();
    if (contains(tried, eligible_[i].candidate)) continue;
    const std::uint64_t in_flight = load.in_flight(eligible_[i].candidate);
    if (!best || in_flight < best_load) best = i, best_load = in_flight;
    if (best_load == 0) break;
  }
  if (best) position_ = (*best + 1) % eligible_.size();
  return best;
}

std::optional<std::size_t> Selector::at_random(std::span<const std::size_t> tried,
                                               shared::env::Random& random) {
  std::uint64_t total = 0;
  for (const Entry& entry : eligible_) total += contains(tried, entry.candidate) ? 0U : entry.weight;
  if (total == 0) return std::nullopt;
  std::uint64_t point = random.below(total);
  for (std::size_t i = 0; i < eligible_.size(); ++i) {
    if (contains(tried, eligible_[i].candidate)) continue;
    if (point < eligible_[i].weight) return i;
    point -= eligible_[i].weight;
  }
  return std::nullopt;
}

}  // namespace balancer::targets
