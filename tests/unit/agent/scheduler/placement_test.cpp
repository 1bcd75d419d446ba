#include "agent/scheduler/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace agent::scheduler {
namespace {

using model::PlacementStrategy;
using model::StrategyType;

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

std::map<std::string, int> by_instance(const std::vector<Candidate>& candidates, const Plan& plan) {
  std::map<std::string, int> counts;
  for (const std::size_t i : plan.placed) ++counts[candidates[i].arn];
  return counts;
}

TEST(Placement, SpreadsOverZonesAndThenInstances) {
  shared::env::SeededRandom random(1);
  const std::vector<Candidate> candidates = {instance("i1", 4096, 4096, "a"), instance("i2", 4096, 4096, "a"),
                                             instance("i3", 4096, 4096, "b")};
  const Plan plan = place(candidates, demand(8, 1, 1), random);
  EXPECT_EQ(by_instance(candidates, plan), (std::map<std::string, int>{{"i1", 2}, {"i2", 2}, {"i3", 4}}));
}

TEST(Placement, CountsOnlyTasksOfTheSameGroupWhenSpreading) {
  shared::env::SeededRandom random(1);
  std::vector<Candidate> candidates = {instance("i1", 100, 100), instance("i2", 100, 100)};
  candidates[0].groups["service:other"] = 50;
  candidates[1].groups["service:web"] = 1;
  EXPECT_EQ(place(candidates, demand(1, 1, 1), random).placed, std::vector<std::size_t>{0});
}

TEST(Placement, ARollingUpdateSpreadsTheNewTasksWhereverTheOldOnesAre) {
  shared::env::SeededRandom random(1);
  std::vector<Candidate> candidates = {instance("i1", 100, 100), instance("i2", 100, 100)};
  candidates[0].groups["service:web"] = 4;
  candidates[0].deployments["ecs-svc/1"] = 4;
  Demand wanted = demand(4, 1, 1);
  wanted.deployment = "ecs-svc/2";
  EXPECT_EQ(by_instance(candidates, place(candidates, wanted, random)),
            (std::map<std::string, int>{{"i1", 2}, {"i2", 2}}));
  wanted.count = 1;
  EXPECT_EQ(place(candidates, wanted, random).placed, std::vector<std::size_t>{1}) << "old tasks break ties";
}

TEST(Placement, BinpacksOnTheInstanceWithLeastLeftThatStillFits) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(3, 10, 100);
  wanted.strategies = {{StrategyType::kBinpack, "MEMORY"}};
  const std::vector<Candidate> candidates = {instance("big", 1000, 1000), instance("small", 1000, 250),
                                             instance("full", 1000, 50)};
  EXPECT_EQ(by_instance(candidates, place(candidates, wanted, random)),
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
  EXPECT_EQ(by_instance(candidates, place(candidates, wanted, random)),
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
  const Plan plan = place(candidates, wanted, random);
  EXPECT_EQ(plan.unplaced, 1);
  ASSERT_EQ(plan.failures.size(), candidates.size());
  for (const Failure& each : plan.failures) {
    EXPECT_EQ(each.reason, each.arn);
    EXPECT_EQ(each.detail, each.arn == "ATTRIBUTE" ? "Missing: needed, wanted." : "") << each.arn;
  }
}

// What tells whether stopping a task elsewhere makes sense: a full host that no constraint rules out.
TEST(Placement, ClosestIsTheHostWhereRoomWouldHelp) {
  Demand wanted = demand(1, 10, 10);
  wanted.member_of = *parse_constraints({"attribute:stack == prod"});
  Candidate ruled_out = instance("ruled out", 1, 1);
  EXPECT_EQ(misfit(ruled_out, wanted), "MemberOf placement constraint unsatisfied.");  // room would not help
  const std::vector<Failure> failures = {{"away", "AGENT", ""},
                                         {"other", "ATTRIBUTE", ""},
                                         {"ruled out", misfit(ruled_out, wanted), ""},
                                         {"full", "RESOURCE:PORTS", ""},
                                         {"no gpu", "RESOURCE:GPU", ""}};
  EXPECT_EQ(closest(failures).arn, "full");
  EXPECT_EQ(closest({failures[0], failures[1]}).arn, "other");
  EXPECT_EQ(closest({failures[0], failures[4], failures[2]}).arn, "ruled out");
  for (const Failure& each : failures)
    EXPECT_EQ(room_would_help(each.reason), each.arn == "full") << each.arn;
}

TEST(Placement, PlacesWhatFitsAndReportsTheRest) {
  shared::env::SeededRandom random(1);
  Demand wanted = demand(5, 10, 10);
  wanted.each.tcp_ports = {80};
  const Plan plan = place({instance("i1", 100, 100), instance("i2", 100, 100)}, wanted, random);
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
    const Plan plan = place(candidates, wanted, random);
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
