#include "agent/scheduler/capacity_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/exhaustive_planner.h"

namespace agent::scheduler {
namespace {

using model::PlacementStrategy;
using model::StrategyType;
using tests::ExhaustivePlanner;

Candidate host_in(const std::string& arn, const std::string& zone, std::int64_t room = 100) {
  Candidate candidate;
  candidate.arn = arn;
  candidate.cpu = room;
  candidate.memory = room;
  candidate.attributes[kZoneAttribute] = zone;
  return candidate;
}

Demand one_task(const std::string& group = "service:web") {
  Demand demand;
  demand.each.cpu = 1;
  demand.each.memory = 1;
  demand.group = group;
  return demand;
}

// A cluster of which the index is told row by row, and the rows.
class Cluster {
 public:
  explicit Cluster(std::uint64_t seed) : random_(seed), hosts_(1 + random_.below(12)) {
    const auto shapes = 1 + random_.below(5);
    for (std::uint64_t i = 0; i < shapes; ++i) demands_.push_back(any_demand());
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      switch (random_.below(8)) {
        case 0:
        case 1:
          put_any();
          break;
        case 2:
          change_any();
          break;
        case 3:
          erase_any();
          break;
        default:
          place_any();
      }
    }
  }

 private:
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  int number(std::uint64_t bound) { return static_cast<int>(random_.below(bound)); }
  template <class T>
  const T& any_of(const std::vector<T>& all) {
    return all[random_.below(all.size())];
  }

  PlacementStrategy any_strategy() {
    static const std::vector<PlacementStrategy> kAll = {
        {StrategyType::kSpread, "instanceId"},
        {StrategyType::kSpread, "host"},
        {StrategyType::kBinpack, "cpu"},
        {StrategyType::kBinpack, "MEMORY"},
        {StrategyType::kSpread, "attribute:rack"},
        {StrategyType::kSpread, "attribute:ecs.availability-zone"},
        {StrategyType::kRandom, ""}};
    return any_of(kAll);
  }

  Demand any_demand() {
    static const std::vector<std::string> kQueries = {
        "attribute:rack == r1", "attribute:rack != r1 and agentConnected == true", "runningTasksCount < 3",
        "not(task:group == service:a)", "registeredAt > 2020-01-01 or ec2InstanceId == i-1"};
    Demand demand;
    demand.each.cpu = number(4) * 10;
    demand.each.memory = number(4) * 10;
    if (one_in(4)) demand.each.tcp_ports = {80 + number(2)};
    if (one_in(8)) demand.each.udp_ports = {53};
    if (one_in(4)) demand.required_attributes = {"needed"};
    if (one_in(8)) demand.platform = {{"os", "linux"}};
    if (one_in(20)) demand.gpus = 1;
    if (one_in(4)) demand.max_tasks = 1 + number(6);
    while (one_in(4)) demand.member_of.push_back(*Query::parse(any_of(kQueries)));
    demand.distinct_instance = one_in(5);
    for (auto left = random_.below(4); left > 0; --left) demand.strategies.push_back(any_strategy());
    demand.group = one_in(2) ? "service:a" : "service:b";
    if (one_in(2)) demand.deployment = one_in(2) ? "d1" : "d2";
    return demand;
  }

  Candidate any_host(const std::string& arn) {
    Candidate host;
    host.arn = arn;
    host.ec2_instance_id = "i-" + std::to_string(random_.below(3));
    host.registered_at = shared::from_epoch_millis(one_in(2) ? 1'500'000'000'000 : 1'600'000'000'000);
    if (one_in(8)) host.availability = Availability::kDisconnected;
    if (one_in(12)) host.availability = Availability::kDraining;
    if (!one_in(5)) host.attributes[kZoneAttribute] = one_in(9) ? "" : "z" + std::to_string(random_.below(3));
    if (!one_in(4)) host.attributes["rack"] = "r" + std::to_string(random_.below(4));
    if (!one_in(4)) host.attributes["needed"] = "";
    if (!one_in(3)) host.attributes["os"] = one_in(4) ? "windows" : "linux";
    set_usage(host);
    return host;
  }

