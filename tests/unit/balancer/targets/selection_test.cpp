#include "balancer/targets/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace balancer::targets {
namespace {

using shared::Millis;
using shared::SteadyTime;
using shared::lbconfig::Algorithm;
using shared::lbconfig::Health;

constexpr SteadyTime kStart{std::chrono::hours(1)};

struct Loads final : LoadView {
  std::vector<std::uint64_t> values;
  std::uint64_t in_flight(std::size_t i) const override { return i < values.size() ? values[i] : 0; }
};

struct Rig {
  explicit Rig(SelectionOptions options) : selector(options, random) {}
  void set(std::vector<Health> states) {
    candidates.clear();
    for (const Health h : states) candidates.push_back({h, std::nullopt, 1000});
    selector.refresh(candidates);
  }
  std::optional<Choice> next(std::vector<std::size_t> tried = {}, SteadyTime now = kStart) {
    return selector.choose(tried, loads, random, now);
  }
  std::map<std::size_t, int> run(int requests, SteadyTime now = kStart) {
    std::map<std::size_t, int> counts;
    for (int i = 0; i < requests; ++i) ++counts[next({}, now)->candidate];
    return counts;
  }
  shared::env::SeededRandom random{7};
  std::vector<Candidate> candidates;
  Selector selector;
  Loads loads;
};

// A group over configuration changes, its targets by name.
struct Turning {
  explicit Turning(std::vector<std::string> first, SelectionOptions chosen = {}) : options(chosen) {
    configure(std::move(first));
  }
  void configure(std::vector<std::string> next) {
    std::vector<std::size_t> places;
    for (const std::string& name : names) {
      const auto at = std::find(next.begin(), next.end(), name);
      places.push_back(at == next.end() ? Selector::kGone : static_cast<std::size_t>(at - next.begin()));
    }
    Selector fresh(options, random);
    fresh.continue_from(selector, places);
    selector = fresh;
    names = std::move(next);
    look();
  }
  void look() {
    std::vector<Candidate> candidates;
    for (const std::string& name : names) {
      Candidate candidate{Health::kHealthy, std::nullopt, 1000};
      if (unhealthy.count(name) != 0) candidate.health = Health::kUnhealthy;
      if (slow.count(name) != 0) candidate.slow_start_from = kStart;
      candidates.push_back(candidate);
    }
    selector.refresh(candidates);
  }
  std::string next(SteadyTime now = kStart) {
    return names.at(selector.choose({}, Loads(), random, now)->candidate);
  }
  SelectionOptions options;
  std::set<std::string> unhealthy, slow;
  std::vector<std::string> names;
  shared::env::SeededRandom random{11};
  Selector selector{options, random};
};

TEST(Selector, RoundRobinIsFairWithinOneForEveryNumberOfTargetsAndRequests) {
  for (std::size_t n = 1; n <= 9; ++n) {
    Rig rig({});
    rig.set(std::vector<Health>(n, Health::kHealthy));
    std::vector<int> counts(n, 0);
    for (int request = 0; request < 60; ++request) {
      ++counts[rig.next()->candidate];
      const auto [low, high] = std::minmax_element(counts.begin(), counts.end());
      ASSERT_LE(*high - *low, 1) << n << " targets after " << request + 1;
    }
  }
}

TEST(Selector, ChangesOfTheConfigurationUnderASteadyStreamDoNotSkewTheDistribution) {
  const std::vector<std::string> stay = {"a", "b", "c", "d", "e", "f", "g"};
  for (std::size_t between = 1; between <= 9; ++between) {
    Turning group(stay);
    std::map<std::string, int> counts;
    for (int change = 0; change < 200; ++change) {
      std::vector<std::string> names = stay;
      for (std::uint64_t i = group.random.below(3); i > 0; --i) {
        names.insert(names.begin() + static_cast<std::ptrdiff_t>(group.random.below(names.size() + 1)),
                     "passing-" + std::to_string(change) + "-" + std::to_string(i));
      }
      group.configure(names);
      for (std::size_t i = 0; i < between; ++i) ++counts[group.next()];
      int low = counts[stay[0]], high = low;
      for (const auto& name : stay) low = std::min(low, counts[name]), high = std::max(high, counts[name]);
      ASSERT_LE(high - low, 1) << "a change each " << between << " requests, after " << change + 1;
    }
  }
}

TEST(Selector, GoesOnAtTheTargetThatWouldHaveBeenNextOrItsSuccessor) {
  Turning group({"a", "b", "c", "d"});
  while (group.next() != "a") {
  }
  group.configure({"new", "d", "c", "b", "a"});
  EXPECT_EQ(group.next(), "b");
  group.configure({"new", "d", "c", "b"});
  EXPECT_EQ(group.next(), "new") << "a was next and has left";
  group.configure({"other", "b", "c"});
  EXPECT_EQ(group.next(), "c") << "d was next and has left";
  group.unhealthy = {"other"};
  group.look();
  EXPECT_EQ(group.next(), "b") << "other was next and fell ill";
}

TEST(Selector, HealthOfOneTargetDoesNotMoveTheTurnOfOthers) {
  Turning group({"a", "b", "c", "d"});
  while (group.next() != "b") {
  }
  group.unhealthy = {"a"};
  group.look();
  EXPECT_EQ(group.next(), "c");
  group.unhealthy.clear();
  group.look();
  EXPECT_EQ(group.next(), "d");
}

TEST(Selector, ANewTargetDoesNotTakeFromOthersWhatTheySavedUpInSlowStart) {
  SelectionOptions options;
  options.slow_start = Millis(100'000);
  Turning group({"full", "slow"}, options);
  group.slow = {"slow"};
  int slow = 0, full = 0;
  for (int i = 0; i < 1'000; ++i) {
    const bool odd = i % 2 != 0;
    group.configure(odd ? std::vector<std::string>{"full", "slow"}
                        : std::vector<std::string>{"x", "full", "slow"});
    const std::string chosen = group.next(kStart + Millis(25'000));
    slow += chosen == "slow" ? 1 : 0;
    full += chosen == "full" ? 1 : 0;
  }
  EXPECT_NEAR(slow, full / 4, 10) << "a quarter of a full share";
}

TEST(Selector, WorkersBeginAtDifferentTargets) {
  std::set<std::size_t> first;
  for (std::uint64_t worker = 0; worker < 64; ++worker) {
    shared::env::SeededRandom random(worker);
    Selector selector({}, random);
    selector.refresh(std::vector<Candidate>(4, {Health::kHealthy, std::nullopt, 1000}));
    first.insert(selector.choose({}, Loads(), random, kStart)->candidate);
  }
  EXPECT_EQ(first.size(), 4U);
}

TEST(Selector, OnlyRoutableTargetsAreChosenWhileEnoughOfThemAre) {
  Rig rig({});
  rig.set({Health::kInitial, Health::kHealthy, Health::kUnhealthy, Health::kUnavailable});
  const auto counts = rig.run(10);
  EXPECT_EQ(counts, (std::map<std::size_t, int>{{1, 5}, {3, 5}}));
  EXPECT_FALSE(rig.next()->failed_open);
}

TEST(Selector, WaitsForTheFirstHealthyTargetWhereRequestsAreHeld) {
  SelectionOptions held;
  held.waits_for_first = true;
  Rig rig(held);
  rig.set({Health::kInitial, Health::kInitial});
  EXPECT_FALSE(rig.next()) << "they may still be starting";
  rig.set({Health::kInitial, Health::kHealthy});
  EXPECT_EQ(rig.run(4), (std::map<std::size_t, int>{{1, 4}}));
  rig.set({Health::kInitial, Health::kUnhealthy});
  EXPECT_TRUE(rig.next()->failed_open) << "where a target was found bad nothing is to be waited for";
}

TEST(Selector, FailsOpenBelowTheMinimumCountOrPercentageAndSaysSo) {
  Rig none({});
  none.set({Health::kUnhealthy, Health::kInitial});
  EXPECT_EQ(none.run(4), (std::map<std::size_t, int>{{0, 2}, {1, 2}}));
  EXPECT_TRUE(none.next()->failed_open);

  SelectionOptions half;
  half.minimum_healthy_percent = 50;
  Rig percent(half);
  percent.set({Health::kHealthy, Health::kUnhealthy, Health::kUnhealthy});
  EXPECT_TRUE(percent.next()->failed_open);
  percent.set({Health::kHealthy, Health::kHealthy, Health::kUnhealthy});
  EXPECT_FALSE(percent.next()->failed_open);

  Rig empty({});
  empty.set({});
  EXPECT_FALSE(empty.next());
}

TEST(Selector, ARetryNeverMeetsATriedTargetWhateverTheAlgorithm) {
  for (const Algorithm algorithm :
       {Algorithm::kRoundRobin, Algorithm::kLeastOutstandingRequests, Algorithm::kWeightedRandom}) {
    SelectionOptions options;
    options.algorithm = algorithm;
    Rig rig(options);
    rig.set({Health::kHealthy, Health::kHealthy, Health::kHealthy});
    for (int i = 0; i < 30; ++i) EXPECT_EQ(rig.next({0, 2})->candidate, 1U);
    EXPECT_FALSE(rig.next({0, 1, 2}));
  }
}

TEST(Selector, LeastOutstandingRequestsTakesTheIdlestAndTurnsAmongEquals) {
  SelectionOptions options;
  options.algorithm = Algorithm::kLeastOutstandingRequests;
  Rig rig(options);
  rig.set(std::vector<Health>(4, Health::kHealthy));
  rig.loads.values = {5, 1, 7, 1};
  EXPECT_EQ(rig.run(10), (std::map<std::size_t, int>{{1, 5}, {3, 5}}));
}

TEST(Selector, WeightedRandomReachesAllAboutEqually) {
  SelectionOptions options;
  options.algorithm = Algorithm::kWeightedRandom;
  Rig rig(options);
  rig.set(std::vector<Health>(4, Health::kHealthy));
  for (const auto& [target, count] : rig.run(4'000)) EXPECT_NEAR(count, 1'000, 150) << target;
}

TEST(Selector, WeightedRandomFollowsTheWeights) {
  SelectionOptions options;
  options.algorithm = Algorithm::kWeightedRandom;
  Rig rig(options);
  rig.candidates = {{Health::kHealthy, std::nullopt, 1000},
                    {Health::kHealthy, std::nullopt, 100},
                    {Health::kHealthy, std::nullopt, 1000}};
  rig.selector.refresh(rig.candidates);
  auto counts = rig.run(4'200);
  EXPECT_NEAR(counts[1], 200, 60);
  EXPECT_NEAR(counts[0], 2'000, 200);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(rig.next({0, 2})->candidate, 1U) << "with nobody else it takes all";
}

TEST(Selector, SlowStartGivesAShareThatGrowsWithTime) {
  SelectionOptions options;
  options.slow_start = Millis(100'000);
  Rig rig(options);
  rig.candidates = {{Health::kHealthy, std::nullopt, 1000}, {Health::kHealthy, kStart, 1000}};
  rig.selector.refresh(rig.candidates);
  auto counts = rig.run(1'000, kStart + Millis(25'000));
  EXPECT_NEAR(counts[1], 200, 2) << "a quarter of a full share beside one full share";
  counts = rig.run(1'000, kStart + Millis(100'000));
  EXPECT_NEAR(counts[1], 500, 1);
  // Alone it takes everything.
  rig.candidates = {{Health::kUnhealthy, std::nullopt, 1000}, {Health::kHealthy, kStart, 1000}};
  rig.selector.refresh(rig.candidates);
  EXPECT_EQ(rig.run(10, kStart)[1], 10);
}

TEST(Selector, SlowStartBeginsOnlyBesideATargetThatTakesItsFullShare) {
  SelectionOptions options;
  options.slow_start = Millis(30'000);
  const std::vector<Candidate> full = {{Health::kHealthy, std::nullopt, 1000}};
  const std::vector<Candidate> starting = {{Health::kHealthy, kStart, 1000},
                                           {Health::kUnhealthy, std::nullopt, 1000}};
  EXPECT_TRUE(begins_slow_start(options, full, kStart));
  EXPECT_FALSE(begins_slow_start(options, starting, kStart + Millis(1'000)));
  EXPECT_TRUE(begins_slow_start(options, starting, kStart + Millis(30'000)));
  options.algorithm = Algorithm::kLeastOutstandingRequests;
  EXPECT_FALSE(begins_slow_start(options, full, kStart));
}

}  // namespace
}  // namespace balancer::targets
