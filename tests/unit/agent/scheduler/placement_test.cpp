#include "agent/scheduler/capacity_index.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace agent::scheduler {
namespace {

using model::PlacementStrategy;
using model::StrategyType;

struct Outcome {
  std::vector<std::size_t> placed;  // indices of candidates
  int unplaced = 0;
  std::vector<Failure> failures;
};

Outcome place_on(const std::vector<Candidate>& candidates, const Demand& demand,
                 shared::env::Random& random) {
  CapacityIndex index;
  for (const Candidate& each : candidates) index.put(each);
  const Placed placed = index.place(demand, random);
  Outcome plan;
  for (const std::string& arn : placed.arns) {
    plan.placed.push_back(
        static_cast<std::size_t>(std::find_if(candidates.begin(), candidates.end(),
                                              [&](const Candidate& each) { return each.arn == arn; }) -
                                 candidates.begin()));
  }
  plan.unplaced = placed.unplaced;
  if (plan.unplaced > 0) plan.failures = index.failures(demand);
  return plan;
}

Candidate instance(const std::string& arn, std::int64_t cpu, std::int64_t memory,
                   const std::string& zone = "a") {
  Candidate candidate;
  candidate.arn = arn;
  candidate.cpu = cpu;
  candidate.memory = memory;
  if (!zone.empty()) candidate.attributes[kZoneAttribute] = zone;
  return candidate;
}

Demand demand(int count, std::int64_t cpu, std::int64_t memory) {
  Demand wanted;
  wanted.count = count;
  wanted.each.cpu = cpu;
  wanted.each.memory = memory;
  wanted.group = "service:web";
  return wanted;
}

std::map<std::string, int> by_instance(const std::vector<Candidate>& candidates, const Outcome& plan) {
  std::map<std::string, int> counts;
  for (const std::size_t i : plan.placed) ++counts[candidates[i].arn];
  return counts;
}

TEST(Placement, SpreadsOverZonesAndThenInstances) {
  shared::env::SeededRandom random(1);
  const std::vector<Candidate> candidates = {instance("i1", 4096, 4096, "a"), instance("i2", 4096, 4096, "a"),
                                             instance("i3", 4096, 4096, "b")};
  const Outcome plan = place_on(candidates, demand(8, 1, 1), random);
  EXPECT_EQ(by_instance(candidates, plan), (std::map<std::string, int>{{"i1", 2}, {"i2", 2}, {"i3", 4}}));
}

TEST(Placement, CountsOnlyTasksOfTheSameGroupWhenSpreading) {
  shared::env::SeededRandom random(1);
  std::vector<Candidate> candidates = {instance("i1", 100, 100), instance("i2", 100, 100)};
  candidates[0].groups["service:other"] = 50;
  candidates[1].groups["service:web"] = 1;
  EXPECT_EQ(place_on(candidates, demand(1, 1, 1), random).placed, std::vector<std::size_t>{0});
}

TEST(Placement, ARollingUpdateSpreadsTheNewTasksWhereverTheOldOnesAre) {
  shared::env::SeededRandom random(1);
  std::vector<Candidate> candidates = {instance("i1", 100, 100), instance("i2", 100, 100)};
  candidates[0].groups["service:web"] = 4;
  candidates[0].deployments["ecs-svc/1"] = 4;
  Demand wanted = demand(4, 1, 1);
  wanted.deployment = "ecs-svc/2";
  EXPECT_EQ(by_instance(candidates, place_on(candidates, wanted, random)),
            (std::map<std::string, int>{{"i1", 2}, {"i2", 2}}));
  wanted.count = 1;
  EXPECT_EQ(place_on(candidates, wanted, random).placed, std::vector<std::size_t>{1})
      << "old tasks break ties";
}

TEST(Placement, BinpacksOnTheInstanceWithLeastLeftThatStillFits) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(3, 10, 100);
  wanted.strategies = {{StrategyType::kBinpack, "MEMORY"}};
  const std::vector<Candidate> candidates = {instance("big", 1000, 1000), instance("small", 1000, 250),
                                             instance("full", 1000, 50)};
  EXPECT_EQ(by_instance(candidates, place_on(candidates, wanted, random)),
            (std::map<std::string, int>{{"big", 1}, {"small", 2}}));
}

TEST(Placement, LaterStrategiesOnlyBreakTies) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(2, 10, 10);
  wanted.strategies = {{StrategyType::kSpread, "attribute:ecs.availability-zone"},
                       {StrategyType::kBinpack, "cpu"}};
  const std::vector<Candidate> candidates = {instance("a-big", 1000, 100, "a"),
                                             instance("a-small", 50, 100, "a"),
                                             instance("b-big", 1000, 100, "b")};
  EXPECT_EQ(by_instance(candidates, place_on(candidates, wanted, random)),
            (std::map<std::string, int>{{"a-small", 1}, {"b-big", 1}}));
}

