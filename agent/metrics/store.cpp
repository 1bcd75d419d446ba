#include "agent/metrics/store.h"

#include <array>

namespace agent::metrics {

using shared::Result;

namespace {

constexpr std::array<Tier, 3> kTiers{Tier{1, kSecondsKept}, Tier{60, kMinutesKept}, Tier{300, kKept}};
constexpr std::int64_t kLookForRoomEvery = 60;

std::int64_t aligned(std::int64_t second, std::int64_t period) { return second - second % period; }

std::size_t tier_of(std::int64_t period) {
  for (std::size_t i = kTiers.size(); i-- > 1;) {
    if (period % kTiers[i].resolution == 0) return i;
  }
  return 0;
}

Dimensions sorted(Dimensions dimensions) {
  std::sort(dimensions.begin(), dimensions.end());
  return dimensions;
}

bool begins_before(const Point& point, std::int64_t at) { return point.at < at; }

}  // namespace

std::optional<double> statistic(const Figure& figure, std::string_view word) {
  if (word == "Average") return figure.average();
  if (word == "Sum") return figure.sum;
  if (word == "Minimum") return figure.least;
  if (word == "Maximum") return figure.most;
  if (word == "SampleCount") return figure.count;
  return std::nullopt;
}

bool is_statistic(std::string_view word) { return statistic(Figure{}, word).has_value(); }

std::string Store::key_of(const Name& name) {
  constexpr char kEnd = '\x1f';  // in no name
  std::string key = name.metric_namespace + kEnd + name.metric;
  for (const auto& [dimension, value] : sorted(name.dimensions)) {
    key += kEnd;
    key += dimension;
    key += kEnd;
    key += value;
  }
  return key;
}

const Series* Store::find(const Name& name) const {
  const auto found = series_.find(key_of(name));
  return found == series_.end() ? nullptr : &found->second;
}

// What got nothing for long goes.
bool Store::make_room(std::int64_t now) {
  if (looked_for_room_ != 0 && now < looked_for_room_ + kLookForRoomEvery) return false;
  looked_for_room_ = now;
  const std::size_t before = series_.size();
  for (auto it = series_.begin(); it != series_.end();) {
    if (it->second.last + kActive >= now) {
      ++it;
      continue;
    }
    for (const auto& tier : it->second.tiers) points_ -= tier.size();
    it = series_.erase(it);
  }
  return series_.size() < before;
}

Result<void> Store::add(const Name& name, std::string_view unit, const Figure& figure, std::int64_t second) {
  std::string key = key_of(name);
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kMaxSeries && !make_room(second)) {
      return shared::Error("LimitExceeded",
                           "There may be " + std::to_string(kMaxSeries) + " metrics at a time.",
                           shared::Blame::kClient);
    }
    found = series_.emplace(std::move(key), Series{}).first;
    found->second.name = {name.metric_namespace, name.metric, sorted(name.dimensions)};
  }
  Series& series = found->second;
  series.unit = unit.empty() ? "None" : unit;
  series.last = std::max(series.last, second);
  for (std::size_t i = 0; i < kTiers.size(); ++i) put(series.tiers[i], kTiers[i], second, figure);
  for (std::size_t i = kTiers.size(); points_ > kMaxPoints && i-- > 0;) {
    auto& points = series.tiers[i];
    if (points.size() < 2) continue;
    points.pop_front();
    --points_;
  }
  return {};
}

void Store::put(std::deque<Point>& points, const Tier& tier, std::int64_t second, const Figure& figure) {
  const std::int64_t at = aligned(second, tier.resolution);
  const std::int64_t newest = points.empty() ? at : std::max(at, points.back().at);
  if (at + tier.span <= newest) return;
  auto place = points.end();
  if (!points.empty() && points.back().at >= at)
    place = std::lower_bound(points.begin(), points.end(), at, begins_before);
  if (place == points.end() || place->at != at) {
    place = points.insert(place, Point{at, {}});
    ++points_;
  }
  place->figure.add(figure);
  while (points.front().at + tier.span <= newest) {
    points.pop_front();
    --points_;
  }
}

std::vector<Point> Store::read(const Name& name, std::int64_t from, std::int64_t to,
                               std::int64_t period) const {
  std::vector<Point> out;
  const Series* series = find(name);
  if (series == nullptr || period <= 0) return out;
  const auto& points = series->tiers[tier_of(period)];
  const std::int64_t first = aligned(from + period - 1, period);  // the first one that begins in it
  for (auto it = std::lower_bound(points.begin(), points.end(), first, begins_before); it != points.end();
       ++it) {
    const std::int64_t at = aligned(it->at, period);
    if (at >= to) break;
    if (out.empty() || out.back().at != at) out.push_back({at, {}});
    out.back().figure.add(it->figure);
  }
  return out;
}

Figure Store::total(const Name& name, std::int64_t from, std::int64_t to) const {
  Figure out;
  const Series* series = find(name);
  if (series == nullptr) return out;
  const auto& seconds = series->tiers[0];
  const bool fine = !seconds.empty() && from + kSecondsKept > seconds.back().at;
  const auto& points = fine ? seconds : series->tiers[1];
  for (auto it = std::lower_bound(points.begin(), points.end(), from, begins_before);
       it != points.end() && it->at < to; ++it)
    out.add(it->figure);
  return out;
}

}  // namespace agent::metrics
