// A step shows the state to everybody, and its rows to who includes rows.h.
#include "agent/control/state/rows.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace agent::control::test {
namespace {

static_assert(std::is_same_v<decltype(Step::state), const State&>, "a step alone is for reading");
static_assert(!std::is_aggregate_v<Step>, "nobody reaches a step's rows by taking it apart");

struct Steps : ::testing::Test {
  State state;
  shared::env::SeededRandom random{1};
  Settings settings;
  Step step{state, shared::from_epoch_millis(1'700'000'000'000), random, settings};
};

TEST_F(Steps, WhatIsChangedThroughTheRowsIsWhatTheStepShows) {
  rows(step).clusters.put("default", {});
  EXPECT_NE(step.state.clusters.find("default"), nullptr);
}

TEST_F(Steps, TheMetaRowIsMadeWithItsFirstChange) {
  EXPECT_EQ(step.meta().config_version, 0u);
  edit_meta(step, [](model::Meta& meta) { meta.config_version = 7; });
  edit_meta(step, [](model::Meta& meta) { meta.message_counter = 9; });
  EXPECT_EQ(step.meta().config_version, 7u);
  EXPECT_EQ(step.meta().message_counter, 9u);
  EXPECT_EQ(state.meta.size(), 1u);
}

}  // namespace
}  // namespace agent::control::test
