#include "agent/dashboard/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace agent::dashboard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kAll = 1'000'000;
const Filter kEverything{{"service", "task"}, {}};

TEST(Model, TellsEverythingAtFirstAndThenWhatChanged) {
  Model model;
  model.put("service", "a", "", "A1");
  model.put("task", "t", "", "T1");
  const Batch first = model.since(0, kEverything, kAll);
  EXPECT_TRUE(first.anew);
  EXPECT_THAT(first.set, ElementsAre("A1", "T1"));
  model.put("service", "a", "", "A2");
  const Batch second = model.since(first.position, kEverything, kAll);
  EXPECT_FALSE(second.anew);
  EXPECT_THAT(second.set, ElementsAre("A2"));
  EXPECT_TRUE(model.since(second.position, kEverything, kAll).empty());
}

TEST(Model, TheSameTextIsNoNews) {
  Model model;
  model.put("task", "t", "", "T1");
  const auto before = model.newest();
  model.put("task", "t", "", "T1");
  EXPECT_EQ(model.newest(), before);
}

TEST(Model, AnEmptyOneIsKnownOnceItWasTold) {
  const Model model;
  const Batch first = model.since(0, kEverything, kAll);
  EXPECT_TRUE(first.anew);
  EXPECT_TRUE(model.since(first.position, kEverything, kAll).empty());
}

TEST(Model, WhatIsGoneIsToldToThoseWhoWanted) {
  Model model;
  model.put("task", "t", "service:a", "T1");
  model.put("host", "h", "", "H1");
  const auto position = model.newest();
  model.erase("task", "t");
  model.erase("host", "h");
  model.erase("host", "h");
  EXPECT_THAT(model.since(position, kEverything, kAll).gone, ElementsAre("task/t"));
  EXPECT_THAT(model.since(position, Filter{{}, {"service:a"}}, kAll).gone, ElementsAre("task/t"));
  EXPECT_THAT(model.since(position, Filter{{}, {"service:b"}}, kAll).gone, IsEmpty());
  EXPECT_THAT(model.since(0, kEverything, kAll).gone, IsEmpty());
}

TEST(Model, AFilterWantsKindsOwnersAndSingleThings) {
  Model model;
  model.put("task", "1", "service:a", "of a");
  model.put("task", "2", "service:b", "of b");
  model.put("host", "h", "", "host");
  EXPECT_THAT(model.since(0, Filter{{"host"}, {"service:a"}}, kAll).set, ElementsAre("of a", "host"));
  EXPECT_THAT(model.since(0, Filter{{}, {"task:2"}}, kAll).set, ElementsAre("of b"));
  EXPECT_THAT(model.since(0, Filter{}, kAll).set, IsEmpty());
}

TEST(Model, WhoWasAwayForTooLongBeginsAnew) {
  Model model;
  model.put("task", "stays", "", "S");
  const auto position = model.newest();
  for (std::size_t i = 0; i <= kMostGone; ++i) {
    model.put("task", std::to_string(i), "", "T");
    model.erase("task", std::to_string(i));
  }
  const Batch batch = model.since(position, kEverything, kAll);
  EXPECT_TRUE(batch.anew);
  EXPECT_THAT(batch.set, ElementsAre("S"));
  EXPECT_THAT(batch.gone, IsEmpty());
}

// Somebody who takes a little at a time, while everything goes on changing, ends with what there is.
TEST(Model, WhoFollowsInPiecesEndsWithWhatThereIs) {
  std::mt19937 dice(7);
  Model model;
  std::map<std::string, std::string> truth;
  std::map<std::string, std::string> seen;
  std::uint64_t position = 0;
  const auto follow = [&](std::size_t bytes) {
    const Batch batch = model.since(position, kEverything, bytes);
    if (batch.anew) seen.clear();
    for (const std::string& key : batch.gone) seen.erase(key.substr(key.find('/') + 1));
    for (const std::string& text : batch.set) seen[text.substr(0, text.find('='))] = text;
    position = batch.position;
    return batch.more;
  };
  for (int i = 0; i < 5'000; ++i) {
    const std::string id = std::to_string(dice() % 50);
    if (dice() % 3 == 0) {
      model.erase("task", id);
      truth.erase(id);
    } else {
      truth[id] = id + "=" + std::to_string(dice() % 1'000);
      model.put("task", id, "", truth[id]);
    }
    if (dice() % 5 == 0) follow(1 + dice() % 40);
  }
  while (follow(30)) {
  }
  EXPECT_EQ(seen, truth);
}

}  // namespace
}  // namespace agent::dashboard