  void set_usage(Candidate& host) {
    host.cpu = number(30) * 10;
    host.memory = number(30) * 10;
    host.tcp_ports.clear();
    host.udp_ports.clear();
    if (one_in(4)) host.tcp_ports.insert(80);
    if (one_in(8)) host.udp_ports.insert(53);
    host.groups.clear();
    host.deployments.clear();
    for (const char* group : {"service:a", "service:b", "family:x"}) {
      if (one_in(3)) host.groups[group] = 1 + number(3);
    }
    for (const char* deployment : {"d1", "d2"}) {
      if (one_in(3)) host.deployments[deployment] = 1 + number(3);
    }
    host.running_tasks = number(6);
    host.tasks = number(6);
  }

  void put_any() {
    const Candidate host = any_host("host" + std::to_string(random_.below(hosts_)));
    rows_[host.arn] = host;
    index_.put(host);
  }
  void change_any() {
    if (rows_.empty()) return;
    Candidate& host = std::next(rows_.begin(), number(rows_.size()))->second;
    set_usage(host);
    Candidate told = host;
    told.attributes.clear();  // is not what put_usage() is about
    told.availability = Availability::kDraining;
    index_.put_usage(told);
  }
  void erase_any() {
    const std::string arn = "host" + std::to_string(random_.below(hosts_));
    rows_.erase(arn);
    index_.erase(arn);
    ASSERT_EQ(index_.size(), rows_.size());
    ASSERT_FALSE(index_.contains(arn));
  }

  std::vector<Candidate> candidates() const {
    std::vector<Candidate> all;
    for (const auto& [arn, host] : rows_) all.push_back(host);
    return all;
  }

  void place_any() {
    Demand demand = any_of(demands_);
    demand.count = 1 + number(4);
    const Placed placed = index_.place(demand, random_);
    ASSERT_EQ(static_cast<int>(placed.arns.size()) + placed.unplaced, demand.count);
    for (const std::string& arn : placed.arns) {
      const auto all = candidates();
      const auto first = ExhaustivePlanner::first(all, demand);
      ASSERT_TRUE(std::any_of(first.begin(), first.end(), [&](std::size_t i) { return all[i].arn == arn; }))
          << arn;
      ExhaustivePlanner::take(rows_[arn], demand);
    }
    const auto failures = index_.failures(demand);
    ASSERT_EQ(failures.size(), rows_.size());
    Obstacle least = Obstacle::kAgent;
    for (std::size_t i = 0; const auto& [arn, host] : rows_) {
      ASSERT_EQ(failures[i].arn, arn);
      ASSERT_EQ(failures[i].reason, misfit(host, demand));
      ++i;
      if (placed.unplaced > 0) least = std::min(least, obstacle_of(misfit(host, demand)));
    }
    if (placed.unplaced == 0) return;
    ASSERT_TRUE(ExhaustivePlanner::first(candidates(), demand).empty());
    ASSERT_EQ(placed.closest.has_value(), !rows_.empty());
    if (!placed.closest) return;
    ASSERT_EQ(placed.closest->reason, misfit(rows_.at(placed.closest->arn), demand));
    ASSERT_EQ(obstacle_of(placed.closest->reason), least);
  }

