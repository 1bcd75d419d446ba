#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/store/store.h"

namespace agent::store {
namespace {

using shared::Error;
using testing::ElementsAre;
using testing::Pair;

TEST(MemoryStore, ScheduledFailuresLeaveEverythingAsItWas) {
  MemoryStore store;
  ASSERT_TRUE(store.commit({{{"a", "1"}}, {}}));
  store.fail_next_commits(2, Error("disk_full", "disk is full"));
  EXPECT_TRUE(store.commit({}));  // nothing to write, nothing to fail
  EXPECT_EQ(store.commit({{{"a", "2"}}, {}}).error().code(), "disk_full");
  EXPECT_EQ(store.commit({{}, {"a"}}).error().code(), "disk_full");
  EXPECT_THAT(store.records(), ElementsAre(Pair("a", "1")));
  EXPECT_TRUE(store.commit({{{"a", "2"}}, {}}));
  EXPECT_THAT(store.records(), ElementsAre(Pair("a", "2")));
  EXPECT_EQ(store.commits(), 2U);
}

TEST(MemoryStore, AnIoErrorLastsUntilTheStoreIsReopened) {
  MemoryStore store;
  ASSERT_TRUE(store.commit({{{"a", "1"}}, {}}));
  store.fail_next_commits(1, Error("io", "disk is gone"));
  EXPECT_EQ(store.commit({{{"b", "1"}}, {}}).error().code(), "io");
  EXPECT_EQ(store.commit({{{"b", "1"}}, {}}).error().code(), "io");
  MemoryStore after_restart(store);
  EXPECT_TRUE(after_restart.commit({{{"b", "1"}}, {}}));
  EXPECT_THAT(after_restart.records(), ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_THAT(store.records(), ElementsAre(Pair("a", "1")));
}

}  // namespace
}  // namespace agent::store
