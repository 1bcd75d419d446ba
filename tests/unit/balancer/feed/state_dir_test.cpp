#include "balancer/feed/state_dir.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace balancer::feed {
namespace {

struct TempDir {
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-state-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(StateDir, KeepsItsIdAndTheLastConfigurationOverRestarts) {
  TempDir temp;
  shared::env::SeededRandom random(5);
  std::string id;
  shared::lbconfig::Config config;
  config.version = 12;
  {
    auto state = StateDir::open(temp.path + "/a/b");
    ASSERT_TRUE(state);
    id = *state->balancer_id(random);
    auto nothing = state->load();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
    ASSERT_TRUE(state->save(config));
  }
  auto again = StateDir::open(temp.path + "/a/b");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->balancer_id(random), id);
  auto loaded = again->load();
  ASSERT_TRUE(loaded);
  ASSERT_TRUE(*loaded);
  EXPECT_EQ((*loaded)->version, 12U);
}

using shared::lbconfig::Config;

// `version` with that many targets, of which a version takes out one and puts in another.
Config turned(std::uint64_t version, int targets = 50) {
  Config config;
  config.version = version;
  shared::lbconfig::TargetGroup group;
  group.id = "tg";
  for (std::uint64_t i = version; i < version + static_cast<std::uint64_t>(targets); ++i) {
    shared::lbconfig::Target target;
    target.address = "10.0.0.1";
    target.port = 80;
    target.id = target.registration = "r" + std::to_string(i);
    group.targets.push_back(target);
  }
  config.target_groups.push_back(group);
  return config;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Saved {
  // What is on the disk is looked at after each `looks`-th version.
  explicit Saved(std::uint64_t last, int targets = 50, std::uint64_t looks = 1) {
    auto state = StateDir::open(temp.path).value();
    for (std::uint64_t version = 1; version <= last; ++version) {
      EXPECT_TRUE(state.save(turned(version, targets)));
      if (version % looks != 0) continue;
      const auto loaded = load();
      EXPECT_TRUE(loaded == turned(version, targets)) << version;
    }
  }
  Config load() const { return StateDir::open(temp.path).value().load().value().value_or(Config{}); }
  TempDir temp;
  std::string snapshot = temp.path + "/snapshot.json";
  std::string journal = temp.path + "/snapshot.journal";
};

TEST(StateDir, AChangeIsOnTheDiskWithoutWritingTheWholeAgain) {
  Saved saved(20);
  EXPECT_NE(content(saved.snapshot).find("\"version\": 1"), std::string::npos);
  EXPECT_LT(content(saved.journal).size(), 20 * 400U);
}

TEST(StateDir, AJournalThatGrewLargeIsBegunAnew) {
  Saved saved(400, 50, 40);
  EXPECT_EQ(content(saved.snapshot).find("\"version\": 1\n"), std::string::npos);
  EXPECT_LT(content(saved.journal).size(), 64U * 1024);
}

// A crash may end the journal anywhere: what was acknowledged before is there.
TEST(StateDir, WhatACrashCutOffIsNotThereAndTheRestIs) {
  constexpr int kTargets = 4;
  Saved saved(6, kTargets);
  const std::string journal = content(saved.journal);
  std::uint64_t before = 1;
  for (std::size_t end = 0; end <= journal.size(); ++end) {
    std::ofstream(saved.journal) << journal.substr(0, end);
    const Config loaded = saved.load();
    ASSERT_GE(loaded.version, before);
    ASSERT_EQ(loaded, turned(loaded.version, kTargets));
    before = loaded.version;
  }
  EXPECT_EQ(before, 6U);
  // The next process does not go on behind what was cut off.
  std::ofstream(saved.journal) << journal.substr(0, journal.size() - 3);
  auto state = StateDir::open(saved.temp.path).value();
  ASSERT_TRUE(state.save(turned(7, kTargets)));
  ASSERT_TRUE(state.save(turned(8, kTargets)));
  EXPECT_EQ(saved.load(), turned(8, kTargets));
}

TEST(StateDir, AJournalOfBeforeTheSnapshotCountsForNothing) {
  Saved saved(6);
  const std::string journal = content(saved.journal);
  ASSERT_TRUE(StateDir::open(saved.temp.path).value().save(turned(9)));
  std::ofstream(saved.journal) << journal;  // a crash came before it was emptied
  EXPECT_EQ(saved.load(), turned(9));
}

TEST(StateDir, ABrokenSnapshotIsAnErrorThatNamesTheFile) {
  TempDir temp;
  auto state = StateDir::open(temp.path);
  ASSERT_TRUE(state);
  std::ofstream(temp.path + "/snapshot.json") << "{\"version\": 3, \"listen";
  const auto loaded = state->load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text().find(temp.path + "/snapshot.json"), std::string::npos);
}

}  // namespace
}  // namespace balancer::feed