  shared::env::SeededRandom random_;
  std::uint64_t hosts_;
  std::vector<Demand> demands_;
  std::map<std::string, Candidate> rows_;
  CapacityIndex index_;
};

TEST(CapacityIndex, ChoosesWhatLookingAtEveryHostRanksFirst) {
  constexpr int kClusters = 2000;
  for (std::uint64_t seed = 1; seed <= kClusters; ++seed) {
    Cluster(seed).run(60);
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
  }
}

TEST(CapacityIndex, GivesEachOfTheHostsThatRankFirstTheSameChance) {
  constexpr int kDraws = 4000;
  static const std::vector<std::vector<PlacementStrategy>> kChains = {
      {},
      {{StrategyType::kRandom, ""}},
      {{StrategyType::kBinpack, "cpu"}},
      {{StrategyType::kSpread, "attribute:rack"}, {StrategyType::kBinpack, "memory"}}};
  for (const auto& chain : kChains) {
    shared::env::SeededRandom random(7);
    std::vector<Candidate> hosts;
    for (int i = 0; i < 10; ++i) {
      hosts.push_back(host_in("host" + std::to_string(i), i < 3 ? "a" : "b"));
      hosts.back().attributes["rack"] = i < 6 ? "1" : "2";
    }
    Demand demand = one_task();
    demand.strategies = chain;
    hosts[0].groups["service:web"] = 1;  // last by its tasks
    hosts[1].cpu = 0;                    // not at all
    CapacityIndex index;
    std::map<std::string, int> drawn;
    for (int i = 0; i < kDraws; ++i) {
      for (const Candidate& each : hosts) index.put(each);
      ++drawn[index.place(demand, random).arns.at(0)];
    }
    const auto first = ExhaustivePlanner::first(hosts, demand);
    ASSERT_EQ(drawn.size(), first.size());
    const double expected = static_cast<double>(kDraws) / static_cast<double>(first.size());
    for (const auto& [arn, count] : drawn) EXPECT_NEAR(count, expected, expected / 4) << arn;
  }
}

TEST(CapacityIndex, CountsATaskAtOnceAndForgetsItWhenTheHostIsToldAgain) {
  shared::env::SeededRandom random(1);
  CapacityIndex index;
  index.put(host_in("a", "z", 1));
  EXPECT_EQ(index.place(one_task(), random).unplaced, 0);
  EXPECT_EQ(index.place(one_task("service:other"), random).closest->reason, "RESOURCE:CPU");
  index.put_usage(host_in("a", "z", 1));
  EXPECT_EQ(index.place(one_task("service:other"), random).unplaced, 0);
}

TEST(CapacityIndex, SeesNewValuesOfAttributesInConstraintsAndInZones) {
  shared::env::SeededRandom random(1);
  CapacityIndex index;
  Candidate first = host_in("first", "a");
  index.put(first);
  index.put(host_in("second", "b"));
  Demand demand = one_task();
  demand.member_of = *parse_constraints({"attribute:stack == prod"});
  EXPECT_EQ(index.place(demand, random).unplaced, 1);
  first.attributes["stack"] = "prod";
  index.put(first);
  EXPECT_EQ(index.place(demand, random).arns, std::vector<std::string>{"first"});
  first.attributes["stack"] = "test";
  index.put(first);
  EXPECT_EQ(index.place(demand, random).unplaced, 1);
}

// Of what is asked for by many only the latest is kept; the answers are the same.
TEST(CapacityIndex, AnswersMoreDemandsThanItKeepsViews) {
  shared::env::SeededRandom random(1);
  CapacityIndex index;
  for (int i = 0; i < 4; ++i) {
    index.put(host_in("host" + std::to_string(i), i < 2 ? "a" : "b", 1'000'000));
  }
  const auto services = static_cast<int>(kMaxViews) + 20;
  std::map<std::string, std::map<std::string, int>> placed;
  for (int i = 0; i < 4 * services; ++i) {
    const std::string group = "service:" + std::to_string(i % services);
    ++placed[group][index.place(one_task(group), random).arns.at(0)];
  }
  EXPECT_EQ(placed.size(), static_cast<std::size_t>(services));
  for (const auto& [group, hosts] : placed) EXPECT_EQ(hosts.size(), 4u) << group;
}

}  // namespace
}  // namespace agent::scheduler
