// bench_scheduler: what placing tasks costs in a large cluster, on one core.
//
//   bench_scheduler [--hosts N] [--tasks N]
//
// Tasks of services of all kinds (spread, binpack, random, distinctInstance, memberOf, fixed ports) are
// placed one by one in a cluster in which tasks also end; then more services than the index has views for;
// then the cluster is filled up and asked for room again and again. Last the exhaustive planner of the tests
// on a few decisions, which also checks those of the index. Each line: decisions per second, and the 99th
// percentile and the maximum of one.
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/scheduler/capacity_index.h"
#include "shared/env/random.h"
#include "tests/bench/flags.h"
#include "tests/support/exhaustive_planner.h"

namespace {

using agent::model::StrategyType;
using agent::scheduler::Candidate;
using agent::scheduler::CapacityIndex;
using agent::scheduler::Demand;

constexpr std::uint64_t kSeed = 1;
constexpr int kServices = 48;
constexpr int kExhaustiveDecisions = 200;
constexpr int kEndEvery = 4;  // a task ends for each so many that are placed
constexpr std::size_t kBatch = 10;

// Of this thread: what others do on the machine does not count.
double cpu_micros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

class Times {
 public:
  template <class Work>
  void measure(Work work) {
    const double from = cpu_micros();
    work();
    all_.push_back(cpu_micros() - from);
  }
  void tell(const char* name) {
    double sum = 0;
    for (const double each : all_) sum += each;
    std::sort(all_.begin(), all_.end());
    std::printf("%-34s %8zu decisions %10.0f/s   p99 %8.1f us   maximum %8.1f us\n", name, all_.size(),
                static_cast<double>(all_.size()) / sum * 1e6, all_[all_.size() * 99 / 100], all_.back());
    std::fflush(stdout);
  }

 private:
  std::vector<double> all_;
};

std::vector<Candidate> cluster(int hosts, int tasks) {
  std::vector<Candidate> all;
  for (int i = 0; i < hosts; ++i) {
    Candidate host;
    host.arn =
        "arn:aws:ecs:us-east-1:000000000000:container-instance/default/" + std::to_string(1'000'000 + i);
    host.ec2_instance_id = "i-" + std::to_string(i);
    host.agent_version = "1.0.0";
    host.cpu = 2 * 64 * (tasks / hosts + 2);
    host.memory = 2 * 128 * (tasks / hosts + 2);
    host.tcp_ports = {22, 2375, 2376, 51678, 51679};
    host.attributes = {{"ecs.availability-zone", std::string(1, static_cast<char>('a' + i % 3))},
                       {"ecs.instance-type", i % 4 == 0 ? "c5.large" : "m5.large"},
                       {"ecs.os-type", "linux"},
                       {"ecs.cpu-architecture", "x86_64"},
                       {"rack", "r" + std::to_string(i % 100)},
                       {"name", host.ec2_instance_id}};
    for (int k = 0; k < 16; ++k) {
      host.attributes["com.amazonaws.ecs.capability.docker-remote-api.1." + std::to_string(17 + k)] = "";
    }
    all.push_back(std::move(host));
  }
  return all;
}

Demand service(int number) {
  Demand demand;
  demand.group = "service:web" + std::to_string(number);
  demand.deployment = "ecs-svc/" + std::to_string(number);
  demand.each.cpu = 32 + 16 * (number % 5);
  demand.each.memory = 64 + 32 * (number % 7);
  demand.required_attributes = {"com.amazonaws.ecs.capability.docker-remote-api.1.18",
                                "com.amazonaws.ecs.capability.docker-remote-api.1.21"};
  demand.platform = {{"ecs.os-type", "linux"}, {"ecs.cpu-architecture", "x86_64"}};
  demand.max_tasks = 500;
  switch (number % 8) {
    case 0:
      break;  // spread over zones, then instances
    case 1:
      demand.strategies = {{StrategyType::kSpread, "attribute:ecs.availability-zone"},
                           {StrategyType::kBinpack, "memory"}};
      break;
    case 2:
      demand.strategies = {{StrategyType::kBinpack, "cpu"}};
      break;
    case 3:
      demand.strategies = {{StrategyType::kSpread, "instanceId"}};
      break;
    case 4:
      demand.strategies = {{StrategyType::kRandom, ""}};
      break;
    case 5:
      demand.distinct_instance = true;
      break;
    case 6:
      demand.member_of = *agent::scheduler::parse_constraints({"attribute:ecs.instance-type =~ c5.*"});
      break;
    default:
      demand.each.tcp_ports = {8000 + number};
      demand.strategies = {{StrategyType::kSpread, "attribute:rack"}, {StrategyType::kSpread, "instanceId"}};
  }
  return demand;
}

class Bench {
 public:
  Bench(int hosts, int tasks) : random_(kSeed), tasks_(tasks), rows_(cluster(hosts, tasks)) {
    for (std::size_t i = 0; i < rows_.size(); ++i) by_arn_[rows_[i].arn] = i;
  }

  bool run() {
    Times joined;
    for (const Candidate& each : rows_) joined.measure([&] { index_.put(each); });
    joined.tell("a host joins");
    for (int i = 0; i < kServices; ++i) demands_.push_back(service(i));
    first();
    mix();
    memory();
    usage();
    more_services();
    for (int i : {-1, -2}) named(i);
    compare();
    full();
    return ok_;
  }

 private:
  struct Running {
    std::size_t host;
    std::size_t demand;
  };

  Demand& any_demand() { return demands_[random_.below(demands_.size())]; }

