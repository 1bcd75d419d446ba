#include "agent/node/engine/lane.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/manual_executor.h"

namespace agent::node {
namespace {

class LaneTest : public testing::Test {
 protected:
  void enter(Lane& lane, std::uint64_t order) {
    lane.enter(order, [this, order] { begun.push_back(order); });
  }
  tests::ManualExecutor executor;
  std::vector<std::uint64_t> begun;
};

TEST_F(LaneTest, NoMoreThanTheLimitAtOnceAndTheLowestOrderNext) {
  Lane lane(executor, 2);
  for (const std::uint64_t order : {5u, 4u, 3u, 1u}) enter(lane, order);
  EXPECT_EQ(begun, (std::vector<std::uint64_t>{5, 4}));
  lane.leave();
  executor.run_ready();
  EXPECT_EQ(begun, (std::vector<std::uint64_t>{5, 4, 1}));
  EXPECT_EQ(lane.waiting(), 1u);
}

TEST_F(LaneTest, TheNextStepOfWhatLeavesGoesBeforeWhatWaits) {
  Lane lane(executor, 1);
  enter(lane, 1);
  enter(lane, 2);
  lane.leave();
  enter(lane, 1);
  executor.run_ready();
  EXPECT_EQ(begun, (std::vector<std::uint64_t>{1, 1}));
}

TEST_F(LaneTest, ClosedLaneBeginsNothingUntilItIsOpened) {
  Lane lane(executor, 0);
  enter(lane, 1);
  executor.run_ready();
  EXPECT_TRUE(begun.empty());
  lane.set_limit(1);
  executor.run_ready();
  EXPECT_EQ(begun.size(), 1u);
}

TEST_F(LaneTest, WorkThatIsOverAtOnceLetsOthersRunInBetween) {
  Lane lane(executor, 2);
  lane.set_limit(0);
  for (int i = 0; i < 10; ++i) {
    lane.enter(0, [this, &lane] {
      begun.push_back(0);
      lane.leave();
    });
  }
  std::size_t seen = 0;
  lane.set_limit(2);
  executor.post([&] { seen = begun.size(); });
  executor.run_ready();
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(begun.size(), 10u);
}

TEST_F(LaneTest, NothingBeginsAfterItsEnd) {
  {
    Lane lane(executor, 1);
    enter(lane, 1);
    enter(lane, 2);
    lane.leave();
  }
  executor.run_ready();
  EXPECT_EQ(begun.size(), 1u);
}

}  // namespace
}  // namespace agent::node
