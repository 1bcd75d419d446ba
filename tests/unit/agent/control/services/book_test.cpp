#include "agent/control/services/book.h"

#include <gtest/gtest.h>

#include <set>

#include "agent/control/state/lookup.h"
#include "shared/env/random.h"

namespace agent::control {
namespace {

constexpr PlanTask kHealthy{PlanPhase::kRunning, PlanHealth::kHealthy, PlanAge::kCurrent};
constexpr PlanTask kOld{PlanPhase::kRunning, PlanHealth::kHealthy, PlanAge::kOutdated};
constexpr PlanTask kStopping{PlanPhase::kStopping, PlanHealth::kUnknown, PlanAge::kCurrent};

PlanKinds only(const PlanTask& task) { return PlanKinds().set(kind_of(task)); }

std::string arn_of(const std::string& host) { return "arn:aws:ecs:r:a:container-instance/c/" + host; }

struct Shelf {
  State state;
  Book book;

  void host(const std::string& id, std::int64_t memory) {
    model::ContainerInstance row;
    row.id = id;
    row.cluster = "c";
    row.arn = arn_of(id);
    row.registered.memory = memory;
    state.instances.put("c/" + id, row);
  }
  void add(const std::string& id, const std::string& host, const std::string& zone, PlanTask task = kHealthy,
           std::int64_t memory = 100) {
    model::Task row;
    row.id = id;
    row.cluster = "c";
    row.container_instance_arn = arn_of(host);
    row.reserved.memory = memory;
    state.tasks.put("c/" + id, row);
    book.put("c/" + id, {task, {}, "d", arn_of(host), zone, false});
  }
  std::string host_of(const std::string& key) const { return book.find(key)->instance; }
};

TEST(Book, ShrinksTheFullestZoneAndThenTheFullestInstance) {
  Shelf shelf;
  shelf.add("1", "a1", "a");
  shelf.add("2", "a1", "a");
  shelf.add("3", "a2", "a");
  shelf.add("4", "b1", "b");
  const auto order = shelf.book.take(shelf.state, only(kHealthy), 4, {});
  ASSERT_EQ(order.size(), 4u);
  EXPECT_EQ(shelf.host_of(order[0]), arn_of("a1"));
  EXPECT_EQ(shelf.book.find(order[1])->zone, "a");
  EXPECT_NE(shelf.book.find(order[2])->zone, shelf.book.find(order[3])->zone);
}

TEST(Book, EmptiesTheFreestInstanceWhenBinpacking) {
  Shelf shelf;
  shelf.host("full", 300);
  shelf.host("free", 350);
  shelf.add("1", "full", "a");
  shelf.add("2", "free", "a");
  shelf.add("3", "free", "a");
  shelf.add("4", "full", "a");
  const auto order =
      shelf.book.take(shelf.state, only(kHealthy), 2, {{model::StrategyType::kBinpack, "memory"}});
  EXPECT_EQ(shelf.host_of(order[0]), arn_of("free"));
  EXPECT_EQ(shelf.host_of(order[1]), arn_of("free"));
}

TEST(Book, TakesOnlyTheKindsItIsAskedForThoughOthersFillTheZone) {
  Shelf shelf;
  for (const char* id : {"1", "2", "3"}) shelf.add(id, "a1", "a");
  shelf.add("4", "b1", "b", kOld);
  EXPECT_EQ(shelf.book.take(shelf.state, only(kOld), 1, {}), std::vector<std::string>{"c/4"});
  EXPECT_EQ(shelf.book.counts()[kind_of(kOld)], 0);
  EXPECT_EQ(shelf.book.wanted("d"), 3);
  EXPECT_TRUE(shelf.book.any_waits_to_stop());
}

TEST(Book, CountsATaskOnceWhateverWasSaidOfItBefore) {
  Shelf shelf;
  shelf.add("1", "a1", "a");
  shelf.add("1", "a1", "a", kOld);
  shelf.add("1", "a1", "b", kOld);
  EXPECT_EQ(shelf.book.counts()[kind_of(kHealthy)], 0);
  EXPECT_EQ(shelf.book.counts()[kind_of(kOld)], 1);
  shelf.add("1", "a1", "b", kStopping);
  EXPECT_EQ(shelf.book.wanted("d"), 0);
  shelf.book.erase("c/1");
  EXPECT_EQ(shelf.book.counts(), PlanCounts{});
}

// At every step the first one is among the best of what is left: the rule itself, walked without any
// bookkeeping.
TEST(Book, EveryStepTakesABestOfWhatIsLeft) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    shared::env::SeededRandom random(seed);
    const bool spread = random.below(2) == 0;
    Shelf shelf;
    std::map<std::string, std::int64_t> free;
    for (int i = 0; i < 4; ++i) free["i" + std::to_string(i)] = static_cast<std::int64_t>(random.below(300));
    const int tasks = static_cast<int>(random.below(25));
    std::set<std::string> left;
    for (int i = 0; i < tasks; ++i) {
      const std::string host = std::to_string(random.below(4));
      const std::string id = std::to_string(i);
      shelf.add(id, "i" + host, host < "2" ? "a" : "b", kHealthy,
                50 * static_cast<std::int64_t>(1 + random.below(3)));
      left.insert("c/" + id);
    }
    for (const auto& [host, room] : free)
      shelf.host(host, room + shelf.state.task_index().usage(arn_of(host)).memory);
    const auto order =
        shelf.book.take(shelf.state, only(kHealthy), tasks,
                        {{spread ? model::StrategyType::kSpread : model::StrategyType::kBinpack, "memory"}});
    ASSERT_EQ(std::set<std::string>(order.begin(), order.end()), left);
    for (const std::string& next : order) {
      const auto rank = [&](const std::string& key) {
        const Book::Entry& mine = *shelf.book.find(key);
        std::int64_t zone = 0;
        std::int64_t host = 0;
        for (const std::string& other : left) {
          zone += shelf.book.find(other)->zone == mine.zone ? 1 : 0;
          host += shelf.book.find(other)->instance == mine.instance ? 1 : 0;
        }
        const std::int64_t room = free[mine.instance.substr(mine.instance.rfind('/') + 1)] +
                                  shelf.state.tasks.find(key)->reserved.memory;
        return std::pair(spread ? zone : room, spread ? host : 0);
      };
      for (const std::string& other : left) ASSERT_GE(rank(next), rank(other)) << "seed " << seed;
      const std::string& host = shelf.host_of(next);
      free[host.substr(host.rfind('/') + 1)] += shelf.state.tasks.find(next)->reserved.memory;
      left.erase(next);
    }
  }
}

}  // namespace
}  // namespace agent::control