TEST(Placement, SaysWhatEachInstanceLacks) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(1, 100, 100);
  wanted.each.tcp_ports = {8080};
  wanted.each.udp_ports = {53};
  wanted.required_attributes = {"needed", "wanted"};
  wanted.distinct_instance = true;
  wanted.member_of = *parse_constraints({"attribute:stack == prod"});
  std::vector<Candidate> candidates;
  const auto add = [&](const std::string& arn) -> Candidate& {
    candidates.push_back(instance(arn, 100, 100));
    candidates.back().attributes["needed"] = "";
    candidates.back().attributes["wanted"] = "";
    candidates.back().attributes["stack"] = "prod";
    return candidates.back();
  };
  add("RESOURCE:CPU").cpu = 99;
  add("RESOURCE:MEMORY").memory = 99;
  add("RESOURCE:PORTS").tcp_ports = {22, 8080};
  add("RESOURCE:PORTS_UDP").udp_ports = {53};
  add("AGENT").availability = Availability::kDisconnected;
  add("ATTRIBUTE").attributes = {{"stack", "prod"}};
  add("DistinctInstance placement constraint unsatisfied.").groups["service:web"] = 1;
  add("MemberOf placement constraint unsatisfied.").attributes["stack"] = "test";
  const Outcome plan = place_on(candidates, wanted, random);
  EXPECT_EQ(plan.unplaced, 1);
  ASSERT_EQ(plan.failures.size(), candidates.size());
  for (const Failure& each : plan.failures) {
    EXPECT_EQ(each.reason, each.arn);
    EXPECT_EQ(each.detail, each.arn == "ATTRIBUTE" ? "Missing: needed, wanted." : "") << each.arn;
  }
}

// What tells whether stopping a task elsewhere makes sense: a full host that no constraint rules out.
TEST(Placement, TellsTheHostWithTheLeastInTheWay) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(1, 10, 10);
  wanted.member_of = *parse_constraints({"attribute:stack == prod"});
  wanted.required_attributes = {"needed"};
  std::vector<Candidate> candidates;
  const auto add = [&](const std::string& arn) -> Candidate& {
    candidates.push_back(instance(arn, 1, 1));  // room alone would never do, but for the one that is full
    candidates.back().attributes["needed"] = "";
    candidates.back().attributes["stack"] = "prod";
    return candidates.back();
  };
  const auto closest = [&] {
    CapacityIndex index;
    for (const Candidate& each : candidates) index.put(each);
    return index.place(wanted, random).closest.value_or(Failure{});
  };
  EXPECT_EQ(closest().arn, "");
  add("away").availability = Availability::kDisconnected;
  EXPECT_EQ(closest().reason, "AGENT");
  add("draining").availability = Availability::kDraining;
  add("other").attributes.erase("needed");
  EXPECT_EQ(closest().detail, "Missing: needed.");
  add("ruled out").attributes["stack"] = "test";
  EXPECT_EQ(closest().reason, "MemberOf placement constraint unsatisfied.");
  add("full");
  EXPECT_EQ(closest().arn, "full");
  EXPECT_TRUE(room_would_help(closest().reason));
  wanted.gpus = 1;
  EXPECT_FALSE(room_would_help(closest().reason));
}

TEST(Placement, PlacesWhatFitsAndReportsTheRest) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(5, 10, 10);
  wanted.each.tcp_ports = {80};
  const Outcome plan = place_on({instance("i1", 100, 100), instance("i2", 100, 100)}, wanted, random);
  EXPECT_EQ(plan.placed.size(), 2u);
  EXPECT_EQ(plan.unplaced, 3);
}

// For any cluster and demand: nothing is taken twice, nothing that does not fit, and nothing is left unplaced
// while something would still fit.
TEST(Placement, NeverOvercommitsAndNeverGivesUpEarly) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    shared::env::SeededRandom random(seed);
    std::vector<Candidate> candidates;
    const auto size = random.below(12);
    for (std::uint64_t i = 0; i < size; ++i) {
      candidates.push_back(
          instance("i" + std::to_string(i), static_cast<std::int64_t>(random.below(500)),
                   static_cast<std::int64_t>(random.below(500)),
                   random.below(4) == 0 ? "" : std::string(1, static_cast<char>('a' + random.below(3)))));
      if (random.below(3) == 0) candidates.back().tcp_ports.insert(80);
      if (random.below(6) == 0) candidates.back().availability = Availability::kDisconnected;
    }
    Demand wanted = demand(static_cast<int>(random.below(15)), static_cast<std::int64_t>(random.below(200)),
                           static_cast<std::int64_t>(random.below(200)));
    if (random.below(3) == 0) wanted.each.tcp_ports.insert(80);
    wanted.distinct_instance = random.below(4) == 0;
    static const std::vector<std::vector<PlacementStrategy>> kStrategies = {
        {},
        {{StrategyType::kRandom, ""}},
        {{StrategyType::kBinpack, "cpu"}},
        {{StrategyType::kSpread, "instanceId"}, {StrategyType::kBinpack, "memory"}}};
    wanted.strategies = kStrategies[random.below(kStrategies.size())];
    const Outcome plan = place_on(candidates, wanted, random);
    ASSERT_EQ(static_cast<int>(plan.placed.size()) + plan.unplaced, wanted.count) << "seed " << seed;
    auto left = candidates;
    for (const std::size_t i : plan.placed) {
      ASSERT_EQ(misfit(left[i], wanted), "") << "seed " << seed;
      left[i].cpu -= wanted.each.cpu;
      left[i].memory -= wanted.each.memory;
      left[i].tcp_ports.insert(wanted.each.tcp_ports.begin(), wanted.each.tcp_ports.end());
      ++left[i].groups[wanted.group];
    }
    if (plan.unplaced == 0) continue;
    for (const Candidate& each : left) EXPECT_NE(misfit(each, wanted), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace agent::scheduler
