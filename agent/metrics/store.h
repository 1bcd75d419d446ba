// Figures over time, as CloudWatch has them: in memory and bounded, never in control's database, because they
// are many and a restart may lose them. A series is a namespace, a name and dimensions; of each it keeps
// sums, counts, minima and maxima by second, by minute and by five minutes, each for its own while:
//
//   store.add({"AWS/ECS", "CPUUtilization", {{"ClusterName", "c"}}}, "Percent", Figure::of(42.0), second);
//   for (const Point& each : store.read(name, from, to, 60)) ...
//
// Values are not kept one by one, so there are no percentiles. Thread: the owner's.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace agent::metrics {

inline constexpr std::size_t kMaxSeries = 20'000;
// Of all series, of about 48 bytes each. Beyond it a series that gets a new one gives up its oldest ones.
inline constexpr std::size_t kMaxPoints = 2'000'000;
// How long what is kept, in seconds, and how finely.
struct Tier {
  std::int64_t resolution;
  std::int64_t span;
};
inline constexpr std::int64_t kSecondsKept = 200;
inline constexpr std::int64_t kMinutesKept = 4 * 3'600;
inline constexpr std::int64_t kKept = 2 * 86'400;
inline constexpr std::int64_t kAhead = 2 * 3'600;  // figures of the future, at most
// A series that got nothing for so long makes room for a new one, and is not listed as active.
inline constexpr std::int64_t kActive = 3 * 3'600;

using Dimensions = std::vector<std::pair<std::string, std::string>>;
struct Name {
  std::string metric_namespace;
  std::string metric;
  Dimensions dimensions;  // in any order
};

// What was measured in a while.
struct Figure {
  double sum = 0;
  double count = 0;
  double least = 0;
  double most = 0;

  static Figure of(double value, double times = 1) { return {value * times, times, value, value}; }
  void add(const Figure& other) {
    if (other.count <= 0) return;
    least = count > 0 ? std::min(least, other.least) : other.least;
    most = count > 0 ? std::max(most, other.most) : other.most;
    sum += other.sum;
    count += other.count;
  }
  double average() const { return count > 0 ? sum / count : 0; }
};
// "Average", "Sum", "Minimum", "Maximum", "SampleCount"; nothing for another word.
std::optional<double> statistic(const Figure& figure, std::string_view word);
bool is_statistic(std::string_view word);

struct Point {
  std::int64_t at = 0;  // second at which its period begins
  Figure figure;
};

struct Series {
  Name name;         // dimensions in order of their names
  std::string unit;  // of what came last; "None" when nobody said
  std::int64_t last = 0;
  std::deque<Point> tiers[3];
};

class Store {
 public:
  // `begun`: when this store began to be fed; earlier figures are not missing, but unknown.
  explicit Store(std::int64_t begun) : begun_(begun) {}

  // Errors: "LimitExceeded" for a new series when there are kMaxSeries that are active.
  shared::Result<void> add(const Name& name, std::string_view unit, const Figure& figure,
                           std::int64_t second);
  // Points of periods that begin in [from, to) and have figures, in order. A period of whole minutes reaches
  // back as far as minutes are kept, one of five minutes further, any other as far as seconds are.
  std::vector<Point> read(const Name& name, std::int64_t from, std::int64_t to, std::int64_t period) const;
  // All in [from, to).
  Figure total(const Name& name, std::int64_t from, std::int64_t to) const;
  const Series* find(const Name& name) const;

  std::int64_t begun() const { return begun_; }
  // In order of their keys, from the first one after `key` on. Key: see key_of.
  const std::map<std::string, Series>& series() const { return series_; }
  static std::string key_of(const Name& name);
  std::size_t points() const { return points_; }

 private:
  void put(std::deque<Point>& points, const Tier& tier, std::int64_t second, const Figure& figure);
  bool make_room(std::int64_t now);

  std::int64_t begun_;
  std::map<std::string, Series> series_;
  std::size_t points_ = 0;
  std::int64_t looked_for_room_ = 0;
};

}  // namespace agent::metrics