  // What a task holds stays in the row of its host, as control has it.
  void note(const std::string& arn, const Demand& demand) {
    const std::size_t host = by_arn_.at(arn);
    tests::ExhaustivePlanner::take(rows_[host], demand);
    running_.push_back({host, static_cast<std::size_t>(&demand - demands_.data())});
  }

  void end_any() {
    if (running_.empty()) return;
    const std::size_t at = random_.below(running_.size());
    const auto [host, which] = running_[at];
    running_[at] = running_.back();
    running_.pop_back();
    Candidate& row = rows_[host];
    const Demand& demand = demands_[which];
    row.cpu += demand.each.cpu;
    row.memory += demand.each.memory;
    for (const int port : demand.each.tcp_ports) row.tcp_ports.erase(port);
    --row.tasks;
    if (--row.groups[demand.group] == 0) row.groups.erase(demand.group);
    if (--row.deployments[demand.deployment] == 0) row.deployments.erase(demand.deployment);
    index_.put_usage(row);
  }

  void first() {
    Times times;
    for (const Demand& each : demands_) {
      times.measure([&] {
        for (const std::string& arn : index_.place(each, random_).arns) first_.emplace_back(arn, &each);
      });
    }
    for (const auto& [arn, demand] : first_) note(arn, *demand);
    times.tell("a service's first task");
  }

  void mix() {
    Times times;
    for (int i = 0; i < tasks_; ++i) {
      const Demand& demand = any_demand();
      agent::scheduler::Placed placed;
      times.measure([&] { placed = index_.place(demand, random_); });
      for (const std::string& arn : placed.arns) note(arn, demand);
      if (i % kEndEvery == 0) end_any();
    }
    times.tell("tasks of all kinds, one by one");
  }

  // Of a second index with the same hosts and demands.
  void memory() {
    const auto before = mallinfo2().uordblks;
    CapacityIndex index;
    for (const Candidate& each : rows_) index.put(each);
    const auto hosts = mallinfo2().uordblks;
    for (const Demand& each : demands_) index.place(each, random_);
    const auto kib = [&](std::size_t bytes) {
      return static_cast<double>(bytes) / 1024 / static_cast<double>(rows_.size());
    };
    std::printf("memory for each host: %.2f KiB of facts, %.3f KiB for each view\n", kib(hosts - before),
                kib(mallinfo2().uordblks - hosts) / kServices);
  }

  void usage() {
    Times times;
    for (const Candidate& each : rows_) times.measure([&] { index_.put_usage(each); });
    times.tell("a host's tasks are told again");
  }

  void more_services() {
    Times times;
    std::vector<Demand> many;
    for (int i = 0; i < 1000; ++i) many.push_back(service(8 * i));
    for (std::size_t i = 0; i < 2 * many.size(); ++i) {
      many[i % many.size()].count = kBatch;
      times.measure([&] { index_.place(many[i % many.size()], random_); });
    }
    times.tell("1,000 services in turn, 10 tasks");
    for (const Candidate& each : rows_) index_.put_usage(each);
  }

  // One value of an attribute for each host: the chain that has to look at all of them.
  void named(int number) {
    Times times;
    Demand demand = service(8);
    demand.group = "service:named" + std::to_string(number);
    demand.strategies = {{StrategyType::kSpread, "attribute:name"}};
    const bool by_query = number == -2;
    if (by_query) {
      demand.strategies.clear();
      demand.member_of = *agent::scheduler::parse_constraints({"not(task:group == service:web5)"});
    }
    index_.place(demand, random_);
    for (int i = 0; i < tasks_ / 50 + 1; ++i) times.measure([&] { index_.place(demand, random_); });
    times.tell(by_query ? "constraint that asks for tasks" : "spread over an attribute of its own");
    for (const Candidate& each : rows_) index_.put_usage(each);
  }

  // Each choice of the index must be one of those that the exhaustive planner has.
  void compare() {
    Times times;
    for (int i = 0; i < kExhaustiveDecisions; ++i) {
      const Demand& demand = any_demand();
      std::vector<std::size_t> first;
      times.measure([&] { first = tests::ExhaustivePlanner::first(rows_, demand); });
      const auto placed = index_.place(demand, random_);
      const bool agreed = placed.arns.empty() ? first.empty()
                                              : std::find(first.begin(), first.end(),
                                                          by_arn_.at(placed.arns[0])) != first.end();
      if (!agreed) {
        std::printf("FAILED: not what looking at every host ranks first (%s)\n", demand.group.c_str());
        ok_ = false;
      }
      for (const std::string& arn : placed.arns) note(arn, demand);
    }
    times.tell("the exhaustive planner");
  }

  void full() {
    for (Demand& each : demands_) {
      each.count = 10 * tasks_;
      index_.place(each, random_);
      each.count = 1;
    }
    Times times;
    for (int i = 0; i < tasks_; ++i) {
      const Demand& demand = any_demand();
      times.measure([&] { ok_ = index_.place(demand, random_).closest.has_value() && ok_; });
    }
    times.tell("no room anywhere");
  }

  shared::env::SeededRandom random_;
  const int tasks_;
  std::vector<Candidate> rows_;
  std::unordered_map<std::string, std::size_t> by_arn_;
  std::vector<Demand> demands_;
  std::vector<Running> running_;
  std::vector<std::pair<std::string, const Demand*>> first_;
  CapacityIndex index_;
  bool ok_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  int hosts = 5'000;
  int tasks = 100'000;
  if (!bench::read_flags(argc, argv, {{"--hosts", hosts}, {"--tasks", tasks}})) {
    std::fprintf(stderr, "usage: bench_scheduler [--hosts N] [--tasks N]\n");
    return 2;
  }
  return Bench(hosts, tasks).run() ? 0 : 1;
}
